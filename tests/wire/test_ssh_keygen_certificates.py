"""Whatever ssh-keygen -s makes is parsed, verified, and comes out byte for byte."""

from __future__ import annotations

import binascii

import pytest
from tests.wire.openssh import ALL, YEAR_2026, Keyring

from daypass.errors import Invalid
from daypass.wire import FOREVER, Certificate, CertType, PublicKey, signature_algorithm

RSA = "rsa-2048"


def comes_back(line: str) -> Certificate:
    """Parse, verify, and compare with what was read."""
    blob = binascii.a2b_base64(line.split()[1])
    certificate = Certificate.parse(blob)
    assert certificate.encode() == blob
    assert certificate.line("someone") == line.strip()
    certificate.verify_signature()
    return certificate


@pytest.mark.parametrize("subject", ALL)
@pytest.mark.parametrize("ca", ALL)
def test_every_ca_type_certifies_every_key_type(keyring: Keyring, subject: str, ca: str) -> None:
    certificate = comes_back(keyring.certify(subject, ca, "-n", "alice,role:web", "-z", "42", "-V", YEAR_2026))
    assert certificate.public_key == PublicKey.from_line(keyring.line(subject))
    assert certificate.signature_key == PublicKey.from_line(keyring.line(ca, "ca"))
    assert (certificate.serial, certificate.principals) == (42, ("alice", "role:web"))
    assert (certificate.valid_after, certificate.valid_before) == (1767225600, 1798761600)


@pytest.mark.parametrize("algorithm", ["rsa-sha2-256", "rsa-sha2-512"])
def test_both_sound_rsa_algorithms_are_accepted(keyring: Keyring, algorithm: str) -> None:
    certificate = comes_back(keyring.certify("ed25519", RSA, algorithm=algorithm))
    assert signature_algorithm(certificate.signature) == algorithm


def test_an_rsa_signature_with_sha1_is_refused(keyring: Keyring) -> None:
    line = keyring.certify("ed25519", RSA, algorithm="ssh-rsa")
    certificate = Certificate.from_line(line)
    assert signature_algorithm(certificate.signature) == "ssh-rsa"
    with pytest.raises(Invalid, match="does not sign with 'ssh-rsa'"):
        certificate.verify_signature()


@pytest.mark.parametrize(
    ("arguments", "critical", "extensions"),
    [
        (["-O", "clear"], (), ()),
        (["-O", "clear", "-O", 'force-command=ls -l "a b"'], (("force-command", 'ls -l "a b"'),), ()),
        (["-O", "clear", "-O", "source-address=10.0.0.0/8,::1"], (("source-address", "10.0.0.0/8,::1"),), ()),
        (["-O", "clear", "-O", "verify-required"], (("verify-required", ""),), ()),
        (["-O", "clear", "-O", "no-touch-required"], (), (("no-touch-required", ""),)),
        (["-O", "clear", "-O", "permit-X11-forwarding"], (), (("permit-X11-forwarding", ""),)),
        (["-O", "clear", "-O", "critical:a@example.com"], (("a@example.com", ""),), ()),
        (["-O", "clear", "-O", "critical:a@example.com=b=c"], (("a@example.com", "b=c"),), ()),
        (["-O", "clear", "-O", "extension:a@example.com=\u00e9"], (), (("a@example.com", "\u00e9"),)),
        (
            ["-O", "clear", "-O", "extension:zz", "-O", "permit-pty", "-O", "extension:Aa=1"],
            (),
            (("Aa", "1"), ("permit-pty", ""), ("zz", "")),
        ),
        (
            [],
            (),
            tuple(
                (f"permit-{what}", "")
                for what in ("X11-forwarding", "agent-forwarding", "port-forwarding", "pty", "user-rc")
            ),
        ),
    ],
)
def test_every_option_comes_back(
    keyring: Keyring, arguments: list[str], critical: object, extensions: object
) -> None:
    certificate = comes_back(keyring.certify("ed25519", "ed25519", "-n", "alice", *arguments))
    assert (certificate.critical_options, certificate.extensions) == (critical, extensions)


def test_a_certificate_without_principals_and_end_is_still_good_form(keyring: Keyring) -> None:
    certificate = comes_back(keyring.certify("ed25519", "ed25519"))
    assert (certificate.principals, certificate.serial) == ((), 0)
    assert (certificate.valid_after, certificate.valid_before) == (0, FOREVER)


@pytest.mark.parametrize("subject", ["ed25519", "ecdsa-256", RSA])
def test_a_host_certificate_comes_back(keyring: Keyring, subject: str) -> None:
    certificate = comes_back(keyring.certify(subject, "ecdsa-384", "-h", "-n", "db-1.example.com"))
    assert certificate.type is CertType.HOST


def test_256_principals_come_back(keyring: Keyring) -> None:
    names = tuple(f"role:{number}" for number in range(256))
    assert comes_back(keyring.certify("ed25519", "ed25519", "-n", ",".join(names))).principals == names


@pytest.mark.parametrize("serial", [0, 1, 2**32, 2**64 - 1])
def test_every_serial_comes_back(keyring: Keyring, serial: int) -> None:
    assert comes_back(keyring.certify("ed25519", "ed25519", "-z", str(serial))).serial == serial


@pytest.mark.parametrize(
    ("sin", "arguments"),
    [
        ("an empty value (CVE-2026-46595)", ["-O", "critical:source@example.com="]),
        ("the same option twice", ["-O", "extension:a@example.com=1", "-O", "extension:a@example.com=2"]),
    ],
)
def test_two_things_ssh_keygen_lets_through_are_refused(keyring: Keyring, sin: str, arguments: list[str]) -> None:
    line = keyring.certify("ed25519", "ed25519", *arguments)
    with pytest.raises(Invalid):
        Certificate.from_line(line)
