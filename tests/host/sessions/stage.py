"""A machine whose sshd trusts a CA of the test, and what its agent does there at one turn."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from tests.host.fake_ca import FakeCa, public
from tests.parts.machine import Machine, Yard, our_python, ours, run_yard
from tests.parts.openssh import make_key, sign_key
from tests.parts.processes import safe_directory, stop, wait_until

from daypass.api import HostSession
from daypass.host import files
from daypass.host.documents import encode
from daypass.host.settings import Paths
from daypass.host.state import State
from daypass.wire import Krl
from daypass.wire.krl import CertificateSection

_HEAD = """
import sys, time
import msgspec
from daypass.host.sessions import open_sessions
from daypass.host.sessions.turn import turn
from daypass.host.settings import Paths
"""
# One process, as the agent is one: at the word "turn" a turn, else a look at who is there; a line of JSON each.
_AGENT = f"""{_HEAD}
for word in sys.stdin:
    if word == "turn\\n":
        t = turn(Paths(), time.time())
        found = [t.closed, t.said]
    else:
        found = open_sessions(Paths())
    sys.stdout.buffer.write(msgspec.json.encode(found) + b"\\n")
    sys.stdout.flush()
"""
TURN = f"{_HEAD}\nt = turn(Paths(), time.time())\nsys.stdout.buffer.write(msgspec.json.encode([t.closed, t.said]))"
_SSHD = "TrustedUserCAKeys /etc/ssh/daypass/user_ca.pub\nAuthorizedPrincipalsFile /etc/ssh/principals/%u\n"


@dataclass
class Session:
    """One `ssh` of a person's, from outside."""

    process: subprocess.Popen[bytes]
    serial: int
    output: Path

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None


@dataclass
class Stage:
    yard: Yard
    machine: Machine
    folder: Path
    ca: FakeCa = field(default_factory=FakeCa)
    serial: int = 100
    _agent: subprocess.Popen[bytes] | None = None
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def prepare(self) -> None:
        paths = Paths(self.machine.root)
        files.make_folder(paths.ours, 0o755)
        paths.user_ca.write_text(public(self.ca.user_ca).line() + "\n")
        (self.machine.root / "etc/ssh/sshd_config.d/daypass.conf").write_text(_SSHD)
        (self.machine.root / "etc/ssh/principals").mkdir()
        pem = self.ca.user_ca.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        (self.folder / "ca").write_bytes(pem)
        (self.folder / "ca").chmod(0o600)
        paths.memory.mkdir(parents=True, mode=0o700)
        self.say()
        self.machine.run("systemctl", "restart", "ssh")

    def account(self, name: str) -> None:
        self.machine.run("useradd", "--create-home", "--shell", "/bin/bash", name, check=False)
        (self.machine.root / "etc/ssh/principals" / name).write_text(f"role:test:{name}\n")

    def say(self, revoked: Sequence[int] = (), **bundle: Any) -> None:
        """The CA's word from now on, as a sync would have left it here."""
        paths, ca = Paths(self.machine.root), self.ca
        section = CertificateSection(public(ca.user_ca), tuple((each, each) for each in sorted(revoked)))
        ca.listed = Krl(1, 1_800_000_000, "test", (section,) if revoked else ()).encode()
        ca.bundle = bundle
        files.write(paths.krl, ca.listed, 0o644)
        documents = ca.signed_trust(), ca._signed(ca._bundle(), ca.bundle_key, "daypass-host-bundle")
        for path, document in zip((paths.trust, paths.bundle), documents, strict=True):
            files.write(path, encode(document), 0o600)
        state = State(
            url=ca.url, ca_id=ca.ca_id.hex(), roots=[], host_id="h-1", name="web-1.example.com", trust_version=1,
            bundle_version=1, bundle_expires=2_000_000_000, krl_version=1, enrolled_at=1, certificates=[], digest="d",
        )  # fmt: skip
        files.write(paths.state, state.encode(), 0o600)

    def ssh(self, account: str, *words: str, who: str = "alice", options: Sequence[str | Path] = ()) -> Session:
        """A connection of `who`'s, by a certificate of its own, once it is up."""
        return self.start(["ssh", *self.offering(account, who), *options, self.machine.address, *words])

    def visit(self, account: str, words: str, who: str) -> int:
        """One that is over when this returns; its serial."""
        self.yard.run("ssh", *self.offering(account, who), self.machine.address, words)
        return self.serial

    def offering(self, account: str, who: str = "alice") -> list[str | Path]:
        """Options of ssh and scp: a new certificate, for this account."""
        self.serial += 1
        key = make_key(self.folder / f"key-{self.serial}")
        sign_key(
            self.folder / "ca", key.with_suffix(".pub"), key_id=f"{who}@example.com", serial=self.serial,
            principals=[f"role:test:{account}"],
        )  # fmt: skip
        given = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", f"User={account}")
        return ["-F", "none", "-i", key, *(word for each in given for word in ("-o", each))]

    def start(self, command: Sequence[str | Path]) -> Session:
        """A program that logs in by the newest certificate."""
        output, serial = self.folder / f"output-{self.serial}", self.serial
        with output.open("wb") as sink:
            process = subprocess.Popen(
                list(map(str, self.yard.enter(*command))), stdin=subprocess.PIPE, stdout=sink, stderr=sink
            )
        self._started.append(process)
        wait_until(lambda: bool(self.id_of(serial)) or process.poll() is not None, "a session", seconds=60)
        assert process.poll() is None, output.read_text()
        return Session(process, serial, output)

    def open(self) -> list[HostSession]:
        return msgspec.json.decode(self._ask("open"), type=list[HostSession])

    def id_of(self, serial: int) -> str:
        return next((each.id for each in self.open() if each.serial == serial), "")

    def turn(self) -> tuple[list[dict[str, Any]], list[str]]:
        """What was closed, and what went wrong."""
        closed, said = json.loads(self._ask("turn"))
        return closed, said

    def count(self, command: str) -> int:
        """Processes in the machine that are exactly this."""
        return len(self.machine.run("pgrep", "-xf", command, check=False).stdout.split())

    def running(self, marker: str) -> list[str]:
        """Command lines in the machine that hold it."""
        found = self.machine.run("pgrep", "-af", marker, check=False).stdout.splitlines()
        return [each for each in found if "pgrep" not in each]

    def _ask(self, word: str) -> bytes:
        if self._agent is None:
            command = list(map(str, self.machine.enter(*our_python()[:-2], "-c", _AGENT)))
            self._agent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._agent.stdin is not None and self._agent.stdout is not None
        self._agent.stdin.write(f"{word}\n".encode())
        self._agent.stdin.flush()
        return self._agent.stdout.readline()

    def close(self) -> None:
        for each in (*self._started, *([self._agent] if self._agent is not None else [])):
            stop(each)


@contextmanager
def run_stage() -> Iterator[Stage]:
    with run_yard(1, binds=ours()) as yard, safe_directory() as folder:
        stage = Stage(yard, yard.machines[0], folder)
        stage.prepare()
        try:
            yield stage
        finally:
            stage.close()
