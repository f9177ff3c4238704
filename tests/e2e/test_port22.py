"""Servers of a network that enrol by what they show at port 22 of their names, and those that would be others.

The CA and every server have a network namespace, every server a real sshd at its port 22, and the CA's machine a
hosts file for its DNS.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate
from tests.parts.agents import Played, run_played
from tests.parts.lan import Lan, run_lan
from tests.parts.machine import Yard
from tests.parts.needs import need
from tests.parts.openssh import make_key
from tests.parts.processes import safe_directory, stop, wait_until
from tests.parts.yard_ca import YardCa, run_yard_ca
from tests.shell_agent.shell_box import SCRIPT

from daypass.signers.x509 import fingerprint
from daypass.wire import PublicKey
from daypass.wire.buffer import string

TABLE = """
[[port22]]
name = "scan"
hosts = ["old-*.example.com"]
networks = ["10.77.0.0/16", "10.78.0.0/16"]
"""
DNS = {
    "old-1.example.com": "10.77.1.2",
    "old-2.example.com": "10.77.2.2",
    "old-3.example.com": "10.77.3.2",
    "old-loopback.example.com": "127.0.0.1",
    "old-ca.example.com": "10.78.0.1",
    "old-metadata.example.com": "169.254.169.254",
    "old-outside.example.com": "192.0.2.7",
}
ELSEWHERE = ("169.254.169.254", "192.0.2.7")  # what server 3 has, too, and the CA's machine has a way to


@dataclass(frozen=True)
class Named(Yard):
    """The CA's machine, whose names and addresses stand in `hosts`."""

    hosts: Path

    def enter(self, *command: str | Path) -> list[str | Path]:
        script = 'mount --bind "$0" /etc/hosts && exec "$@"'
        return super().enter(need("root with mount namespaces"), "-m", "sh", "-c", script, self.hosts, *command)


@dataclass
class Server:
    """`before` stands before a command that runs in its network; `root` is its disk."""

    before: Sequence[str | Path]
    root: Path
    address: str

    @property
    def config(self) -> Path:
        return self.root / "sshd/sshd_config"

    @property
    def key(self) -> Path:
        return self.root / "sshd/key"

    @property
    def log(self) -> str:
        return (self.root / "sshd/log").read_text()

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        words = [*self.before, *command]
        return subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )

    @contextmanager
    def sshd(self, *lines: str) -> Iterator[None]:
        """At port 22 of everything it has, while this lasts. Another key than its own comes in `lines`."""
        own = [] if lines else [f"HostKey {self.key}"]
        common = (f"PidFile {self.root}/sshd/pid", "UsePAM no", "PasswordAuthentication no", "LogLevel VERBOSE")
        self.config.write_text("\n".join([f"ListenAddress {self.address}", *common, *own, *lines, ""]))
        with (self.root / "sshd/log").open("wb") as log:
            command = [*self.before, need("sshd"), "-D", "-e", "-f", self.config]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        try:
            wait_until(lambda: "Server listening" in self.log or process.poll() is not None, "sshd to listen")
            assert process.poll() is None, self.log
            yield
        finally:
            stop(process)


@dataclass
class Net:
    lan: Lan
    ca: YardCa
    folder: Path

    def server(self, number: int) -> Server:
        """Server N at 10.77.N.2, with a new disk and a new key."""
        return self._made(f"server-{number}", self.lan.host(number), f"10.77.{number}.2")

    def own(self) -> Server:
        """The CA's machine."""
        return self._made("own", self.lan.laptop, "0.0.0.0")  # noqa: S104

    def _made(self, name: str, before: Sequence[str | Path], address: str) -> Server:
        root = self.folder / name
        for each in ("sshd", "etc/ssh"):
            (root / each).mkdir(parents=True, exist_ok=True)
        (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
        made = Server(before, root, address)
        if not made.key.exists():
            make_key(made.key)
        return made

    def _words(self, server: Server) -> tuple[str | Path, ...]:
        (root,) = (self.ca.folder / "keys").glob("*.crt")
        ca = ("--ca", self.ca.url, "--fingerprint", fingerprint(load_pem_x509_certificate(root.read_bytes())))
        return (*ca, "--root", server.root, "--sshd-config", server.config)

    def enroll(self, server: Server, name: str) -> subprocess.CompletedProcess[str]:
        python = (sys.executable, "-m", "daypass.cli.main")
        return server.run(*python, "host", "enroll", "--port22", "--name", name, "--no-service", *self._words(server))

    def enroll_by_shell(self, server: Server, name: str) -> subprocess.CompletedProcess[str]:
        return server.run("sh", SCRIPT, "enroll", "--port22", name, "--no-timer", *self._words(server))

    def trusts(self, server: Server, name: str) -> bool:
        """Whether somebody who goes by the CA alone meets `name` there; nobody has a key to come in with."""
        known = self.folder / "known_hosts"
        known.write_text(f"@cert-authority {name} {(self.ca.folder / 'keys/host_ca.pub').read_text()}")
        options = (
            *("BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}", f"HostKeyAlias={name}"),
            *("GlobalKnownHostsFile=none", "IdentityFile=none", "IdentityAgent=none"),
        )
        given = [word for each in options for word in ("-o", each)]
        command = [*self.lan.laptop, need("ssh"), "-F", "none", *given, server.address, "true"]
        said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        assert ("Permission denied" in said.stderr) is not ("verification failed" in said.stderr), said.stderr
        return "Permission denied" in said.stderr


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    need("curl")
    with ExitStack() as stack:
        lan, folder = stack.enter_context(run_lan(3)), stack.enter_context(safe_directory())
        for each in ELSEWHERE:
            for where, words in ((lan.host(3), ["address", "add", f"{each}/32", "dev", "lo"]),
                                 (lan.laptop, ["route", "add", f"{each}/32", "via", "10.77.3.2"])):  # fmt: skip
                subprocess.run([*where, need("ip"), *words], check=True)
        (folder / "hosts").write_text("".join(f"{address} {name}\n" for name, address in DNS.items()))
        yard = Named(f"{lan.prefix}l", "10.78.0.1", (), folder / "hosts")
        yield Net(lan, stack.enter_context(run_yard_ca(yard, TABLE)), folder)


def test_a_server_enrols_by_its_name_and_nobody_else_has_that_name(net: Net) -> None:
    server, impostor, name = net.server(1), net.server(3), "old-1.example.com"
    with server.sshd(), impostor.sshd():
        ran = net.enroll(impostor, name)
        assert (ran.returncode, "shows another key" in ran.stderr) == (4, True), ran.stderr
        assert not net.trusts(server, name)

        ran = net.enroll(server, name)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.startswith(f"{name} is enrolled with {net.ca.url}")
        assert net.trusts(server, name)

        hosts = net.folder / "hosts"  # DNS is the impostor's by now
        kept = hosts.read_text()
        hosts.write_text(kept.replace(DNS[name], DNS["old-3.example.com"]))
        ran = net.enroll(impostor, name)
        hosts.write_text(kept)
        assert ran.returncode != 0 and f"{name} is a host with other keys already" in ran.stderr
        assert not net.trusts(impostor, name)


def test_a_server_with_a_shell_alone_enrols_by_its_name(net: Net) -> None:
    server, name = net.server(2), "old-2.example.com"
    with server.sshd():
        ran = net.enroll_by_shell(server, name)
        assert ran.returncode == 0 and f"{name} is enrolled with {net.ca.url}\n" in ran.stdout, ran.stderr
        assert net.trusts(server, name)


def signs_with_nothing(played: Played, message: bytes, _: object) -> bytes:
    if message[0] == 11:
        return played.listing()
    return b"\x0e" + string(string("ssh-ed25519") + string(b"\x01" * 64))


def test_a_key_that_a_server_shows_and_does_not_hold_is_refused(net: Net) -> None:
    """Whoever has the key asks, and the name leads to a server that shows its public half."""
    asking, shows = net._made("asking", net.lan.host(2), "10.77.2.2"), net.server(3)
    public = asking.key.with_suffix(".pub")
    with run_played(shows.root / "agent", signs_with_nothing) as agent, asking.sshd():
        agent.held.append(PublicKey.from_line(public.read_text()).blob)
        with shows.sshd(f"HostKey {public}", f"HostKeyAgent {agent.path}"):
            ran = net.enroll_by_shell(asking, "old-3.example.com")
            assert "Connection from 10.77.3.1" in shows.log and 13 in agent.asked
    assert ran.returncode == 4, ran.stderr
    assert "what is at port 22 of old-3.example.com does not show that it holds the key" in ran.stderr
    assert not list(asking.root.glob("etc/ssh/daypass/*-cert.pub"))


def test_the_ca_is_sent_nowhere_but_into_its_networks(net: Net) -> None:
    asking, own = net.server(3), net.own()
    asking.address = "0.0.0.0"  # noqa: S104
    with asking.sshd(), own.sshd():
        for address in (*ELSEWHERE, "127.0.0.1", "10.78.0.1"):  # it could be
            assert net.ca.yard.run("ssh-keyscan", "-t", "ed25519", address).stdout.startswith(address)
        before = [each.log.count("Connection from") for each in (asking, own)]
        for name in ("old-loopback", "old-ca", "old-metadata", "old-outside"):
            ran = net.enroll_by_shell(asking, f"{name}.example.com")
            assert ran.returncode != 0, ran.stdout
            assert f"{name}.example.com is not where this CA may connect to" in ran.stderr
        assert [each.log.count("Connection from") for each in (asking, own)] == before == [2, 2]
