"""The bundle that comes with a certificate: what is kept of it, and what never is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from daypass import api
from daypass.client import enrolled, trust
from daypass.client.settings import Context, Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership
from daypass.errors import DaypassError, Invalid, Unauthenticated
from daypass.wire import Krl
from tests.client.mini_ca import MiniCa
from tests.parts.openssh import keygen


def kept(context: Context) -> tuple[bytes, bytes]:
    return context.bundle.read_bytes(), context.revoked_host_keys.read_bytes()


def test_before_the_first_login_no_host_is_known(joined: Membership) -> None:
    assert enrolled.names(joined) == ()


def test_a_login_brings_the_names_and_a_krl_that_ssh_keygen_reads(
    company: MiniCa, joined: Membership, sign_in: Callable[..., Login]
) -> None:
    company.revoked = (5, 7)
    sign_in().run()
    assert enrolled.names(joined) == ("web-1.corp.test",)
    listed = keygen("-Q", "-l", "-f", joined.context.revoked_host_keys)
    assert "serial: 5" in listed and "serial: 7" in listed


LIES: list[tuple[str, Callable[[MiniCa], api.Signed], type[DaypassError]]] = [
    ("signed by the user CA", lambda ca: ca.client_bundle(ca.user_ca), Unauthenticated),
    ("for another CA", lambda ca: ca.client_bundle(ca_id="ab" * 32), Unauthenticated),
    ("expired", lambda ca: ca.client_bundle(expires=int(time.time())), Unauthenticated),
    ("naming a foreign host", lambda ca: ca.client_bundle(enrolled=["github.com"]), Unauthenticated),
    ("naming everything", lambda ca: ca.client_bundle(enrolled=["*"]), Unauthenticated),
    ("with a line of its own", lambda ca: ca.client_bundle(enrolled=['a"\nHost *.corp.test']), Unauthenticated),
    ("with a KRL that is none", lambda ca: ca.client_bundle(host_krl=b"SSHKRL"), Invalid),
]


@pytest.mark.parametrize(("lie", "error"), [row[1:] for row in LIES], ids=[row[0] for row in LIES])
def test_a_bundle_that_can_t_be_believed_ends_the_login_and_nothing_is_kept(
    lie: Callable[[MiniCa], api.Signed], error: type[DaypassError],
    company: MiniCa, joined: Membership, sign_in: Callable[..., Login], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sign_in().run()
    before, certificate = kept(joined.context), joined.context.certificate.read_bytes()
    forged = lie(company)
    monkeypatch.setattr(company, "client_bundle", lambda: forged)
    with pytest.raises(error):
        sign_in(force=True).run()
    assert kept(joined.context) == before
    assert joined.context.certificate.read_bytes() == certificate


def test_an_older_bundle_never_replaces_a_newer_one(
    company: MiniCa,
    joined: Membership,
    sign_in: Callable[..., Login],
    monkeypatch: pytest.MonkeyPatch,
    said: list[str],
) -> None:
    """Else a revocation could be taken back. Several CA processes may answer out of step, so the login goes on."""
    older = company.client_bundle(version=1, enrolled=[], host_krl=Krl(1, 1, "").encode())
    sign_in().run()
    before = kept(joined.context)
    monkeypatch.setattr(company, "client_bundle", lambda: older)
    sign_in(force=True).run()
    assert kept(joined.context) == before
    assert any("version 1" in line and "newer one stays" in line for line in said)


def test_a_ca_that_sends_no_bundle_takes_nothing_away(
    company: MiniCa, joined: Membership, sign_in: Callable[..., Login], monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in().run()
    before = kept(joined.context)
    monkeypatch.setattr(company, "client_bundle", lambda: None)
    sign_in(force=True).run()
    assert kept(joined.context) == before


def test_names_outside_the_patterns_of_today_are_left_out(
    company: MiniCa, joined: Membership, settings: Settings, sign_in: Callable[..., Login]
) -> None:
    sign_in().run()
    company.host_patterns = ["*.other.test"]
    member = trust.bootstrap(settings, company.url, company.fingerprint)
    assert enrolled.names(member) == ()


@pytest.mark.parametrize("damage", [b"", b"{", b'{"document":"{}","signature":""}', b"\xff"])
def test_a_damaged_file_is_mended_by_the_next_login(
    damage: bytes, joined: Membership, sign_in: Callable[..., Login]
) -> None:
    sign_in().run()
    joined.context.bundle.write_bytes(damage)
    assert enrolled.names(joined) == ()
    sign_in(force=True).run()
    assert enrolled.names(joined) == ("web-1.corp.test",)


def test_a_call_made_for_something_else_brings_what_is_revoked(joined: Membership, company: MiniCa) -> None:
    """Not the names that are new: ssh's configuration is written with those. And an older list never."""
    member, now = joined, time.time()
    enrolled.keep(member, enrolled.verify(member, company.client_bundle(), now, print))
    listed, later = member.context.revoked_host_keys, now + enrolled.FRESH + 1
    before = listed.read_bytes()
    revoked = Krl(2**50, 1, "other").encode()
    newer: dict[str, Any] = {"version": 2**50, "host_krl": revoked}
    for fetched, at, wanted in (
        (company.client_bundle(**newer), now, before),
        (company.client_bundle(version=1, host_krl=revoked), later, before),
        (company.client_bundle(**newer, enrolled=["new.corp.test"]), later, revoked),
        (company.client_bundle(**newer), later, revoked),
    ):
        enrolled.heed(member, lambda fetched=fetched: fetched, at)  # type: ignore[misc]
        assert listed.read_bytes() == wanted
    assert "new.corp.test" not in enrolled.names(member)
