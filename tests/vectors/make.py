"""Makes the bad blobs beside it, each named for its sin. The same bytes every time.

    python -m tests.vectors.make

The first word of a name says which parser must refuse it: key, certificate, sshsig or krl. Bytes are put
together by hand here, since the code under test refuses to write most of them.
"""

from __future__ import annotations

from pathlib import Path
from struct import pack

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FOLDER = Path(__file__).parent / "wire"


def _string(data: bytes) -> bytes:
    return pack(">I", len(data)) + data


def _mpint(number: int) -> bytes:
    return _string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _flags(*names: bytes) -> bytes:
    return b"".join(_string(name) + _string(b"") for name in names)


_CA = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
_SUBJECT = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
_CA_BLOB = _string(b"ssh-ed25519") + _string(_CA.public_key().public_bytes_raw())
_FIELDS = _string(_SUBJECT.public_key().public_bytes_raw())
_POINT = (
    ec.derive_private_key(7, ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
)
_OFF_CURVE = _POINT[:-1] + bytes([_POINT[-1] ^ 1])


def _certificate(
    principals: bytes = _string(b"alice"),
    critical: bytes = b"",
    extensions: bytes = _flags(b"permit-pty"),
    kind: int = 1,
    ca: bytes = _CA_BLOB,
    reserved: bytes = b"",
    algorithm: bytes = b"ssh-ed25519",
) -> bytes:
    body = _string(b"ssh-ed25519-cert-v01@openssh.com") + _string(bytes(range(32))) + _FIELDS
    body += pack(">QI", 1, kind) + _string(b"alice@example.com") + _string(principals)
    body += pack(">QQ", 0, 2**64 - 1) + _string(critical) + _string(extensions) + _string(reserved) + _string(ca)
    return body + _string(_string(algorithm) + _string(_CA.sign(body)))


def _ecdsa(point: bytes, outer: bytes = b"nistp256", inner: bytes = b"nistp256") -> bytes:
    return _string(b"ecdsa-sha2-" + outer) + _string(inner) + _string(point)


def _rsa(bits: int, exponent: int = 65537) -> bytes:
    return _string(b"ssh-rsa") + _mpint(exponent) + _mpint(2 ** (bits - 1) + 1)


def _sshsig(namespace: bytes = b"file", key: bytes = _CA_BLOB) -> bytes:
    data = b"SSHSIG" + _string(namespace) + _string(b"") + _string(b"sha512") + _string(bytes(64))
    head = b"SSHSIG" + pack(">I", 1) + _string(key) + _string(namespace) + _string(b"") + _string(b"sha512")
    return head + _string(_string(b"ssh-ed25519") + _string(_CA.sign(data)))


def _krl(*sections: tuple[int, bytes]) -> bytes:
    head = b"SSHKRL\n\0" + pack(">IQQQ", 1, 7, 1767225600, 0) + _string(b"") + _string(b"")
    return head + b"".join(bytes([kind]) + _string(body) for kind, body in sections)


def _revoking(form: int, data: bytes, ca: bytes = _CA_BLOB) -> tuple[int, bytes]:
    return 1, _string(ca) + _string(b"") + bytes([form]) + _string(data)


def good() -> dict[str, bytes]:
    """Sound blobs to damage."""
    return {
        "certificate": _certificate(),
        "certificate with options": _certificate(
            critical=_string(b"force-command") + _string(_string(b"uptime")) + _flags(b"verify-required")
        ),
        "key": _CA_BLOB,
        "key ecdsa": _ecdsa(_POINT),
        "key rsa": _rsa(2048),
        "key sk": _string(b"sk-ssh-ed25519@openssh.com") + _FIELDS + _string(b"ssh:"),
        "krl": _krl(_revoking(0x20, pack(">QQ", 3, 5)), _revoking(0x21, pack(">QQ", 7, 9))),
        "sshsig": _sshsig(),
    }


BLOBS: dict[str, bytes] = {
    "certificate-inside-a-certificate": _certificate(ca=_certificate()),
    "certificate-with-a-nul-in-a-principal": _certificate(principals=_string(b"root\0")),
    "certificate-with-an-empty-restriction": _certificate(
        critical=_string(b"source-address") + _string(_string(b""))
    ),
    "certificate-with-an-option-twice": _certificate(extensions=_flags(b"permit-pty", b"permit-pty")),
    "certificate-with-options-out-of-order": _certificate(extensions=_flags(b"permit-pty", b"a@example.com")),
    "certificate-of-neither-user-nor-host": _certificate(kind=3),
    "certificate-with-something-reserved": _certificate(reserved=b"x"),
    "certificate-with-a-byte-behind-it": _certificate() + b"\0",
    "key-that-is-a-certificate": _certificate(),
    "key-on-another-curve-than-it-says": _ecdsa(_POINT, outer=b"nistp384"),
    "key-off-its-curve": _ecdsa(_OFF_CURVE),
    "key-at-infinity": _ecdsa(b"\0"),
    "key-compressed": _ecdsa(bytes([2 + _POINT[-1] % 2]) + _POINT[1:33]),
    "key-rsa-of-1024-bits": _rsa(1024),
    "key-rsa-of-16384-bits": _rsa(16384),
    "key-rsa-with-a-giant-exponent": _rsa(2048, exponent=2**2046 + 1),
    "key-dsa": _string(b"ssh-dss") + _mpint(2**1023 + 1) * 4,
    "key-ed25519-of-31-bytes": _string(b"ssh-ed25519") + _string(bytes(31)),
    "key-sk-without-application": _string(b"sk-ssh-ed25519@openssh.com") + _FIELDS,
    "sshsig-for-every-purpose": _sshsig(namespace=b""),
    "sshsig-by-a-certificate": _sshsig(key=_certificate()),
    "krl-of-every-ca": _krl(_revoking(0x20, pack(">Q", 5), ca=b"")),
    "krl-of-serial-0": _krl(_revoking(0x20, pack(">Q", 0))),
    "krl-with-a-bitmap": _krl(_revoking(0x22, pack(">Q", 1) + _string(b"\x01"))),
    "krl-with-a-range-downwards": _krl(_revoking(0x21, pack(">QQ", 9, 7))),
}


def main() -> None:
    """Write every blob, and remove those no longer made."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.bin"):
        old.unlink()
    for name, blob in BLOBS.items():
        (FOLDER / f"{name}.bin").write_bytes(blob)


if __name__ == "__main__":
    main()
