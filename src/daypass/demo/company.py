"""A whole company in one folder: CA, identity provider, a server, a laptop. Real parts, driven as people drive them.

Nothing outside the folder is touched: sshd, agent and clients have their own configuration, and it ends
what it starts.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import httpx2

from daypass.demo.idp import run_idp
from daypass.errors import Unavailable

__all__ = ["Company", "company"]

HOST = "web-1.demo.test"
ROLE = """
[[providers]]
name = "demo"
issuer = "{issuer}"
client_id = "daypass"
logout = true

[[roles]]
name = "engineers"
hosts = ["*"]
groups = ["engineers"]
accounts = ["{account}"]
"""
ANOTHER_ROLE = """
[[roles]]
name = "contractors"
groups = ["contractors"]
hosts = ["web-*.demo.test"]
accounts = ["{account}"]
day_pass = false             # by `daypass login --role contractors` alone
lifetime = "1h"
force_command = "uptime"
"""
SSHD = """\
Include {root}/etc/ssh/sshd_config.d/*.conf
Port {port}
ListenAddress 127.0.0.1
HostKey {root}/etc/ssh/ssh_host_ed25519_key
PidFile {root}/sshd.pid
AuthorizedKeysFile {root}/authorized_keys/%u
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PrintMotd no
PrintLastLog no
# The folder of this demo lies below a world-writable one, which sshd rightly minds elsewhere.
StrictModes no
# So that bash does not take this for a login by rsh, and read the ~/.bashrc of whoever watches.
SetEnv SHLVL=1
"""
LAPTOP = """\
# What DNS does elsewhere.
Host {host}
  HostName 127.0.0.1
  HostKeyAlias {host}
  Port {port}
  User {account}
"""


class Provider(Protocol):
    """An identity provider that is up: the demo's own, or another."""

    @property
    def issuer(self) -> str: ...

    def disable(self, name: str) -> None: ...

    def enable(self, name: str) -> None: ...


class Company:
    """One folder's worth of company. The methods are the steps, in the order of the demo."""

    host = HOST

    def __init__(self, home: Path, idp: Provider, *, database: str = "") -> None:
        """`database`: a URL; without one the CA keeps its own SQLite file."""
        self.home = home
        self._database = ["--database", database] if database else []
        self.idp = idp
        self.account = getpass.getuser()
        self.ca_root, self.host_root, self.laptop = home / "ca", home / HOST, home / "laptop"
        self.ca_port, self.ssh_port = _free_port(), _free_port()
        self.url = f"https://localhost:{self.ca_port}"
        self.bootstrap_line = ""
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.laptop.mkdir(mode=0o700)
        (self.laptop / ".ssh").mkdir(mode=0o700)

    # -- places -----------------------------------------------------------------------------------------------

    @property
    def config(self) -> Path:
        return self.ca_root / "etc/daypass/daypass.toml"

    @property
    def ssh_config(self) -> Path:
        return self.laptop / ".ssh/config"

    @property
    def env(self) -> dict[str, str]:
        """The laptop's environment: its own home, no agent of the person who watches."""
        own = {"HOME": str(self.laptop), "DAYPASS_HOME": str(self.laptop / ".daypass"), "NO_COLOR": "1"}
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("SSH_", "XDG_", "DAYPASS_"))
        }
        return kept | own

    # -- the CA -----------------------------------------------------------------------------------------------

    def found_ca(self) -> None:
        told = self.daypass(
            "ca", "init", "--root", str(self.ca_root), "--name", "Demo", "--url", self.url,
            "--host-domain", "*.demo.test", "--no-passphrase", *self._database,
        )  # fmt: skip
        self.bootstrap_line = next(line.strip() for line in told.stdout.splitlines() if "daypass bootstrap " in line)
        with self.config.open("a") as file:
            file.write(ROLE.format(issuer=self.idp.issuer, account=self.account))
        self.daypass("ca", "reload", "--root", str(self.ca_root))

    def start_ca(self, *options: str) -> None:
        self._start("ca", _command("ca", "serve", *options, "--root", str(self.ca_root)))
        self._await("ca", lambda: _answers(self.ca_port))

    def write_another_role(self) -> None:
        """Into the file, which puts nothing in force yet."""
        with self.config.open("a") as file:
            file.write(ANOTHER_ROLE.format(account=self.account))

    def pause_ca(self) -> None:
        """Nothing answers: the CA is there and says no word."""
        self._running["ca"].send_signal(signal.SIGSTOP)

    def resume_ca(self) -> None:
        self._running["ca"].send_signal(signal.SIGCONT)

    def kill_ca(self) -> None:
        """As a power cut would: no last words."""
        process = self._running.pop("ca")
        process.kill()
        process.wait()

    # -- the server -------------------------------------------------------------------------------------------

    def start_sshd(self) -> None:
        ssh = self.host_root / "etc/ssh"
        (ssh / "sshd_config.d").mkdir(parents=True)
        (self.host_root / "authorized_keys").mkdir()
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(ssh / "ssh_host_ed25519_key"))
        shutil.copyfile("/etc/passwd", self.host_root / "etc/passwd")  # the accounts that enrolment looks at
        (ssh / "sshd_config").write_text(SSHD.format(root=self.host_root, port=self.ssh_port))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._start("sshd", [find("sshd"), "-D", "-e", "-f", str(ssh / "sshd_config")])
        self._await("sshd", lambda: _answers(self.ssh_port))

    def reload_sshd(self) -> None:
        """Have sshd read its configuration again; it listens anew when this returns."""
        log = self.home / "sshd.log"
        before = log.read_text().count("Server listening")
        self._running["sshd"].send_signal(signal.SIGHUP)
        self._await("sshd", lambda: log.read_text().count("Server listening") > before)

    def enrol_host(self) -> None:
        told = self.daypass("token", "host", HOST, "--root", str(self.ca_root))
        token = next(word for word in told.stdout.split() if word.startswith("dpj1."))
        self.daypass("host", "enroll", "--root", str(self.host_root), "--token-file", "-", input=token)

    def start_agent(self) -> None:
        """`daypass host run`, which systemd runs on a server."""
        self._start("agent", _command("host", "run", "--root", str(self.host_root)))

    def await_principal(self, role: str) -> None:
        """Until the host's sshd lets this role in."""
        file = self.host_root / "etc/ssh/daypass/principals" / self.account
        self._await("agent", lambda: f"role:{role}\n" in file.read_text())

    def revoked(self) -> bytes:
        """The list of revoked certificates that the host's sshd reads."""
        return (self.host_root / "etc/ssh/daypass/krl").read_bytes()

    def await_revocation(self, before: bytes) -> None:
        """Until it is another list than `before`."""
        self._await("agent", lambda: self.revoked() != before)

    def post_logout(self, token: str) -> None:
        """As the identity provider does, to the CA's own port."""
        url, roots = f"{self.url}/v1/inbound/logout/demo", ssl.create_default_context(cafile=str(self._tls_root()))
        with httpx2.Client(verify=roots, trust_env=False, timeout=10) as client:
            answer = client.post(url, data={"logout_token": token})
        if answer.status_code != 200:
            raise Unavailable(f"the CA took no logout: {answer.status_code} {answer.text}")

    def _tls_root(self) -> Path:
        return self.ca_root / "etc/daypass/keys/tls_root.crt"

    # -- the laptop -------------------------------------------------------------------------------------------

    def join(self) -> None:
        """The two lines a person types once."""
        self.daypass(*self.bootstrap_line.split()[1:])
        self.ssh_config.write_text(LAPTOP.format(host=HOST, port=self.ssh_port, account=self.account))
        self.daypass("ssh-config")

    def sign_in(self, person: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`daypass login` with somebody at the browser who fills in the form (daypass.demo.browser)."""
        return self.daypass("login", *arguments, check=check, env=_at_the_browser(person))

    def ssh(self, *arguments: str, at_the_browser: str = "") -> subprocess.CompletedProcess[str]:
        """Plain ssh with the laptop's configuration. It starts a sign-in only if somebody is `at_the_browser`."""
        argv = ["ssh", "-F", str(self.ssh_config), *arguments]
        more = _at_the_browser(at_the_browser) if at_the_browser else {"DAYPASS_AUTO_LOGIN": "0"}
        env = self.env | more
        return subprocess.run(
            argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
        )

    def restart_laptop(self) -> None:
        """What is in memory alone is gone: the agent, and the day pass's key with it."""
        end_agents(self.laptop)

    def plain_ssh_config(self) -> str:
        """The same login written by hand, without daypass's configuration."""
        folder = next((self.laptop / ".daypass/contexts").iterdir())
        agent = (folder / "agent").read_text().strip()
        return LAPTOP.format(host=HOST, port=self.ssh_port, account=self.account) + (
            f"  IdentityFile {folder}/id-cert.pub\n  IdentityAgent {agent}\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {folder}/known_hosts\n  StrictHostKeyChecking yes\n"
        )

    # -- machinery --------------------------------------------------------------------------------------------

    def daypass(
        self, *arguments: str, check: bool = True, env: Mapping[str, str] | None = None, input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """One daypass command, as the laptop's person types it; what it says on failure is ours to say."""
        done = subprocess.run(
            _command(*arguments),
            env=self.env | dict(env or {}),
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check and done.returncode != 0:
            raise Unavailable(f"`daypass {' '.join(arguments[:2])}` failed: {done.stderr.strip()}")
        return done

    def _start(self, name: str, command: list[str]) -> None:
        with (self.home / f"{name}.log").open("wb") as file:
            self._running[name] = subprocess.Popen(
                command, env=self.env, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )

    def _await(self, name: str, condition: Callable[[], bool], seconds: float = 15) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if self._running[name].poll() is not None or time.monotonic() > end:
                said = (self.home / f"{name}.log").read_text(errors="replace").strip()
                raise Unavailable(f"{name} did not start: {said or 'it says nothing'}")
            time.sleep(0.02)

    def close(self) -> None:
        """End what was started, and the agent that daypass started for the laptop."""
        with contextlib.suppress(Unavailable, subprocess.TimeoutExpired):
            self.daypass("logout", "--all", check=False)
        for process in reversed(self._running.values()):
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
        end_agents(self.laptop)


@contextlib.contextmanager
def company(home: Path, idp: Provider | None = None, *, database: str = "") -> Iterator[Company]:
    """Everything set up and running, nobody signed in; all of it ended afterwards. `idp`: one that runs already."""
    with contextlib.nullcontext(idp) if idp else run_idp() as provider:
        built = Company(home, provider, database=database)
        try:
            for step in (built.found_ca, built.start_ca, built.start_sshd, built.enrol_host, built.join):
                step()
            yield built
        finally:
            built.close()


def find(program: str) -> str:
    """Where an OpenSSH program is; sshd often lies outside a person's PATH."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/sbin")
    if found is None:
        raise Unavailable(f"{program} is not installed", hint="on Debian and Ubuntu: apt-get install openssh-server")
    return found


def end_agents(home: Path) -> None:
    """End ssh-agents whose socket lies under `home`: they outlive the login that started them, by design.

    When this returns they are gone, and their sockets with them: ssh would offer a key that nobody holds any more.
    """
    ended = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            argv = (process / "cmdline").read_bytes().decode().split("\0")
            if Path(argv[0]).name == "ssh-agent" and any(part.startswith(str(home)) for part in argv):
                os.kill(int(process.name), signal.SIGTERM)
                ended.append(process)
    deadline = time.monotonic() + 10
    while any(map(_runs, ended)) and time.monotonic() < deadline:
        time.sleep(0.01)


def _runs(process: Path) -> bool:
    """Whether it is there, and no zombie (proc(5), stat)."""
    with contextlib.suppress(OSError):
        return (process / "stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    return False


def _at_the_browser(person: str) -> dict[str, str]:
    return {"BROWSER": f"{sys.executable} -m daypass.demo.browser %s", "DEMO_PERSON": person}


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "daypass.cli.main", *arguments]


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
