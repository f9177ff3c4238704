"""New certificates and new keys for a host that has some: proven at a real sshd, or everything is as it was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.host.box import Box
from tests.host.fake_ca import public
from tests.host.test_kill import restore
from tests.parts.kill import killed_at
from tests.parts.openssh import make_key

from daypass.errors import Conflict, DaypassError, Invalid, Misconfigured, Unavailable
from daypass.host import reload
from daypass.host.alone import alone
from daypass.host.hostkeys import load_host_keys
from daypass.host.leaving import give_up
from daypass.host.renewing import Renewed, rekey, renew
from daypass.host.state import State
from daypass.host.swap import mend
from daypass.wire import Certificate, PublicKey


@pytest.fixture
def host(box: Box) -> Box:
    """Enrolled, and in touch with its CA."""
    box.enrol()
    box.sync()
    return box


@pytest.fixture
def live(box: Box) -> Iterator[Box]:
    """The same, with a sshd that runs."""
    with box.running():
        box.enrol(with_reload=True)
        box.sync()
        yield box


def state(box: Box) -> State:
    found = State.load(box.paths.state)
    assert found is not None
    return found


def certificate(box: Box) -> Certificate:
    return Certificate.from_line(Path(state(box).certificates[0].path).read_text())


def key(box: Box) -> PublicKey:
    return PublicKey.from_line((box.root / "sshd/ssh_host_ed25519_key.pub").read_text())


def renewed(box: Box) -> Renewed:
    return renew(box.paths, box.ca, time.time())


def rekeyed(box: Box, *kinds: str) -> Renewed:
    return rekey(box.paths, box.ca, time.time(), kinds)


def test_a_renewal_keeps_the_key_and_is_proven_at_sshd(live: Box) -> None:
    before, had = certificate(live), key(live)
    assert renewed(live).proven
    assert certificate(live).serial == state(live).certificates[0].serial > before.serial
    assert certificate(live).public_key == had == key(live)
    assert not live.paths.swap.exists()


def test_a_host_without_a_running_sshd_is_renewed_all_the_same(host: Box) -> None:
    assert not renewed(host).proven
    assert state(host).certificates[0].serial == certificate(host).serial


def test_a_certificate_that_sshd_does_not_show_goes_back(live: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise Misconfigured("sshd does not present its new host certificate")

    before, shown = live.tree(), certificate(live)
    for act in (renewed, rekeyed):
        with monkeypatch.context() as patch, pytest.raises(Misconfigured, match="everything is as it was before"):
            patch.setattr(reload, "prove", refuse)
            act(live)
        assert live.tree() == before
        reload.prove([shown], live.sshd.effective())


LIES: list[tuple[str, Any, str]] = [
    ("another name", {"principals": ("web-2.example.com",)}, "does not name"),
    ("a name and a pattern", {"principals": ("web-1.example.com", "*")}, "carries a pattern"),
    ("a certificate that has expired", {"valid_after": 1, "valid_before": 2}, "has expired"),
    ("a user certificate", {"type": 1}, "is a user certificate"),
    ("a certificate for ever", {"valid_before": 2**63}, "more than 400 days"),
]


@pytest.mark.parametrize(("fields", "words"), [row[1:] for row in LIES], ids=[row[0] for row in LIES])
def test_a_lie_leaves_everything_in_place(host: Box, fields: dict[str, Any], words: str) -> None:
    before = host.tree()
    host.ca.certificate |= fields
    for act in (renewed, rekeyed):
        with pytest.raises(DaypassError, match=words):
            act(host)
        assert host.tree() == before


def test_a_certificate_by_a_ca_of_another_is_refused(host: Box) -> None:
    host.ca.certificate["signature_key"] = public(host.ca.stranger)
    host.ca.signers["certificate"] = host.ca.stranger
    with pytest.raises(DaypassError, match="not signed by a host CA key"):
        renewed(host)


def test_fewer_certificates_than_keys_are_no_answer(host: Box) -> None:
    host.ca.renew_answer = lambda answer: msgspec.structs.replace(answer, certificates=[])
    with pytest.raises(Invalid, match="1 keys went to the CA, 0 certificates came back"):
        renewed(host)


def test_a_rekey_replaces_the_key_and_gives_up_the_old_certificate(live: Box) -> None:
    host = live
    before, had, config = certificate(host), key(host), host.config.read_bytes()
    assert rekeyed(host).proven
    assert key(host) != had
    assert certificate(host).public_key == key(host)
    assert (host.root / "sshd/ssh_host_ed25519_key").stat().st_mode & 0o777 == 0o600
    assert host.config.read_bytes() == config
    assert give_up(host.paths, host.ca) == []
    assert host.ca.revoked == [before.serial]
    assert not host.paths.given_up.exists()
    assert sorted(each.name for each in host.paths.ours.iterdir() if each.is_file()) == [
        "krl", "ssh_host_ed25519_key-cert.pub", "user_ca.pub",
    ]  # fmt: skip


def test_only_the_named_type_gets_a_new_key_and_all_get_new_certificates(box: Box) -> None:
    make_key(box.root / "sshd/ssh_host_ecdsa_key", "ecdsa")
    with box.config.open("a") as file:
        file.write(f"HostKey {box.root}/sshd/ssh_host_ecdsa_key\n")
    box.enrol()
    box.sync()
    serials, had = {each.serial for each in state(box).certificates}, key(box)
    assert [each.name for each in rekeyed(box, "ecdsa").replaced] == ["ssh_host_ecdsa_key"]
    assert key(box) == had
    assert not serials & {each.serial for each in state(box).certificates}
    with pytest.raises(Invalid, match="no certified host key of type rsa, only ecdsa, ed25519"):
        rekeyed(box, "rsa")


def test_a_key_that_its_owner_took_away_keeps_no_other_from_its_renewal(box: Box) -> None:
    make_key(box.root / "sshd/ssh_host_ecdsa_key", "ecdsa")
    with box.config.open("a") as file:
        file.write(f"HostKey {box.root}/sshd/ssh_host_ecdsa_key\n")
    box.enrol()
    box.sync()
    (box.root / "sshd/ssh_host_ecdsa_key").unlink()
    renewed(box)
    assert [Path(each.key).name for each in state(box).certificates] == ["ssh_host_ed25519_key"]
    (box.root / "sshd/ssh_host_ed25519_key").unlink()
    with pytest.raises(Misconfigured):
        renewed(box)


def test_what_can_not_be_given_up_yet_waits_for_the_next_time(host: Box) -> None:
    rekeyed(host)
    host.ca.revoke_error = Unavailable("the CA is down")
    assert "the CA is down" in give_up(host.paths, host.ca)[0]
    assert host.paths.given_up.stat().st_mode & 0o777 == 0o600
    host.ca.revoke_error = None
    assert give_up(host.paths, host.ca) == []
    assert len(host.ca.revoked) == 1
    host.ca.revoke_error = Invalid("already revoked")
    rekeyed(host)
    assert give_up(host.paths, host.ca) == []


def test_two_at_once_are_one_too_many(host: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.host.renewing.PATIENCE", 0.0)
    with alone(host.paths), pytest.raises(Conflict, match="another sync or enrolment is running"):
        renewed(host)


@pytest.mark.parametrize("act", [renewed, rekeyed])
def test_a_kill_at_any_write_leaves_a_key_with_its_certificate_and_heals(host: Box, act: Any) -> None:
    plain = host.tree()
    for number in count(1):
        restore(host, plain)
        if not killed_at(number, lambda: act(host)):
            break
        host.sshd.test()
        check_restarted(host)
        with alone(host.paths):
            mend(host.paths)
        assert certificate(host).public_key == key(host)
        assert certificate(host).serial == state(host).certificates[0].serial
        assert not [*host.paths.ours.glob("next-*"), *host.paths.memory.glob("rekey-*")]
        host.sync()
        act(host)
    assert number > 3


def check_restarted(box: Box) -> None:
    """What a sshd that starts now would go by."""
    (mine,), _ = load_host_keys([box.root / "sshd/ssh_host_ed25519_key"])
    found = [Path(each) for each in box.sshd.effective()["hostcertificate"]]
    certificates = [Certificate.from_line(each.read_text()) for each in found if each.exists()]
    assert any(each.public_key == mine.public_key for each in certificates)
    check = box.sshd.effective()["revokedkeys"][0]
    assert Path(check).exists()


def test_an_enrolment_waits_until_an_interrupted_change_is_settled(host: Box) -> None:
    assert killed_at(3, lambda: renewed(host))
    with pytest.raises(Conflict, match="was interrupted") as refused:
        host.enrol()
    assert "daypass host sync" in (refused.value.hint or "")
    host.sync()
    host.enrol()


def test_keys_can_be_replaced_right_after_the_enrolment(box: Box) -> None:
    """Nothing has to be asked of the CA in between."""
    box.enrol()
    renew(box.paths, box.ca, time.time())
