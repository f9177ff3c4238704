"""Private keys in files: made, written in OpenSSH's format, opened again."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from daypass.client.files.sshfile import read
from daypass.errors import Invalid, Misconfigured
from daypass.wire.pyca import PrivateKey

__all__ = ["CURVES", "check_encryption", "encode", "generate", "generate_like", "load"]

CURVES: dict[str, type[ec.EllipticCurve]] = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_RSA_BITS = range(2048, 8193)


def generate(kind: str, *, curve: str = "P-256", bits: int = 3072) -> PrivateKey:
    """A new key; `kind` is ed25519, ecdsa (`curve` counts) or rsa (`bits` count). Raises Invalid for weak ones."""
    if kind == "rsa":
        if bits not in _RSA_BITS:
            hint = f"{_RSA_BITS[0]} to {_RSA_BITS[-1]} bits are; without --size it has 3072"
            raise Invalid(f"an RSA key of {bits} bits is not accepted", code="key.size", hint=hint)
        return rsa.generate_private_key(65537, bits)
    if kind == "ecdsa":
        return ec.generate_private_key(CURVES[curve]())
    return ed25519.Ed25519PrivateKey.generate()


def generate_like(key: PrivateKey) -> PrivateKey:
    """A new key of the same kind and size."""
    if isinstance(key, rsa.RSAPrivateKey):
        return generate("rsa", bits=max(key.key_size, 3072))
    return ec.generate_private_key(key.curve) if isinstance(key, ec.EllipticCurvePrivateKey) else generate("ed25519")


def encode(key: PrivateKey, passphrase: bytes | None) -> bytes:
    """OpenSSH's own format (PROTOCOL.key), encrypted where there is a passphrase."""
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, encryption)


def check_encryption() -> None:
    """Raise Misconfigured where OpenSSH's format can't be encrypted: its key derivation is in a module apart."""
    if find_spec("bcrypt") is None:
        raise Misconfigured(
            "a passphrase needs the Python module bcrypt, which is not installed",
            code="bcrypt",
            hint="install it (pip install bcrypt), or make the key with ssh-keygen and name it with --sign",
        )


def load(path: Path, passphrase: bytes | None) -> PrivateKey:
    """The key in the file. Raises Invalid for what is none of a kind we use, or for another passphrase.

    `passphrase` is not needed for a key that has none, and TypeError-free: a key that wants one is Invalid with the
    code `key.locked`.
    """
    content = read(str(path))
    try:
        key = (load_ssh_private_key if content.lstrip().startswith(_OPENSSH) else load_pem_private_key)(
            content, passphrase
        )
    except TypeError as error:  # one was given and is not needed, or the other way round
        if passphrase is not None:
            return load(path, None)
        raise Invalid(f"{path} is protected by a passphrase", code="key.locked", hint="--password-file") from error
    except UnsupportedAlgorithm as error:
        check_encryption()
        raise Invalid(f"{path} holds a key of a type that is not used here", code="key.type") from error
    except ValueError as error:
        wrong = passphrase is not None and b"PRIVATE KEY-----" in content
        what = "can't be opened with that passphrase" if wrong else "holds no private key that can be read"
        raise Invalid(f"{path} {what}", code="key.file") from error
    if not isinstance(key, PrivateKey):
        raise Invalid(f"{path} holds a key of a type that is not used here", code="key.type")
    return key
