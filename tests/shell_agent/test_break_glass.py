"""Break-glass on a host with only a shell: the same file, the same block, and nobody else let in (trust 8.5)."""

from __future__ import annotations

import pytest
from tests.host.box import Box
from tests.host.fake_ca import public
from tests.host.test_breakglass import GLASS, announce, comes_in, glass, revoke_user_ca
from tests.host.test_enrol import PLACES, owner_key
from tests.host.tls_ca import run_tls_ca
from tests.parts.openssh import Accounts
from tests.shell_agent.shell_box import SHELLS, ShellBox, in_lines

from daypass.host import glassfile
from daypass.wire import Krl
from daypass.wire.krl import CertificateSection

CASES = list(zip(PLACES, SHELLS, strict=True))


@pytest.fixture(autouse=True)
def _account(box: Box) -> None:
    with box.paths.passwd.open("a") as passwd:
        passwd.write("deploy:x:5003:5003::/home/deploy:/bin/sh\n")


@pytest.mark.parametrize(("place", "shell"), CASES)
def test_it_opens_one_account_beside_the_owners_keys_until_it_is_taken_away(
    box: Box, accounts: Accounts, place: str, shell: str
) -> None:
    lines = [box.include()] if place == "include" else list[str]()
    old, machine = owner_key(box, lines), ShellBox(box, shell)
    with run_tls_ca(box.ca, box.root / "sshd", in_lines) as ca, box.running(*lines, accounts=accounts) as sshd:
        with box.config.open("a") as config:
            config.write("Match User bob\n  X11Forwarding no\n")
        before = box.config.read_bytes()
        machine.enroll(ca.token())
        announce(box)
        machine.run("sync")
        assert box.paths.break_glass.read_bytes() == glassfile.key_lines([public(GLASS)])
        assert "written" not in machine.run("sync").stdout
        revoke_user_ca(box)
        assert comes_in(box, sshd, "deploy", *glass(box))
        assert comes_in(box, sshd, "deploy", old), "the owner's files are read as before"
        assert not comes_in(box, sshd, "alice", *glass(box))
        assert not comes_in(box, sshd, "deploy", *glass(box, box.ca.user_ca))
        settings = box.paths.settings
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text('never = ["deploy"]\n')
        machine.run("sync")
        assert not comes_in(box, sshd, "deploy", *glass(box))
        assert not box.paths.break_glass.exists()
        settings.unlink()
        machine.run("sync")
        assert comes_in(box, sshd, "deploy", *glass(box))
        machine.run("leave")
    assert box.config.read_bytes() == before
    assert not list(box.root.rglob(glassfile.NAME))


@pytest.mark.parametrize("key", ["user_ca", "host_ca", "bundle_key", "root"])
def test_a_key_that_signs_every_day_is_none_for_that_day(box: Box, key: str) -> None:
    machine = ShellBox(box)
    announce(box, "deploy", getattr(box.ca, key))
    with run_tls_ca(box.ca, box.root / "sshd", in_lines) as ca:
        machine.enroll(ca.token(), "--no-reload")
    assert not box.paths.break_glass.exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_of_it_is_revoked_what_the_offline_root_has_revoked(box: Box, shell: str) -> None:
    machine = ShellBox(box, shell)
    announce(box)
    box.ca.trust |= {"break_glass_revoked": [[5, 5], [6, 8], [20, 20]]}
    with run_tls_ca(box.ca, box.root / "sshd", in_lines) as ca:
        box.ca.listed = revoking((5, 8), (20, 20))
        machine.enroll(ca.token(), "--no-reload")
        before = box.paths.krl.read_bytes()
        assert before == box.ca.listed
        box.ca.bundle.update(version=2, digest="d2")
        box.ca.listed = revoking((5, 9))
        ran = machine.run("sync", code=-1)
    assert "offline root has not revoked" in ran.stderr
    assert box.paths.krl.read_bytes() == before


def revoking(*serials: tuple[int, int]) -> bytes:
    return Krl(9, 1, "", (CertificateSection(public(GLASS), serials),)).encode()
