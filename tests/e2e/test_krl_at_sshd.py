"""Lists of every density at a real sshd: each is loaded, keeps out whom it names, and lets everybody else in.

Trust 6.1: ssh-keygen wrote a bitmap for scattered serials that sshd then refused to load, and everybody was out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts.needs import need
from tests.parts.openssh import Accounts, Sshd, make_key, run_ssh, run_sshd, sign_key
from tests.parts.processes import safe_directory

from daypass.keygen import loads
from daypass.wire import CertificateSection, Krl, PublicKey

FIRST = 30_000_000 << 32  # as a block of serials starts today: (unix minute << 32)
GONE, HOLDS = "gone", "holds"  # two certificates of alice's


class Gate:
    """An sshd that goes by one CA and one list."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.krl, self.ca = root / "krl", make_key(root / "ca")
        self.key = PublicKey.from_line((root / "ca.pub").read_text())
        self.sshd: Sshd | None = None
        for number, name in ((FIRST + 2, GONE), (FIRST + 1, HOLDS)):
            public = make_key(root / name).with_suffix(".pub")
            sign_key(self.ca, public, key_id=name, principals=["alice"], serial=number)

    def lines(self) -> list[str]:
        return [f"TrustedUserCAKeys {self.root}/ca.pub", f"RevokedKeys {self.krl}", "AuthorizedKeysFile none"]

    def lists(self, *serials: tuple[int, int]) -> bytes:
        made = Krl(int(time.time() * 1000), 1, "daypass", (CertificateSection(self.key, serials),)).encode()
        self.krl.write_bytes(made)
        return made

    def enters(self, name: str) -> bool:
        assert self.sshd is not None
        done = run_ssh(self.sshd, "true", user="alice", options=(f"IdentityFile={self.root}/{name}",), seconds=60)
        return done.returncode == 0


@pytest.fixture(scope="module")
def gate(accounts: Accounts) -> Iterator[Gate]:
    with safe_directory() as folder:
        made = Gate(folder)
        made.lists()
        (folder / "sshd").mkdir()
        with run_sshd(folder / "sshd", made.lines(), accounts=accounts) as made.sshd:
            yield made


def every(step: int, count: int) -> tuple[tuple[int, int], ...]:
    """`count` serials, one in `step`, the first of them GONE's; never HOLDS's."""
    return tuple((serial, serial) for serial in range(FIRST + 2, FIRST + 2 + step * count, step))


DENSITIES = [
    ("one", every(1, 1)),
    ("1:1, one range of a million", ((FIRST + 2, FIRST + 1_000_000),)),
    ("1:1, each on its own", every(1, 20_000)),
    ("1:2", every(2, 20_000)),
    ("1:10", every(10, 20_000)),
    ("1:100", every(100, 20_000)),
    ("1:10^4", every(10_000, 20_000)),
    ("1:10^6", every(1_000_000, 20_000)),
    ("1:3, in pairs", tuple((each, each + 1) for each, _ in every(3, 20_000))),
    ("100,000 scattered", every(1_000, 100_000)),
    ("100,000 ranges", tuple((each, each + 7) for each, _ in every(16, 100_000))),
    ("the whole space above", ((FIRST + 2, 2**64 - 1),)),
]


@pytest.mark.parametrize("serials", [row[1] for row in DENSITIES], ids=[row[0] for row in DENSITIES])
def test_sshd_loads_it_and_keeps_out_exactly_whom_it_names(gate: Gate, serials: tuple[tuple[int, int], ...]) -> None:
    assert loads(need("ssh-keygen"), gate.lists(*serials))
    assert (gate.enters(GONE), gate.enters(HOLDS)) == (False, True)


def test_one_byte_short_keeps_everybody_out_and_ssh_keygen_says_so_before(gate: Gate) -> None:
    """So none of these may ever get to a host."""
    whole = gate.lists((FIRST + 2, FIRST + 2))
    for broken in (whole + b"\1", b"", b"# no list\n", whole[:-1]):
        gate.krl.write_bytes(broken)
        assert not loads(need("ssh-keygen"), broken)
    assert not gate.enters(HOLDS)
