"""Public keys, with ssh-keygen's and pyca/cryptography's as the second opinion."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key
from tests.wire.making import nested, opened, public_key, signed
from tests.wire.openssh import ALL, PLAIN, PUBLISHED_TYPE, SECURITY_KEYS, Keyring, attempt, run

from daypass.errors import Invalid
from daypass.wire import KEY_TYPES, MAX_KEY_BYTES, PublicKey, mpint, string

ED25519 = public_key(2)
P256 = ec.derive_private_key(7, ec.SECP256R1()).public_key()
POINT = P256.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
SQUEEZED = P256.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
ODD_2048 = 2**2047 + 1


def ecdsa(point: bytes = POINT, name: str = "ecdsa-sha2-nistp256", curve: str = "nistp256") -> bytes:
    return string(name) + string(curve) + string(point)


def rsa_key(modulus: int = ODD_2048, exponent: int = 65537) -> bytes:
    return string("ssh-rsa") + mpint(exponent) + mpint(modulus)


@pytest.mark.parametrize("name", ALL)
def test_a_key_of_ssh_keygen_comes_back_line_for_line(keyring: Keyring, name: str) -> None:
    line = keyring.line(name)
    key = PublicKey.from_line(line)
    assert key.type == PUBLISHED_TYPE[name]
    assert key.line("someone") == line.strip()
    assert PublicKey.parse(key.blob) == key


@pytest.mark.parametrize("name", ALL)
def test_the_fingerprint_is_the_one_ssh_keygen_prints(keyring: Keyring, name: str) -> None:
    shown = run("ssh-keygen", "-l", "-f", keyring.private(name).with_suffix(".pub"))
    assert PublicKey.from_line(keyring.line(name)).fingerprint == shown.split()[1]


@pytest.mark.parametrize("name", PLAIN)
def test_a_key_held_by_pyca_is_the_same_key(keyring: Keyring, name: str) -> None:
    key = PublicKey.from_line(keyring.line(name))
    assert PublicKey.from_cryptography(opened(keyring, name).public_key()) == key
    pyca = load_ssh_public_key(key.line().encode())
    assert pyca.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() == key.line()


@pytest.mark.parametrize("name", SECURITY_KEYS)
def test_a_security_key_keeps_its_application(keyring: Keyring, name: str) -> None:
    key = PublicKey.from_line(keyring.line(name))
    assert (key.is_security_key, key.application) == (True, "ssh:")


def test_a_plain_key_has_no_application() -> None:
    assert (ED25519.is_security_key, ED25519.application) == (False, "")


@pytest.mark.parametrize(
    ("key_type", "certificate_type"),
    [
        ("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"),
        ("ssh-rsa", "ssh-rsa-cert-v01@openssh.com"),
        ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384-cert-v01@openssh.com"),
        ("sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com"),
        ("sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com"),
    ],
)
def test_every_key_type_has_its_certificate_type(key_type: str, certificate_type: str) -> None:
    assert PublicKey(key_type, b"").certificate_type == certificate_type


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_a_certificate_type_is_refused_before_its_fields_are_read(key_type: str) -> None:
    """CVE-2025-49825: nothing but the type name is there, and that is enough to say no."""
    name = PublicKey(key_type, b"").certificate_type
    for version in (name, name.replace("v01", "v00")):
        with pytest.raises(Invalid, match="certificate can't stand"):
            PublicKey.parse(string(version))


@pytest.mark.parametrize("depth", [1, 2, 50])
def test_a_whole_certificate_is_refused_at_any_depth(depth: int) -> None:
    """CVE-2025-49825, golang/go#80414: no parser of ours follows a certificate into a certificate."""
    with pytest.raises(Invalid):
        PublicKey.parse(nested(depth))


@pytest.mark.parametrize(
    ("sin", "blob"),
    [
        ("nothing", b""),
        ("a type alone", string("ssh-ed25519")),
        ("DSA", string("ssh-dss") + mpint(1) * 4),
        ("a type nobody knows", string("ssh-ed448") + string(bytes(57))),
        ("31 bytes of Ed25519", string("ssh-ed25519") + string(bytes(31))),
        ("33 bytes of Ed25519", string("ssh-ed25519") + string(bytes(33))),
        ("a byte after the key", ED25519.blob + b"\0"),
        ("the last byte missing", ED25519.blob[:-1]),
        ("an application on a plain key", ED25519.blob + string("ssh:")),
        ("a security key without application", string("sk-ssh-ed25519@openssh.com") + string(bytes(32))),
        (
            "a security key with an empty application",
            string("sk-ssh-ed25519@openssh.com") + string(bytes(32)) + string(""),
        ),
        ("another curve inside (CVE-2026-39829)", ecdsa(curve="nistp384")),
        ("another curve outside", ecdsa(name="ecdsa-sha2-nistp521")),
        ("a curve by its other name", ecdsa(curve="secp256r1")),
        ("a compressed point", ecdsa(SQUEEZED)),
        ("the point at infinity", ecdsa(b"\0")),
        ("a hybrid point", ecdsa(bytes([6 + POINT[-1] % 2]) + POINT[1:])),
        ("a point off the curve", ecdsa(POINT[:-1] + bytes([POINT[-1] ^ 1]))),
        ("half a point", ecdsa(POINT[:33])),
        ("no point", ecdsa(b"")),
        ("RSA of 1024 bits", rsa_key(2**1023 + 1)),
        ("RSA of 2047 bits", rsa_key(2**2046 + 1)),
        ("RSA of 8193 bits (CVE-2026-39829)", rsa_key(2**8192 + 1)),
        ("RSA with an even modulus", rsa_key(2**2047)),
        ("RSA with exponent 1", rsa_key(exponent=1)),
        ("RSA with an even exponent", rsa_key(exponent=65536)),
        ("RSA with a giant exponent (CVE-2026-39829)", rsa_key(exponent=2**2046 + 1)),
        ("RSA with exponent 2^32 + 3", rsa_key(exponent=2**32 + 3)),
        ("RSA by its signature's name", string("rsa-sha2-512") + mpint(65537) + mpint(ODD_2048)),
    ],
)
def test_a_bad_key_is_refused(sin: str, blob: bytes) -> None:
    with pytest.raises(Invalid):
        PublicKey.parse(blob)


def test_an_oversized_key_is_refused_by_its_size() -> None:
    with pytest.raises(Invalid, match="too large"):
        PublicKey.parse(string("ssh-rsa") + bytes(MAX_KEY_BYTES))


@pytest.mark.parametrize("exponent", [3, 35, 65537, 2**32 + 1])
def test_exponents_found_in_the_field_are_accepted(exponent: int) -> None:
    assert PublicKey.parse(rsa_key(exponent=exponent)).type == "ssh-rsa"


@pytest.mark.parametrize("bits", [2048, 3072, 8192])
def test_rsa_sizes_in_use_are_accepted(bits: int) -> None:
    assert PublicKey.parse(rsa_key(2 ** (bits - 1) + 1)).type == "ssh-rsa"


@pytest.mark.parametrize(
    ("sin", "line"),
    [
        ("nothing", ""),
        ("a type alone", "ssh-ed25519"),
        ("not base64", "ssh-ed25519 !!!!"),
        ("base64url", "ssh-ed25519 AAAA_-AA"),
        ("padding after padding", ED25519.line() + "===="),
        ("a break inside", ED25519.line().replace("AAAAI", "AAAA\nI")),
        ("two lines", ED25519.line() + "\n" + ED25519.line()),
        ("options in front", "no-pty " + ED25519.line()),
        ("another type in front", ED25519.line().replace("ssh-ed25519", "ssh-rsa")),
        ("a certificate", signed().line()),
        ("letters of another script", "ssh-ed25519 " + "\u0410" * 68),
    ],
)
def test_a_bad_line_is_refused(sin: str, line: str) -> None:
    with pytest.raises(Invalid):
        PublicKey.from_line(line)


def test_base64_with_stray_bits_in_its_last_character_is_refused() -> None:
    line = PublicKey.parse(ecdsa()).line()
    assert line.endswith("=")
    stray = line[:-2] + chr(ord(line[-2]) + 1) + "="
    with pytest.raises(Invalid, match="canonical"):
        PublicKey.from_line(stray)


def test_a_comment_can_not_start_another_line() -> None:
    with pytest.raises(Invalid):
        ED25519.line("me\nssh-ed25519 AAAA")


def test_a_comment_keeps_its_spaces() -> None:
    assert PublicKey.from_line(ED25519.line("my  own key")) == ED25519


def test_a_key_pyca_knows_and_ssh_does_not_is_refused() -> None:
    with pytest.raises(Invalid, match="secp256k1"):
        PublicKey.from_cryptography(ec.derive_private_key(7, ec.SECP256K1()).public_key())


def test_ssh_keygen_refuses_the_point_we_refuse(keyring: Keyring) -> None:
    bad = keyring.folder / "off-curve.pub"
    blob = ecdsa(POINT[:-1] + bytes([POINT[-1] ^ 1]))
    bad.write_text(PublicKey("ecdsa-sha2-nistp256", blob).line())
    assert attempt("ssh-keygen", "-l", "-f", bad).returncode != 0
