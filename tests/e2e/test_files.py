"""Certificates in files, at a whole company: ssh takes them, and a host has its own without touching sshd."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.parts.needs import need
from tests.parts.openssh import keygen, show_certificate

from daypass.demo.company import Company

BROWSER = {"BROWSER": f"{sys.executable} -m daypass.demo.browser %s", "DEMO_PERSON": "alice"}


def ssh(firm: Company, *arguments: str) -> subprocess.CompletedProcess[str]:
    """ssh with nothing of daypass's but the host's name and port, and known_hosts."""
    known = next((firm.laptop / ".daypass/contexts").iterdir()) / "known_hosts"
    options = (f"Port={firm.ssh_port}", f"HostKeyAlias={firm.host}", f"UserKnownHostsFile={known}", "BatchMode=yes")
    flags = [part for each in options for part in ("-o", each)]
    argv = ["ssh", "-F", "none", *flags, "-o", "IdentitiesOnly=yes", *arguments, f"{firm.account}@127.0.0.1", "true"]
    return subprocess.run(argv, env=firm.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_new_key_in_files_opens_the_host(firm: Company, kind: str) -> None:
    file = firm.laptop / f"id-{kind}"
    told = firm.daypass(
        "certificate", "laptop", str(file), "--no-password", "--kty", kind, "--not-after", "1h", env=BROWSER
    )
    assert "until" in told.stderr and "not laptop" in told.stderr
    done = ssh(firm, "-i", str(file))
    assert done.returncode == 0, done.stderr
    assert firm.daypass("needs-renewal", f"{file}-cert.pub", check=False).returncode == 1
    assert firm.daypass("status", check=False).returncode == 1  # the day pass is another thing


@pytest.mark.parametrize("kind", ["ed25519-sk", "ecdsa-sk"])
def test_a_security_key_is_certified_with_a_touch_and_opens_the_host(firm: Company, kind: str) -> None:
    provider, file = str(need("sk-dummy")), firm.laptop / f"id-{kind}"
    make = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(file)]
    subprocess.run(make, env=firm.env | {"SSH_SK_PROVIDER": provider}, check=True, capture_output=True)
    firm.daypass("certificate", "me", str(file), "--sign", env={**BROWSER, "SSH_SK_PROVIDER": provider})
    done = ssh(firm, "-i", str(file), "-o", f"SecurityKeyProvider={provider}")
    assert done.returncode == 0, done.stderr


def test_a_key_that_is_there_opens_the_host_and_narrows_to_what_was_asked(firm: Company) -> None:
    file = firm.laptop / "own"
    keygen("-q", "-t", "ed25519", "-N", "", "-f", file)
    assert ssh(firm, "-i", str(file)).returncode == 255
    firm.daypass("certificate", "--sign", "me", f"{file}.pub", "--principal", "role:engineers", env=BROWSER)
    assert ssh(firm, "-i", str(file)).returncode == 0
    shown = show_certificate(file.with_name("own-cert.pub"))
    assert "role:engineers\n" in shown
    refused = firm.daypass(
        *("certificate", "--sign", "me", f"{file}.pub", "--principal", "root", "--force"), env=BROWSER, check=False
    )
    assert refused.returncode not in (0, 70) and "root" in refused.stderr
    assert show_certificate(file.with_name("own-cert.pub")) == shown


def token(firm: Company, name: str) -> str:
    told = firm.daypass("token", "host", name, "--root", str(firm.ca_root))
    return next(word for word in told.stdout.split() if word.startswith("dpj1."))


def test_a_host_gets_its_certificate_into_a_file(firm: Company) -> None:
    file = firm.home / "web-7"
    told = firm.daypass(
        *("certificate", "--host", "web-7.demo.test", str(file), "--no-password", "--token-file", "-"),
        input=token(firm, "web-7.demo.test"),
    )
    assert "wrote" in told.stderr
    shown = show_certificate(file.with_name("web-7-cert.pub"))
    assert "host certificate" in shown and "web-7.demo.test" in shown


def test_a_token_for_another_host_writes_nothing(firm: Company) -> None:
    file = firm.home / "web-8"
    told = firm.daypass(
        *("certificate", "--host", "web-9.demo.test", str(file), "--no-password"),
        env={"DAYPASS_JOIN_TOKEN": token(firm, "web-8.demo.test")},
        check=False,
    )
    assert told.returncode == 7 and "is for web-8.demo.test, and not for web-9.demo.test" in told.stderr
    assert not file.exists()
