"""The script itself: what shells and shellcheck say of it, and what it has in common with the CA."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from tests.parts.needs import need
from tests.shell_agent.shell_box import SCRIPT

from daypass.wire.binding import TEXT_BUNDLE_NAMESPACE, TRUST_NAMESPACE, TRUST_ROOT_OID


def test_shellcheck_finds_nothing() -> None:
    ran = subprocess.run([need("shellcheck"), "--shell=sh", SCRIPT], capture_output=True, text=True)
    assert ran.stdout == ""


@pytest.mark.parametrize("shell", ["dash", "bash", "ksh", "busybox"])
def test_every_shell_reads_it(shell: str) -> None:
    words = ["sh"] if shell == "busybox" else []
    subprocess.run([need(shell), *words, "-n", SCRIPT], check=True)
    helped = subprocess.run([need(shell), *words, SCRIPT, "help"], check=True, capture_output=True, text=True)
    assert "sh agent.sh leave" in helped.stdout


def test_it_looks_for_the_extension_that_roots_have() -> None:
    der = x509.UnrecognizedExtension(x509.ObjectIdentifier(TRUST_ROOT_OID), bytes(32))
    name = x509.Name([])
    found = re.search(r"(?m)^TRUST_ROOT_OID=([0-9a-f]+)", SCRIPT.read_text())
    request = x509.CertificateSigningRequestBuilder().subject_name(name).add_extension(der, critical=False)
    made = request.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.DER)
    assert found is not None
    assert f"{found[1]}0420" in made.hex()


@pytest.mark.parametrize("namespace", [TEXT_BUNDLE_NAMESPACE, TRUST_NAMESPACE])
def test_it_takes_signatures_for_what_they_were_made_for(namespace: str) -> None:
    assert re.search(rf"is_signed {namespace} ", SCRIPT.read_text())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "what is nonsense?"),
        (["sync", "--nonsense"], "what is --nonsense?"),
        (["sync", "--root"], "--root what?"),
        (["sync", "--root", "/a b"], "must be a path"),
        (["sync", "--root", "/$(reboot)"], "must be a path"),
    ],
)
def test_a_wrong_command_line_is_said(words: list[str], said: str) -> None:
    ran = subprocess.run([need("dash"), SCRIPT, *words], capture_output=True, text=True)
    assert (ran.returncode, said in ran.stderr) == (2, True), ran.stderr


def test_who_is_not_root_is_told() -> None:
    ran = subprocess.run(
        [need("dash"), SCRIPT, "sync"], capture_output=True, text=True, user=65534 if os.geteuid() == 0 else None
    )
    assert (ran.returncode, "this takes root" in ran.stderr) == (10, True), ran.stderr
