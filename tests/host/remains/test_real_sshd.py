"""A key that was left lets in after its owner's certificates are revoked [seen, trust 6.6], until it is taken."""

from __future__ import annotations

from tests.host.box import Box
from tests.host.fake_ca import public
from tests.host.remains.homes import ALICE, Homes
from tests.parts.openssh import Accounts, Sshd, make_key, run_ssh

from daypass.wire import Krl
from daypass.wire.krl import CertificateSection


def test_a_key_that_was_left_lets_in_until_it_is_taken_and_again_when_it_is_back(
    box: Box, accounts: Accounts
) -> None:
    key = box.root / "left"
    make_key(key)
    with box.running(f"AuthorizedKeysFile {box.root}/home/%u/.ssh/authorized_keys", accounts=accounts) as sshd:
        homes = Homes(box)
        homes.put("alice", ".ssh/authorized_keys", key.with_suffix(".pub").read_text())
        homes.came("alice", by=ALICE)
        revoked = CertificateSection(public(box.ca.user_ca), ((1, 1 << 40),))
        box.ca.listed = Krl(version=2, generated_at=1_800_000_000, comment="test", sections=(revoked,)).encode()
        homes.ended(remains="report")
        assert homes.told() == [("alice", "authorized_keys", "reported")]
        assert enters(sshd, box)
        homes.ended(remains="quarantine")
        assert homes.told() == [("alice", "authorized_keys", "quarantined")]
        assert not enters(sshd, box)
        homes.ended(undone=True)
        homes.looked()
        assert enters(sshd, box)


def enters(sshd: Sshd, box: Box) -> bool:
    return run_ssh(sshd, "true", user="alice", options=(f"IdentityFile={box.root}/left",)).returncode == 0
