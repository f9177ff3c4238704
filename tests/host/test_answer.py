"""What a CA, or whoever sits in its place, can answer: only the truth changes anything on the machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.host.box import Box
from tests.host.fake_ca import NAME, OPTIONS, FakeCa, empty_krl, public

from daypass.errors import DaypassError
from daypass.model import HostRole
from daypass.wire import CertType, KrlHeader
from daypass.wire.buffer import string, uint64
from daypass.wire.krl import refusing

Lie = Callable[[FakeCa], Any]


def certificate(**changes: Any) -> Lie:
    return lambda ca: ca.certificate.update(changes)


def bundle(**changes: Any) -> Lie:
    return lambda ca: ca.bundle.update(changes)


def role(name: str = "x", options: str = OPTIONS, accounts: tuple[str, ...] = ("deploy",)) -> HostRole:
    return HostRole(name, options, accounts)


def signed_by_stranger(what: str) -> Lie:
    return lambda ca: ca.signers.update({what: ca.stranger})


def answered(**changes: Any) -> Lie:
    return lambda ca: setattr(ca, "answer", lambda answer: msgspec.structs.replace(answer, **changes))


def listed(krl: bytes) -> Lie:
    return lambda ca: setattr(ca, "listed", krl)


def revoking_plain_keys(ca: FakeCa) -> None:
    ca.listed = refusing([public(ca.stranger)], KrlHeader(1, 1, ""))


def revoking_for_every_ca(ca: FakeCa) -> None:
    """As `ssh-keygen -k -s NONE` writes it: a section with an empty CA key (PROTOCOL.krl)."""
    section = string(b"") + string(b"") + bytes([0x20]) + string(uint64(1))
    ca.listed = KrlHeader(1, 1, "").encode() + bytes([1]) + string(section)


def foreign_ca(ca: FakeCa) -> None:
    ca.certificate.update(signature_key=public(ca.stranger))
    ca.signers.update(certificate=ca.stranger)


def user_ca_signs_host(ca: FakeCa) -> None:
    ca.certificate.update(signature_key=public(ca.user_ca))
    ca.signers.update(certificate=ca.user_ca)


def broken_certificate(ca: FakeCa) -> None:
    ca.answer = lambda answer: msgspec.structs.replace(answer, certificates=[answer.certificates[0][:-1]])


def for_another_key(ca: FakeCa) -> None:
    ca.certificate.update(public_key=public(ca.stranger))


LIES: list[tuple[str, Lie, str]] = [
    ("certificate for another key", for_another_key, "another key"),
    ("certificate by a foreign CA", foreign_ca, "not signed by a host CA"),
    ("host certificate by the user CA", user_ca_signs_host, "not signed by a host CA"),
    ("certificate with a forged signature", signed_by_stranger("certificate"), "does not hold"),
    ("user certificate", certificate(type=CertType.USER), "is a user certificate"),
    ("certificate for another name", certificate(principals=("web-2.example.com",)), f"does not name {NAME}"),
    ("certificate without principals (CVE-2024-7594)", certificate(principals=()), f"does not name {NAME}"),
    ("certificate with a wildcard", certificate(principals=(NAME, "*")), "pattern"),
    ("certificate with a comma (CVE-2026-35414)", certificate(principals=(NAME, "a,b")), "pattern"),
    ("certificate with a newline", certificate(principals=(NAME, "a\nb")), "pattern"),
    ("certificate with options (CVE-2026-46595)", certificate(critical_options=(("x", "y"),)), "critical options"),
    ("certificate that has expired", certificate(valid_before=int(time.time()) - 1), "has expired"),
    ("certificate of tomorrow", certificate(valid_after=int(time.time()) + 3000), "not valid yet"),
    ("certificate for ever", certificate(valid_before=2**64 - 1), "400 days"),
    ("certificate cut short", broken_certificate, "cut short"),
    ("no certificate", answered(certificates=[]), "0 certificates"),
    ("forged bundle", signed_by_stranger("bundle"), "not signed by a key of this CA"),
    ("forged trust document", signed_by_stranger("trust"), "not signed by this CA's root"),
    ("expired bundle", bundle(expires=1), "has expired"),
    ("bundle of another CA", bundle(ca_id="00" * 32), "another CA"),
    ("bundle of another host", bundle(host_id="h-2"), "another host"),
    ("bundle with another name", bundle(name="web-2.example.com"), "another host"),
    ("answer with another name", answered(name="db-1.example.com"), "another host"),
    (
        "bundle with a path for a name",
        lambda ca: (bundle(name="../x")(ca), answered(name="../x")(ca)),
        "another host",
    ),
    ("no KRL", answered(krl=None), "no KRL"),
    ("an empty file for a KRL", listed(b""), "no KRL"),
    ("a broken KRL", listed(b"SSHKRL\n\0garbage"), "can't be loaded"),
    ("text for a KRL", listed(b"# nothing\n"), "can't be loaded"),
    ("KRL of plain keys", revoking_plain_keys, "more than certificates"),
    ("KRL for every CA", revoking_for_every_ca, "more than certificates"),
    ("another KRL than the bundle names", answered(krl=empty_krl(2)), "not the one"),
    ("bundle that names no KRL", bundle(krl_digest=""), "not the one"),
    ("account that is a path", bundle(roles=[role(accounts=("../../etc/cron.d/x",))]), "can't be one"),
    ("account with a newline", bundle(roles=[role(accounts=("a\nb",))]), "can't be one"),
    ("options that do not restrict", bundle(roles=[role(options="pty")]), "can't stand on a line"),
    ("options with a newline", bundle(roles=[role(options='restrict,command="a\nrole:x"')]), "can't stand on a line"),
    ("options that end in a principal", bundle(roles=[role(options="restrict role:y")]), "can't stand on a line"),
    ("role that is no name", bundle(roles=[role(name="a b")]), "can't be one"),
    ("role with a principal's colon", bundle(roles=[role(name="dev:alice")]), "can't be one"),
    ("role that stands twice", bundle(roles=[role(), role()]), "names a role twice"),
]


@pytest.mark.parametrize(("lie", "words"), [row[1:] for row in LIES], ids=[row[0] for row in LIES])
def test_a_lie_is_refused_and_nothing_is_written(box: Box, lie: Lie, words: str) -> None:
    lie(box.ca)
    before = box.tree()
    with pytest.raises(DaypassError, match=words):
        box.enrol()
    assert box.tree() == before


@pytest.mark.parametrize("kind", ["trust", "bundle"])
def test_a_document_older_than_the_one_remembered_is_refused(box: Box, kind: str) -> None:
    getattr(box.ca, kind)["version"] = 7
    box.enrol()
    before = box.tree()
    getattr(box.ca, kind)["version"] = 6
    with pytest.raises(DaypassError, match="version 7 was seen before"):
        box.enrol()
    assert box.tree() == before


def test_a_krl_older_than_the_one_remembered_is_refused(box: Box) -> None:
    box.ca.listed = empty_krl(9)
    box.enrol()
    box.ca.listed = empty_krl(8)
    with pytest.raises(DaypassError, match="9 was seen before"):
        box.enrol()


def test_another_ca_can_not_take_over_an_enrolled_machine(box: Box) -> None:
    box.enrol()
    other = FakeCa()
    box.ca = other
    with pytest.raises(DaypassError, match="enrolled with another CA"):
        box.enrol()
    assert other.asked == []
