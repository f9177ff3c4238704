"""SSH signature strings: made here and judged here, made by OpenSSH and judged here."""

from __future__ import annotations

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.wire.making import opened, private_key, public_key
from tests.wire.openssh import PLAIN, Keyring

from daypass.errors import Invalid
from daypass.wire import PublicKey, Reader, mpint, sign_blob, signature_algorithm, string, uint32

DATA = b"what is signed"
PRESENT, VERIFIED = 1, 4


def assertion(flags: int = PRESENT, application: str = "ssh:", data: bytes = DATA, counter: int = 9) -> bytes:
    """What a FIDO authenticator with key 2 answers."""
    tail = bytes([flags]) + uint32(counter)
    message = sha256(application.encode()).digest() + tail + sha256(data).digest()
    return string("sk-ssh-ed25519@openssh.com") + string(private_key(2).sign(message)) + tail


def security_key(application: str = "ssh:") -> PublicKey:
    head = string("sk-ssh-ed25519@openssh.com")
    return PublicKey.parse(head + public_key(2).fields + string(application))


@pytest.mark.parametrize("name", PLAIN)
def test_every_key_verifies_its_own_signature_and_no_other(keyring: Keyring, name: str) -> None:
    key, public = opened(keyring, name), PublicKey.from_line(keyring.line(name))
    blob = sign_blob(key, DATA)
    public.verify(blob, DATA)
    assert signature_algorithm(blob) == public.signature_algorithms[0]
    with pytest.raises(Invalid, match="does not hold"):
        public.verify(blob, DATA + b".")


def test_a_signature_of_another_key_type_is_refused(keyring: Keyring) -> None:
    for signer in PLAIN:
        blob = sign_blob(opened(keyring, signer), DATA)
        for name in PLAIN:
            if name != signer:
                with pytest.raises(Invalid, match="does not sign with"):
                    PublicKey.from_line(keyring.line(name)).verify(blob, DATA)


def test_rsa_with_sha1_is_refused_under_either_name(keyring: Keyring) -> None:
    key = opened(keyring, "rsa-2048")
    assert isinstance(key, rsa.RSAPrivateKey)
    weak = key.sign(DATA, PKCS1v15(), SHA1())  # noqa: S303
    for name in ("ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"):
        with pytest.raises(Invalid):
            PublicKey.from_line(keyring.line("rsa-2048")).verify(string(name) + string(weak), DATA)


@pytest.mark.parametrize(
    ("sin", "blob"),
    [
        ("nothing", b""),
        ("a name alone", string("ssh-ed25519")),
        ("63 bytes", string("ssh-ed25519") + string(bytes(63))),
        ("no bytes", string("ssh-ed25519") + string(b"")),
        ("a byte behind it", sign_blob(private_key(2), DATA) + b"\0"),
        ("flags and counter on a plain key", sign_blob(private_key(2), DATA) + b"\x01\0\0\0\x01"),
        ("a security key's name", string("sk-ssh-ed25519@openssh.com") + string(bytes(64)) + b"\x01\0\0\0\x01"),
        ("another key's", sign_blob(private_key(3), DATA)),
    ],
)
def test_a_bad_signature_is_refused(sin: str, blob: bytes) -> None:
    with pytest.raises(Invalid):
        public_key(2).verify(blob, DATA)


def test_an_oversized_signature_is_refused_by_its_size() -> None:
    with pytest.raises(Invalid, match="too large"):
        public_key(2).verify(string("ssh-ed25519") + string(bytes(2048)), DATA)


def test_an_ecdsa_signature_has_one_spelling(keyring: Keyring) -> None:
    key = opened(keyring, "ecdsa-256")
    public = PublicKey.from_line(keyring.line("ecdsa-256"))
    reader = Reader(sign_blob(key, DATA))
    name, raw = reader.string(), Reader(reader.string())
    r, s = raw.mpint(), raw.mpint()
    padded = string(b"\0\0" + r.to_bytes(32, "big")) + mpint(s)
    for bad in (padded, mpint(r) + mpint(s) + b"\0", mpint(r), mpint(0) + mpint(s), mpint(r) + mpint(0)):
        with pytest.raises(Invalid):
            public.verify(string(name) + string(bad), DATA)


def test_a_touched_security_key_is_believed() -> None:
    security_key().verify(assertion(), DATA)
    security_key().verify(assertion(PRESENT | VERIFIED), DATA, require_user_verification=True)


@pytest.mark.parametrize(
    ("sin", "blob", "verified"),
    [
        ("not touched (CVE-2026-39831)", assertion(0), False),
        ("verified but not touched", assertion(VERIFIED), False),
        ("user not verified", assertion(PRESENT), True),
        ("made for another application", assertion(application="https://example.com"), False),
        ("other data", assertion(data=b"other"), False),
        ("another counter", assertion()[:-1] + b"\x0a", False),
        ("flags changed afterwards", assertion()[:-5] + b"\x05" + assertion()[-4:], True),
        ("counter cut off", assertion()[:-1], False),
        ("a byte behind it", assertion() + b"\0", False),
        ("a plain signature", sign_blob(private_key(2), DATA), False),
    ],
)
def test_a_security_keys_bad_signature_is_refused(sin: str, blob: bytes, verified: bool) -> None:
    with pytest.raises(Invalid):
        security_key().verify(blob, DATA, require_user_verification=verified)


def test_an_elliptic_security_key_is_believed() -> None:
    key = ec.derive_private_key(7, ec.SECP256R1())
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    name = "sk-ecdsa-sha2-nistp256@openssh.com"
    public = PublicKey.parse(string(name) + string("nistp256") + string(point) + string("ssh:"))

    tail = b"\x01" + uint32(3)
    message = sha256(b"ssh:").digest() + tail + sha256(DATA).digest()
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    public.verify(string(name) + string(mpint(r) + mpint(s)) + tail, DATA)


def test_a_plain_key_can_not_say_that_it_verified_its_user() -> None:
    with pytest.raises(Invalid, match="only a security key"):
        public_key(2).verify(sign_blob(private_key(2), DATA), DATA, require_user_verification=True)
