"""The next morning at a laptop: yesterday's certificate, a terminal or none, a browser that is counted."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.client import marker
from daypass.client.agents.agent import Agent
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.wire import Certificate, PublicKey
from tests.client.mini_ca import MiniCa
from tests.parts.openssh import Sshd

HOST = "web-1.corp.test"
_BROWSER = """#!{python} -IS
import os, sys, time, urllib.request
with open("{folder}/opened", "a") as file:
    file.write(sys.argv[1] + "\\n")
if os.path.exists("{folder}/stays"):
    time.sleep(float(open("{folder}/stays").read()))
if not os.path.exists("{folder}/nobody"):
    urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(sys.argv[1])
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended. `terminal` is what its controlling terminal showed."""

    code: int
    out: bytes
    err: str
    terminal: str
    seconds: float


@dataclass(slots=True)
class Morning:
    """`run` runs a person's command; `config` is what they have in ~/.ssh/config, `opened` counts browsers."""

    settings: Settings
    member: Membership
    company: MiniCa
    folder: Path
    sshd: Sshd
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.settings.ssh_folder / "config"

    @property
    def opened(self) -> int:
        path = self.folder / "opened"
        return len(path.read_text().splitlines()) if path.exists() else 0

    @property
    def env(self) -> dict[str, str]:
        theirs = ("SSH_", "XDG_", "DAYPASS_", "DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "TMPDIR")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
        browser = {"BROWSER": f"{self.folder}/browser %s"}
        home = str(self.settings.ssh_folder.parent)
        runtime = {"XDG_RUNTIME_DIR": f"{self.folder}/run", "NO_PROXY": "*", "SHELL": "/bin/sh", "HOME": home}
        return kept | runtime | browser | self.extra

    def prepare(self) -> None:
        """The browser, the runtime folder, and the lines of the person's that lead to the host."""
        (self.folder / "run").mkdir(mode=0o700)
        (self.folder / "browser").write_text(_BROWSER.format(python=sys.executable, folder=self.folder))
        (self.folder / "browser").chmod(0o755)
        self.config.write_text(self.config.read_text() + self.leads_here("web-*.corp.test"))

    def leads_here(self, pattern: str) -> str:
        return (
            f"Host {pattern}\n  HostName 127.0.0.1\n  HostKeyAlias {HOST}\n  Port {self.sshd.port}\n"
            f"  User {getpass.getuser()}\n"
        )

    def yesterday(self) -> None:
        """A certificate that has expired, whose key the agent has let go."""
        context, end = self.member.context, int(time.time()) - 3600
        key = PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key())
        context.certificate.write_text(Certificate.parse(self.company.certify(key, lifetime=-3600)).line() + "\n")
        agent = context.agent.read_text().strip() if context.agent.exists() else "/nowhere"
        with contextlib.suppress(Exception):
            Agent(agent).remove_certified_by(self.member.user_ca)
        marker.write(str(context.folder), end, agent, self.env)

    def ssh(self, *arguments: str, **options: object) -> Outcome:
        return self.run(["ssh", "-F", str(self.config), *arguments], **options)  # type: ignore[arg-type]

    def run(
        self, argv: Sequence[str], *, terminal: bool = False, seconds: float = 30.0, idle: float = 0.0
    ) -> Outcome:
        """In a session of its own, its stdout and stderr read to the end; with a controlling terminal or without.

        `idle`: seconds since anything was typed at that terminal.
        """
        start = time.monotonic()
        process, ours = self._start(argv, terminal=terminal, idle=idle)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        shown = _shown(ours) if terminal else ""
        return Outcome(process.returncode, out, err.decode(), shown, time.monotonic() - start)

    def start(self, *argv: str) -> tuple[subprocess.Popen[bytes], int]:
        """The process, and the far side of its terminal."""
        return self._start(argv, terminal=True)

    def _start(
        self, argv: Sequence[str], *, terminal: bool, idle: float = 0.0
    ) -> tuple[subprocess.Popen[bytes], int]:
        ours, theirs = pty.openpty() if terminal else (-1, -1)
        if idle:
            os.utime(os.ttyname(theirs), (time.time() - idle,) * 2)

        def begin() -> None:
            os.setsid()
            if terminal:
                fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        process = subprocess.Popen(
            argv,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=begin,
            cwd=self.folder,
        )
        if terminal:
            os.close(theirs)
        return process, ours


def _shown(descriptor: int) -> str:
    text = b""
    while select.select([descriptor], [], [], 0.05)[0]:
        try:
            chunk = os.read(descriptor, 4096)
        except OSError:  # the last one has closed the other side
            break
        text += chunk
    os.close(descriptor)
    return text.decode().replace("\r\n", "\n")
