"""kill -9 between any two writes: sshd still starts, its owner still gets in, enrolling again finishes the job."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from tests.host.box import Box
from tests.host.fake_ca import OPTIONS, empty_krl
from tests.parts.kill import killed_at
from tests.parts.openssh import Accounts, Sshd, keygen, make_key, run_ssh
from tests.parts.processes import free_port, stop, wait_until

from daypass.model import HostRole


@contextmanager
def started(box: Box, accounts: Accounts) -> Iterator[Sshd]:
    """A sshd that starts with the configuration as it now is."""
    port = int(next(line for line in box.config.read_text().splitlines() if line.startswith("Port ")).split()[1])
    command = accounts.entered([box.binary, "-D", "-e", "-f", box.config])
    with (box.config.parent / "sshd.log").open("wb") as log:
        sshd = Sshd(box.config.parent, port, subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log))
    try:
        wait_until(sshd.is_up, "sshd start")
        yield sshd
    finally:
        stop(sshd.process)


def check_files_in_force(box: Box) -> None:
    """Whatever the configuration names must be there and load: sshd refuses every key without its KRL."""
    effective = box.sshd.effective()
    if effective["revokedkeys"] == ["none"]:
        return
    keygen("-Q", "-f", effective["revokedkeys"][0], box.paths.user_ca)
    for keyword in ("trustedusercakeys", "hostcertificate"):
        assert all(Path(value).read_text() for value in effective[keyword])


def owners_lines(box: Box) -> list[str]:
    key = box.root / "old"
    if not key.exists():
        make_key(key)
    (box.root / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
    return [f"AuthorizedKeysFile {box.root}/authorized_keys", "ListenAddress 127.0.0.1", "PidFile none", "UsePAM no"]


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("place", ["block", "include"])
def test_a_kill_at_any_write_locks_nobody_out(box: Box, accounts: Accounts, place: str, again: bool) -> None:
    lines = [*([box.include()] if place == "include" else []), *owners_lines(box), f"Port {free_port()}"]
    box.write_config(*lines)
    if again:
        box.enrol()
        box.ca.bundle |= {
            "roles": [HostRole("x", OPTIONS, accounts=("bob",))],
            "version": 2,
        }
        box.ca.listed = empty_krl(2)
    plain = box.tree()
    for number in count(1):
        restore(box, plain)
        if not killed_at(number, box.enrol):
            break
        box.sshd.test()
        check_files_in_force(box)
        if number % 5 == 0:
            with started(box, accounts) as sshd:
                options = (f"IdentityFile={box.root}/old",)
                assert run_ssh(sshd, "true", user="alice", options=options).returncode == 0
        box.enrol()
    assert number > 8


def restore(box: Box, tree: dict[str, tuple[int, bytes]]) -> None:
    for path in box.tree():
        if path not in tree:
            (box.root / path).unlink()
    for name, (mode, content) in tree.items():
        (box.root / name).parent.mkdir(parents=True, exist_ok=True)
        (box.root / name).write_bytes(content)
        (box.root / name).chmod(mode & 0o777)
