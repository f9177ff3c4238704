"""A host that goes by a whole name, an alias, short names and an address: on a fresh laptop each of them gets in."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts.needs import need

from daypass.demo.company import HOST, Company
from daypass.demo.idp import run_idp
from daypass.wire import Certificate

NAMES = (HOST, "www.demo.test", "web-1", "www", "127.0.0.1")
MORE = 'domains = ["*.demo.test"]\nshort_names = "demo.test"\naddresses = ["127.0.0.0/8"]'
KNOWING = 'mount --bind "$0" /etc/hosts && exec "$@"'


@pytest.fixture(scope="module")
def firm() -> Iterator[Company]:
    for part in ("ssh", "sshd", "ssh-agent", "ssh-keygen", "root with mount namespaces"):
        need(part)
    with tempfile.TemporaryDirectory(prefix="daypass-names-") as home, run_idp() as idp:
        built = Company(Path(home), idp)
        try:
            set_up(built)
            yield built
        finally:
            built.close()


def set_up(firm: Company) -> None:
    root = ("--root", str(firm.ca_root))
    firm.found_ca()
    text = firm.config.read_text()
    assert 'domains = ["*.demo.test"]' in text
    firm.config.write_text(text.replace('domains = ["*.demo.test"]', MORE))
    firm.daypass("ca", "trust", "--yes", *root)
    firm.daypass("ca", "reload", *root)
    firm.start_ca()
    firm.start_sshd()
    told = firm.daypass("token", "host", HOST, "--alias", "www.demo.test", "--address", "127.0.0.1", *root)
    token = next(word for word in told.stdout.split() if word.startswith("dpj1."))
    firm.daypass("host", "enroll", "--root", str(firm.host_root), "--token-file", "-", input=token)
    firm.daypass(*firm.bootstrap_line.split()[1:])
    firm.ssh_config.write_text(f"Host {' '.join(NAMES)}\n  Port {firm.ssh_port}\n  User {firm.account}\n")
    firm.daypass("ssh-config")
    (firm.home / "hosts").write_text(f"127.0.0.1 localhost {' '.join(NAMES[:-1])}\n")


def ssh(firm: Company, host: str) -> subprocess.CompletedProcess[str]:
    """Plain ssh, with nobody to ask and with what DNS would say."""
    argv = ["ssh", "-F", str(firm.ssh_config), "-o", "BatchMode=yes", host, "echo in"]
    return subprocess.run(
        [need("root with mount namespaces"), "-m", "sh", "-c", KNOWING, firm.home / "hosts", *argv],
        env=firm.env | {"DAYPASS_AUTO_LOGIN": "0"}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip


def test_by_any_of_its_names_a_host_lets_in_and_ssh_asks_nothing(firm: Company) -> None:
    firm.sign_in("alice")
    for name in NAMES:
        ran = ssh(firm, name)
        assert (ran.returncode, ran.stdout) == (0, "in\n"), (name, ran.stderr)
    assert not (firm.laptop / ".ssh/known_hosts").exists()


def test_the_host_is_listed_with_all_of_them_and_they_are_completed(firm: Company) -> None:
    firm.sign_in("alice", "--force")
    told = firm.daypass("hosts", "--json").stdout
    assert all(name in told for name in NAMES) and firm.account in told
    assert firm.daypass("hosts", "nothing", check=False).returncode == 1
    offered = firm.daypass("__complete", "why", "w").stdout.split()
    assert offered == sorted(name for name in NAMES if name.startswith("w"))


def test_a_certificate_with_an_address_lives_for_a_day(firm: Company) -> None:
    path = next(firm.host_root.rglob("*-cert.pub"))
    certificate = Certificate.from_line(path.read_text().strip())
    assert set(certificate.principals) == set(NAMES)
    assert certificate.valid_before - certificate.valid_after == 86400 + 60
