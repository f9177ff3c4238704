"""The machine's own OpenSSH: sshd, ssh, ssh-agent and ssh-keygen, away from /etc/ssh and the person's keys."""

from __future__ import annotations

import getpass
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts.accounts import Accounts, make_accounts
from tests.parts.needs import need
from tests.parts.processes import free_port, stop, wait_until

__all__ = [
    "Accounts",
    "Agent",
    "Sshd",
    "keygen",
    "make_accounts",
    "make_key",
    "run_agent",
    "run_ssh",
    "run_sshd",
    "show_certificate",
    "sign_key",
]

# sshd takes the first value it reads, so a test's own lines come before these. A bash that sshd starts reads
# ~/.bashrc as the first shell alone (bash(1), INVOCATION): what the machine's owner has there is no part of a test.
_DEFAULTS = """
ListenAddress 127.0.0.1
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
SetEnv SHLVL=1
LogLevel VERBOSE
"""


@dataclass(slots=True)
class Sshd:
    """A running sshd. `config` may be rewritten; `reload` makes it count."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def config(self) -> Path:
        return self.directory / "sshd_config"

    @property
    def host_key(self) -> Path:
        return self.directory / "ssh_host_ed25519_key"

    @property
    def log(self) -> str:
        return (self.directory / "sshd.log").read_text(errors="replace")

    def is_up(self) -> bool:
        if self.process.poll() is not None:
            raise ChildProcessError(f"sshd ended:\n{self.log}")
        return f"Server listening on 127.0.0.1 port {self.port}." in self.log

    def reload(self) -> None:
        """SIGHUP: sshd starts itself again under the same pid, and sessions go on."""
        wait_until(lambda: self.is_up() and self._takes_hang_ups(), "sshd to catch SIGHUP")
        before = self.log.count("Server listening")
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.is_up() and self.log.count("Server listening") > before, "sshd reload")

    def _takes_hang_ups(self) -> bool:
        """sshd says that it listens before it catches the signal, which would end it until then."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return bool(int(status.partition("SigCgt:")[2].split()[0], 16) & 1 << (signal.SIGHUP - 1))

    def stop(self) -> None:
        """End the listener; sessions end with their clients."""
        stop(self.process)


@contextmanager
def run_sshd(directory: Path, lines: Iterable[str] = (), *, accounts: Accounts | None = None) -> Iterator[Sshd]:
    """sshd with `lines` of configuration on a loopback port of the moment, everything it owns in `directory`.

    Without `accounts` it knows the machine's; when not root only one's own account can log in.
    """
    binary = need("sshd")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where its unprivileged half lives
    sshd = _started(binary, directory, [*lines], accounts)
    try:
        yield sshd
    finally:
        sshd.stop()


def _started(binary: Path, directory: Path, lines: list[str], accounts: Accounts | None) -> Sshd:
    if not (directory / "ssh_host_ed25519_key").exists():
        make_key(directory / "ssh_host_ed25519_key")
    for _ in range(5):  # another process may take the port before sshd does
        port = free_port()
        own = [f"Port {port}", f"HostKey {directory}/ssh_host_ed25519_key"]
        (directory / "sshd_config").write_text("\n".join([*own, *lines]) + _DEFAULTS)
        command: list[str | Path] = [binary, "-D", "-e", "-f", directory / "sshd_config"]
        with (directory / "sshd.log").open("wb") as log:
            process = subprocess.Popen(
                accounts.entered(command) if accounts else command, stdin=subprocess.DEVNULL, stderr=log
            )
        sshd = Sshd(directory, port, process)
        try:
            wait_until(sshd.is_up, "sshd start")
        except ChildProcessError:
            if "Address already in use" not in sshd.log:
                raise
        else:
            return sshd
    raise ChildProcessError(f"sshd found no port:\n{sshd.log}")


@dataclass(frozen=True, slots=True)
class Agent:
    """A running ssh-agent of OpenSSH."""

    socket: Path

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "SSH_AUTH_SOCK": str(self.socket)}

    def add(self, key: Path, *options: str) -> None:
        self._run(*options, str(key))

    def public_keys(self) -> list[str]:
        """Every entry as a line of ssh-add -L: `type base64 comment`."""
        listed = self._run("-L", check=False)
        return [] if listed.returncode == 1 else listed.stdout.splitlines()

    def _run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [need("ssh-add"), *arguments], env=self.env, check=check, capture_output=True, text=True, timeout=60
        )


@contextmanager
def run_agent(*options: str) -> Iterator[Agent]:
    """ssh-agent in the foreground, its socket in a folder short enough for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="dp-agent-") as directory:
        path = Path(directory) / "agent"
        process = subprocess.Popen(
            [need("ssh-agent"), "-D", "-a", path, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: _answers(path), "ssh-agent start")
            yield Agent(path)
        finally:
            stop(process)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def run_ssh(
    sshd: Sshd,
    *command: str,
    user: str | None = None,
    agent: Agent | None = None,
    config: Path | None = None,
    known_hosts: Path | None = None,
    options: Iterable[str] = (),
    seconds: float = 15.0,
) -> subprocess.CompletedProcess[str]:
    """`ssh user@127.0.0.1 command` to `sshd`, in batch mode; look at returncode, stdout and stderr.

    `options` are `-o` values and come first, so they win. Without `config` nothing of the machine's or the
    person's ssh configuration and keys is read; without `known_hosts` the host's key is not checked.
    """
    given = [*options, f"Port={sshd.port}", "BatchMode=yes", "ConnectTimeout=5"]
    if config is None:
        given += [
            "IdentityFile=none",
            f"UserKnownHostsFile={known_hosts or '/dev/null'}",
            "GlobalKnownHostsFile=none",
        ]
        given.append(f"StrictHostKeyChecking={'yes' if known_hosts else 'no'}")
    env = dict(os.environ)
    env.pop("SSH_AUTH_SOCK", None)
    return subprocess.run(
        [
            *(need("ssh"), "-F", config or "none"),
            *(part for option in given for part in ("-o", option)),
            *("-l", user or getpass.getuser(), "127.0.0.1", *command),
        ],
        env=agent.env if agent else env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )


def keygen(*arguments: str | Path) -> str:
    """What `ssh-keygen arguments` prints; raises CalledProcessError where it refuses."""
    return subprocess.run(
        [need("ssh-keygen"), *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    ).stdout


def make_key(path: Path, kind: str = "ed25519", *options: str, comment: str = "") -> Path:
    """A new unencrypted key at `path`, its public half at `path`.pub; gives `path`."""
    keygen("-q", "-t", kind, *options, "-N", "", "-C", comment, "-f", path)
    return path


def sign_key(
    ca: Path,
    public: Path,
    *options: str,
    key_id: str,
    principals: Sequence[str],
    validity: str = "-1m:+1h",
    serial: int = 1,
    host: bool = False,
) -> Path:
    """A certificate by OpenSSH's own hand; gives its path (`X-cert.pub` for `X.pub`)."""
    kind = ["-h"] if host else []
    names = ["-n", ",".join(principals)] if principals else []
    keygen("-q", "-s", ca, "-I", key_id, *names, "-V", validity, "-z", str(serial), *kind, *options, str(public))
    return public.with_name(f"{public.stem}-cert.pub")


def show_certificate(certificate: Path) -> str:
    """`ssh-keygen -L`."""
    return keygen("-L", "-f", certificate)
