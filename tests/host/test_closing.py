"""Fail-closed: by a list that refuses the CA, after the time that was signed, until the CA has word again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.host.box import Box
from tests.host.fake_ca import FakeCa
from tests.parts.openssh import Accounts, make_key, run_ssh

from daypass.errors import DaypassError, Unavailable
from daypass.host.closing import close_if_due, closes_at, is_closed
from daypass.host.state import State
from daypass.host.sync import sync_once
from daypass.wire import PublicKey

HOUR = 3600


@pytest.fixture
def vault(box: Box) -> Box:
    """Enrolled, and with word that it is to close after an hour without any."""
    box.ca.bundle["fail_closed_after"] = HOUR
    box.enrol()
    box.sync()
    return box


def down(*_: object) -> Any:
    raise Unavailable("the CA is down")


def in_vain(box: Box, seconds: float) -> str:
    """What a sync says that long after the last word."""
    box.ca.sync_answer = down
    with pytest.raises(DaypassError) as caught:
        sync_once(box.paths, box.ca, time.time() + seconds)
    return caught.value.message


def state(box: Box) -> State:
    found = State.load(box.paths.state)
    assert found is not None
    return found


def test_it_closes_when_the_time_is_over_says_so_once_and_not_before(vault: Box) -> None:
    before = vault.paths.krl.read_bytes()
    assert in_vain(vault, HOUR - 10) == "the CA is down"
    assert vault.paths.krl.read_bytes() == before
    assert "certificates are refused here" in in_vain(vault, HOUR + 10)
    assert is_closed(vault.paths.krl)
    closed = vault.tree()
    assert in_vain(vault, 2 * HOUR) == "the CA is down"
    assert vault.tree() == closed


def test_the_next_word_opens_it_again(vault: Box) -> None:
    before = vault.paths.krl.read_bytes()
    in_vain(vault, 2 * HOUR)
    vault.ca.sync_answer = lambda answer: answer
    assert [path.name for path in vault.sync().changed] == ["krl"]
    assert vault.paths.krl.read_bytes() == before


def test_a_host_that_is_to_go_on_does_for_ever(box: Box) -> None:
    box.enrol()
    box.sync()
    before = box.tree()
    assert in_vain(box, 400 * 86400) == "the CA is down"
    assert box.tree() == before
    assert closes_at(box.paths, state(box)) is None


def signed_by_stranger(ca: FakeCa) -> None:
    ca.signers.update(bundle=ca.stranger)


def of_another_host(ca: FakeCa) -> None:
    ca.heartbeat["host_id"] = "h-2"


@pytest.mark.parametrize("lie", [signed_by_stranger, of_another_host])
def test_what_is_not_signed_for_it_is_no_word(vault: Box, lie: Callable[[FakeCa], None]) -> None:
    lie(vault.ca)
    with pytest.raises(DaypassError, match="certificates are refused here"):
        sync_once(vault.paths, vault.ca, time.time() + 2 * HOUR)
    assert is_closed(vault.paths.krl)


def test_a_bundle_that_somebody_wrote_there_closes_nothing(vault: Box) -> None:
    text = vault.paths.bundle.read_text().replace("3600", "0001")
    vault.paths.bundle.write_text(text)
    assert not close_if_due(vault.paths, state(vault), time.time() + 2 * HOUR)


def test_sshd_refuses_certificates_and_lets_keys_in_as_ever(vault: Box, accounts: Accounts) -> None:
    """And after the next word, certificates too. sshd reads the list at each login: nothing is reloaded."""
    ours = vault.paths.ours
    lines = [
        f"TrustedUserCAKeys {ours}/user_ca.pub",
        f"RevokedKeys {ours}/krl",
        f"AuthorizedKeysFile {vault.root}/authorized_keys",
    ]
    certified, plain = vault.root / "certified", vault.root / "plain"
    make_key(certified)
    make_key(plain)
    mine = PublicKey.from_line(certified.with_suffix(".pub").read_text())
    (vault.root / "certified-cert.pub").write_text(vault.ca.user_certificate(mine, "alice").line() + "\n")
    (vault.root / "authorized_keys").write_text(plain.with_suffix(".pub").read_text())
    with vault.running(*lines, accounts=accounts) as sshd:

        def enters(identity: str) -> bool:
            options = (f"IdentityFile={vault.root}/{identity}",)
            return run_ssh(sshd, "true", user="alice", options=options).returncode == 0

        assert (enters("certified"), enters("plain")) == (True, True)
        in_vain(vault, 2 * HOUR)
        assert (enters("certified"), enters("plain")) == (False, True)
        vault.ca.sync_answer = lambda answer: answer
        vault.sync()
        assert (enters("certified"), enters("plain")) == (True, True)
