"""A fresh laptop, a bastion, and a host that only the bastion can reach: by each of its names, never a question."""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from daypass import api
from daypass.client import trust
from daypass.client.openssh import sshsetup
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.wire import PublicKey
from tests.client.mini_ca import MiniCa
from tests.client.openssh.test_sshconfig import host_certificate
from tests.parts.lan import Inside, Lan, run_lan
from tests.parts.needs import need
from tests.parts.openssh import Sshd, make_key, run_sshd

GATE = ("gate-1.corp.test", "gate-1")
DB = ("db-1.corp.test", "sql.corp.test", "db-1", "sql", "10.77.2.2")
HOSTS = f"127.0.0.1 localhost\n10.77.1.2 {' '.join(GATE)}\n10.77.2.2 {' '.join(DB[:-1])}\n"
FORWARDING = (("permit-port-forwarding", ""),)  # as a day pass has it: without it no bastion leads on
KNOWING = 'mount --bind "$0" /etc/hosts && exec "$@"'  # for this process alone: `ip netns exec` has unshared mounts


class Named(Inside):
    """A host with the machine's accounts, and these names in its /etc/hosts."""

    def entered(self, command: Sequence[str | Path]) -> list[str | Path]:
        return [*self.before, "sh", "-c", KNOWING, self.directory / "hosts", *command]


@dataclass(frozen=True)
class Net:
    lan: Lan
    settings: Settings
    folder: Path
    db: Sshd

    def ssh(self, host: str, *options: str) -> subprocess.CompletedProcess[str]:
        """`ssh HOST`, from the laptop's own network, and nobody to ask."""
        inside = Named(self.folder, {}, tuple(self.lan.laptop))
        config = ("-F", str(self.settings.ssh_folder / "config"))
        return subprocess.run(
            inside.entered([need("ssh"), *config, "-o", "BatchMode=yes", *options, host, "echo $SSH_CONNECTION"]),
            env={"HOME": str(self.settings.ssh_folder.parent), "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip


@pytest.fixture
def net(company: MiniCa, settings: Settings, sign_in: Callable[..., Login], safe_path: Path) -> Iterator[Net]:
    company.short_domain, company.address_networks = "corp.test", ["10.77.0.0/16"]
    company.enrolled, company.principals = sorted([*GATE, *DB]), (getpass.getuser(),)
    company.bastions = [api.BastionWay(via=GATE[0], hosts=sorted(DB))]
    company.change = lambda draft: replace(draft, extensions=FORWARDING)
    (safe_path / "hosts").write_text(HOSTS)
    with ExitStack() as stack:
        lan = stack.enter_context(run_lan(2, behind={2: 1}))
        gate, db = (
            stack.enter_context(sshd(company, safe_path, lan, number, names))
            for number, names in enumerate((GATE, DB), 1)
        )
        trust.bootstrap(settings, company.url, company.fingerprint)
        sshsetup.apply(settings, sshsetup.plan(settings))
        ports = f"Host {' '.join(GATE)}\n  Port {gate.port}\nHost {' '.join(DB)}\n  Port {db.port}\n"
        with (settings.ssh_folder / "config").open("a") as file:
            file.write(ports)
        sign_in().run()
        yield Net(lan, settings, safe_path, db)


def sshd(company: MiniCa, folder: Path, lan: Lan, number: int, names: Sequence[str]) -> AbstractContextManager[Sshd]:
    own = folder / names[0]
    own.mkdir()
    certificate = host_certificate(company, make_key(own / "ssh_host_ed25519_key"), tuple(names))
    (own / "user_ca.pub").write_text(PublicKey.from_cryptography(company.user_ca.public_key()).line() + "\n")
    lines = [
        f"ListenAddress 10.77.{number}.2",
        f"HostCertificate {certificate}",
        f"TrustedUserCAKeys {own}/user_ca.pub",
        "AuthorizedKeysFile none",
    ]
    return run_sshd(own, lines, accounts=Named(folder, {}, tuple(lan.host(number))))


def test_a_host_behind_a_bastion_is_reached_by_every_name_and_never_asked_about(net: Net) -> None:
    direct = net.ssh(GATE[1])
    assert direct.stdout.split()[:1] == ["10.77.1.1"], direct.stderr
    for name in DB:
        through = net.ssh(name)
        assert through.stdout.split()[:1] == ["10.77.2.1"], (name, through.stderr)  # the bastion's own address there
    assert not (net.settings.ssh_folder / "known_hosts").exists()
    assert "unreachable" in net.ssh(DB[0], "-o", "ProxyJump=none").stderr

    (net.db.directory / "ssh_host_ed25519_key-cert.pub").unlink()  # as an impostor, who has a key and no certificate
    net.db.reload()
    for name in ("db-1", "10.77.2.2"):
        assert "no matching host key type" in net.ssh(name).stderr
