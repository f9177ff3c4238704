"""Every touch of pyca/cryptography, in one place.

Imported only where a signature is made or judged or a point is checked: loading that library costs twice
Python's own start-up, and commands that merely show what someone holds need none of it.

pyca/cryptography never holds a security key's identity: it has no place for the application, and would hand
back another key than it was given.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from daypass.errors import Invalid
from daypass.wire.buffer import Reader, mpint, string
from daypass.wire.keys import PublicKey, curve_name

__all__ = [
    "PrivateKey",
    "agent_fields",
    "elliptic_key",
    "public_blob",
    "sign",
    "verify",
]

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey
_Hash = SHA256 | SHA384 | SHA512

_CURVES: dict[str, tuple[ec.EllipticCurve, _Hash]] = {
    "nistp256": (ec.SECP256R1(), SHA256()),
    "nistp384": (ec.SECP384R1(), SHA384()),
    "nistp521": (ec.SECP521R1(), SHA512()),
}
_CURVE_NAMES = {curve.name: name for name, (curve, _) in _CURVES.items()}
_RSA_HASHES: dict[str, _Hash] = {"rsa-sha2-256": SHA256(), "rsa-sha2-512": SHA512()}


def elliptic_key(curve: str, point: bytes) -> ec.EllipticCurvePublicKey:
    """The point as a key; `Invalid` unless it is uncompressed (RFC 5656 section 3.1) and on the curve."""
    if point[:1] != b"\x04":
        raise Invalid("an elliptic curve point must be written uncompressed")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[curve][0], point)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid(f"the point is not on {curve}") from error


def public_blob(key: _PublicKey) -> bytes:
    """The blob of a public key."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return string("ssh-ed25519") + string(key.public_bytes_raw())
    if isinstance(key, ec.EllipticCurvePublicKey):
        curve = _curve_of(key.curve)
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return string(f"ecdsa-sha2-{curve}") + string(curve) + string(point)
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return string("ssh-rsa") + mpint(numbers.e) + mpint(numbers.n)
    raise Invalid(f"a key of class {type(key).__name__} can't be used with SSH here")


def sign(key: PrivateKey, data: bytes) -> tuple[str, bytes]:
    """Algorithm name and signature, not yet framed."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ssh-ed25519", key.sign(data)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        curve = _curve_of(key.curve)
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(_CURVES[curve][1])))
        return f"ecdsa-sha2-{curve}", mpint(r) + mpint(s)
    if isinstance(key, rsa.RSAPrivateKey):
        return "rsa-sha2-512", key.sign(data, PKCS1v15(), SHA512())
    raise Invalid(f"a key of class {type(key).__name__} can't sign here")


def verify(key: PublicKey, algorithm: str, raw: bytes, data: bytes) -> None:
    """Raise `Invalid` unless `raw` is a signature over `data`. `algorithm` must already fit the key."""
    try:
        if "ed25519" in key.type:
            _ed25519(key).verify(raw, data)
        elif "ecdsa" in key.type:
            curve = curve_name(key.type)
            _ecdsa(key, curve).verify(_dss(raw), data, ec.ECDSA(_CURVES[curve][1]))
        else:
            _rsa(key).verify(raw, data, PKCS1v15(), _RSA_HASHES[algorithm])
    except (InvalidSignature, ValueError) as error:
        raise Invalid("the signature does not hold") from error


def agent_fields(key: PrivateKey, *, certified: bool) -> bytes:
    """A private key's fields as ssh-agent takes them; `certified` ones leave out what the certificate says.

    PROTOCOL.agent / draft-ietf-sshm-ssh-agent section 3.2, and its certificate forms in section 3.2.6.
    """
    if isinstance(key, ed25519.Ed25519PrivateKey):
        public = key.public_key().public_bytes_raw()
        return string(public) + string(key.private_bytes_raw() + public)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        secret = mpint(key.private_numbers().private_value)
        return secret if certified else PublicKey.from_cryptography(key.public_key()).fields + secret
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        public_numbers = numbers.public_numbers
        secret = mpint(numbers.d) + mpint(numbers.iqmp) + mpint(numbers.p) + mpint(numbers.q)
        if certified:
            return secret
        return mpint(public_numbers.n) + mpint(public_numbers.e) + secret
    raise Invalid(f"a key of class {type(key).__name__} can't go into an agent here")


def _curve_of(curve: ec.EllipticCurve) -> str:
    if curve.name not in _CURVE_NAMES:
        raise Invalid(f"the curve {curve.name} is not one SSH uses")
    return _CURVE_NAMES[curve.name]


def _ed25519(key: PublicKey) -> ed25519.Ed25519PublicKey:
    return ed25519.Ed25519PublicKey.from_public_bytes(Reader(key.fields).string())


def _ecdsa(key: PublicKey, curve: str) -> ec.EllipticCurvePublicKey:
    reader = Reader(key.fields)
    reader.string()
    return elliptic_key(curve, reader.string())


def _rsa(key: PublicKey) -> rsa.RSAPublicKey:
    reader = Reader(key.fields)
    exponent, modulus = reader.mpint(), reader.mpint()
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _dss(raw: bytes) -> bytes:
    """SSH's two numbers as the DER pyca wants; `Invalid` if they are not minimal or something follows."""
    reader = Reader(raw)
    r, s = reader.mpint(), reader.mpint()
    reader.end()
    return encode_dss_signature(r, s)
