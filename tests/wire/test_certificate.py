"""Certificates of our making, as OpenSSH, pyca/cryptography and asyncssh read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.public_key import CERT_TYPE_USER, SSHOpenSSHCertificate
from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.making import CA, draft, nested, opened, private_key, public_key, signed
from tests.wire.openssh import ALL, PLAIN, Keyring, run

from daypass.errors import Invalid
from daypass.wire import FOREVER, Certificate, CertType, PublicKey, sign_blob, string, uint32, uint64

OPTIONS = (("force-command", "uptime"), ("source-address", "10.0.0.0/8,::1/128"), ("verify-required", ""))
EXTENSIONS = (("permit-port-forwarding", ""), ("permit-pty", ""), ("tag@example.com", "blue"))
text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
options = st.dictionaries(text.filter(bool), text, max_size=5).map(
    lambda found: tuple(sorted(found.items(), key=lambda option: option[0].encode()))
)


def inspect(certificate: Certificate, folder: Path) -> list[str]:
    """The lines of ssh-keygen -L."""
    path = folder / "id-cert.pub"
    path.write_text(certificate.line() + "\n")
    return [line.strip() for line in run("ssh-keygen", "-L", "-f", path).splitlines()[1:]]


def test_ssh_keygen_reads_every_field(tmp_path: Path) -> None:
    certificate = signed(
        serial=2**64 - 1,
        valid_after=1767225600,
        valid_before=1767229200,
        critical_options=OPTIONS,
        extensions=EXTENSIONS,
    )
    assert inspect(certificate, tmp_path) == [
        "Type: ssh-ed25519-cert-v01@openssh.com user certificate",
        f"Public key: ED25519-CERT {public_key(2).fingerprint}",
        f"Signing CA: ED25519 {public_key(1).fingerprint} (using ssh-ed25519)",
        'Key ID: "alice@example.com"',
        "Serial: 18446744073709551615",
        "Valid: from 2026-01-01T00:00:00 to 2026-01-01T01:00:00",
        "Principals:",
        "alice",
        "role:web",
        "Critical Options:",
        "force-command uptime",
        "source-address 10.0.0.0/8,::1/128",
        "verify-required",
        "Extensions:",
        "permit-port-forwarding",
        "permit-pty",
        "tag@example.com UNKNOWN OPTION: 00000004626c7565 (len 8)",
    ]


@pytest.mark.parametrize("subject", ALL)
@pytest.mark.parametrize("ca", PLAIN)
def test_every_ca_certifies_every_key_to_the_satisfaction_of_asyncssh(
    keyring: Keyring, subject: str, ca: str
) -> None:
    certificate = signed(
        opened(keyring, ca, "ca"),
        public_key=PublicKey.from_line(keyring.line(subject)),
        critical_options=OPTIONS[:2],
    )
    certificate.verify_signature()
    theirs = asyncssh.import_certificate(certificate.line())
    assert isinstance(theirs, SSHOpenSSHCertificate)
    theirs.validate(CERT_TYPE_USER, "alice")
    assert theirs.principals == ["alice", "role:web"]
    assert theirs.options["force-command"] == "uptime"
    assert PublicKey.from_line(theirs.key.export_public_key().decode()) == certificate.public_key


@pytest.mark.parametrize("subject", PLAIN)
@pytest.mark.parametrize("ca", PLAIN)
def test_every_ca_certifies_every_key_to_the_satisfaction_of_pyca(keyring: Keyring, subject: str, ca: str) -> None:
    certificate = signed(
        opened(keyring, ca, "ca"),
        public_key=PublicKey.from_line(keyring.line(subject)),
        critical_options=OPTIONS,
        extensions=EXTENSIONS,
    )
    theirs = load_ssh_public_identity(certificate.line().encode())
    assert isinstance(theirs, SSHCertificate)
    theirs.verify_cert_signature()
    assert theirs.valid_principals == [b"alice", b"role:web"]
    assert theirs.critical_options == {name.encode(): data.encode() for name, data in OPTIONS}
    assert theirs.extensions == {name.encode(): data.encode() for name, data in EXTENSIONS}
    assert (theirs.serial, theirs.key_id, theirs.valid_before) == (7, b"alice@example.com", FOREVER)


def test_a_host_certificate_says_so(tmp_path: Path) -> None:
    certificate = signed(type=CertType.HOST, principals=("db-1.example.com",), extensions=())
    assert inspect(certificate, tmp_path)[0].endswith("host certificate")


@given(
    principals=st.lists(text, max_size=20).map(tuple),
    key_id=text,
    serial=st.integers(0, 2**64 - 1),
    critical_options=options,
    extensions=options,
    type=st.sampled_from(CertType),
    valid=st.tuples(st.integers(0, FOREVER), st.integers(0, FOREVER)),
    nonce=st.binary(min_size=16, max_size=64),
)
def test_any_certificate_comes_back(valid: tuple[int, int], **fields: Any) -> None:
    certificate = signed(valid_after=valid[0], valid_before=valid[1], **fields)
    again = Certificate.parse(certificate.encode())
    assert again == certificate
    assert Certificate.from_line(certificate.line("any comment")) == certificate
    again.verify_signature()


@pytest.mark.parametrize(
    ("sin", "changes"),
    [
        ("a nonce of 15 bytes", {"nonce": bytes(15)}),
        ("a nonce of 257 bytes", {"nonce": bytes(257)}),
        ("257 principals", {"principals": ("a",) * 257}),
        ("something in the reserved field", {"reserved": b"x"}),
        ("options out of order", {"critical_options": (("verify-required", ""), ("force-command", "ls"))}),
        ("the same option twice", {"critical_options": (("force-command", "ls"), ("force-command", "id"))}),
        ("an extension without a name", {"extensions": (("", ""),)}),
        ("extensions out of order", {"extensions": (("permit-pty", ""), ("permit-X11-forwarding", ""))}),
        ("half a surrogate pair in an option", {"extensions": (("\ud800", ""),)}),
    ],
)
def test_a_draft_of_bad_form_is_never_made(sin: str, changes: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        draft(**changes)


@pytest.mark.parametrize(
    ("sin", "changes"),
    [
        ("a NUL in a principal", {"principals": ("root\0x",)}),
        ("half a surrogate pair in a principal", {"principals": ("\udc80",)}),
        ("a NUL in the key id", {"key_id": "\0"}),
        ("a NUL in a command", {"critical_options": (("force-command", "ls\0rm"),)}),
        ("a serial of 65 bits", {"serial": 2**64}),
        ("a serial below zero", {"serial": -1}),
        ("a beginning before 1970", {"valid_after": -1}),
    ],
)
def test_a_draft_that_has_no_bytes_is_refused_before_it_is_signed(sin: str, changes: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        draft(**changes).to_be_signed()


def test_an_unsigned_certificate_is_never_written() -> None:
    with pytest.raises(Invalid, match="without a signature"):
        draft().encode()


def test_a_certificate_of_64_kib_is_too_large_to_write_and_to_read() -> None:
    giant = signed(extensions=(("note@example.com", "x" * 65536),))
    with pytest.raises(Invalid, match="too large"):
        giant.encode()
    with pytest.raises(Invalid, match="too large"):
        Certificate.parse(giant.to_be_signed() + string(giant.signature))


@pytest.mark.parametrize("depth", [2, 3, 100])
def test_a_certificate_does_not_sign_certificates(depth: int) -> None:
    """CVE-2025-49825: the signature key is a key, at every depth; golang/go#80414: and depth costs nothing."""
    with pytest.raises(Invalid):
        Certificate.parse(nested(depth))


def crafted(options: bytes = b"", kind: int = 1, principals: bytes = string("alice"), ca: bytes = b"") -> bytes:
    """A signed blob with these raw parts."""
    body = (
        string("ssh-ed25519-cert-v01@openssh.com")
        + string(bytes(32))
        + public_key(2).fields
        + uint64(1)
        + uint32(kind)
        + string("id")
        + string(principals)
        + uint64(0)
        + uint64(FOREVER)
        + string(options)
        + string(b"")
        + string(b"")
        + string(ca or public_key(1).blob)
    )
    return body + string(sign_blob(CA, body))


def test_the_crafted_blob_is_good_before_it_is_made_bad() -> None:
    Certificate.parse(crafted()).verify_signature()


@pytest.mark.parametrize(
    ("sin", "blob"),
    [
        ("type 0", crafted(kind=0)),
        ("type 3", crafted(kind=3)),
        ("a principal longer than the list", crafted(principals=uint32(9) + b"alice")),
        ("a principal with a NUL", crafted(principals=string(b"root\0"))),
        ("a principal that is not UTF-8", crafted(principals=string(b"\xff"))),
        (
            "an option that is there but empty (CVE-2026-46595)",
            crafted(string("source-address") + string(string(b""))),
        ),
        ("option data that is no string", crafted(string("force-command") + string(b"ls"))),
        ("option data with something behind it", crafted(string("force-command") + string(string("ls") + b"x"))),
        ("an option without data", crafted(string("force-command"))),
        ("the same option twice", crafted((string("a@b") + string(b"")) * 2)),
        ("a certificate as signature key", crafted(ca=signed().encode())),
        ("a DSA signature key", crafted(ca=string("ssh-dss") + bytes(16))),
        ("no signature", crafted()[:-87] + string(b"")),
        ("a byte behind the signature", crafted() + b"\0"),
        ("a plain key", public_key(2).blob),
        ("a certificate of version 00", crafted().replace(b"-v01@", b"-v00@")),
        ("another key type's fields", crafted().replace(b"ssh-ed25519-cert", b"ssh-ed25518-cert")),
    ],
)
def test_a_bad_certificate_is_refused(sin: str, blob: bytes) -> None:
    for strict in (True, False):
        with pytest.raises(Invalid):
            Certificate.parse(blob, strict)


def test_what_another_ca_put_out_of_order_is_shown_but_not_accepted() -> None:
    flags = string("permit-pty") + string(b"") + string("no-touch-required") + string(b"")
    blob = crafted(flags)
    with pytest.raises(Invalid, match="sorted"):
        Certificate.parse(blob)
    assert Certificate.parse(blob, strict=False).encode() == blob


def test_unknown_critical_options_are_named() -> None:
    """CVE-2026-46595, CVE-2026-56854: a restriction nobody understands is a refusal."""
    found = (("force-command", "ls"), ("quota@example.com", "3"), ("verify-required", ""))
    assert draft(critical_options=found).unknown_critical_options == ("quota@example.com",)


def test_a_host_certificate_knows_no_critical_option() -> None:
    certificate = draft(type=CertType.HOST, critical_options=(("force-command", "ls"),))
    assert certificate.unknown_critical_options == ("force-command",)


@pytest.mark.parametrize(
    ("sin", "bad"),
    [
        ("another serial", lambda good: Certificate.parse(good.encode().replace(uint64(7), uint64(8)))),
        ("another CA", lambda good: good.with_signature(sign_blob(private_key(3), good.to_be_signed()))),
        ("a signature over something else", lambda good: good.with_signature(sign_blob(CA, b"hello"))),
        ("a signature that is none", lambda good: good.with_signature(b"x")),
    ],
)
def test_a_signature_that_does_not_hold_is_refused(sin: str, bad: object) -> None:
    assert callable(bad)
    certificate = bad(signed())
    with pytest.raises(Invalid):
        certificate.verify_signature()


def test_a_line_with_another_type_in_front_is_refused() -> None:
    with pytest.raises(Invalid, match="another type"):
        Certificate.from_line(signed().line().replace("ssh-ed25519-cert", "ssh-rsa-cert", 1))
