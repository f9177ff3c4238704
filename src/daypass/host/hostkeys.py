"""The host keys that sshd really has, and the proof that they are ours to have certified (trust 3.3, 5.4).

A key is read for as long as it takes to sign one message with it. Nothing here writes a private key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

from daypass.api import POSSESSION_NAMESPACE, EnrolKey
from daypass.errors import Invalid, Misconfigured
from daypass.wire import PublicKey, SshSignature, sign_blob
from daypass.wire.binding import possession_message
from daypass.wire.sshsig import to_be_signed

__all__ = ["HostKey", "family", "load_host_keys"]

_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class HostKey:
    """One host key: where sshd finds it, and both its halves."""

    path: Path
    public_key: PublicKey
    private_key: _PrivateKey = field(repr=False)

    @property
    def certificate_name(self) -> str:
        return f"ssh_host_{family(self.public_key)}_key-cert.pub"

    def proven(self, ca_id: bytes, token: str) -> EnrolKey:
        """The key and a signature by it that is good for this CA and this token alone."""
        return self.possessed(possession_message(ca_id, token))

    def possessed(self, message: bytes) -> EnrolKey:
        """The key and its signature over a message of `wire.binding`."""
        message = to_be_signed(POSSESSION_NAMESPACE, message)
        signature = SshSignature(
            self.public_key, POSSESSION_NAMESPACE, "sha512", sign_blob(self.private_key, message)
        )
        return EnrolKey(public_key=self.public_key.blob, proof=signature.encode())


def family(key: PublicKey) -> str:
    """`ed25519`, `ecdsa` or `rsa`, as ssh-keygen and ssh-keyscan name them; sshd uses one host key of each."""
    return key.type.removeprefix("ssh-") if key.type.startswith("ssh-") else "ecdsa"


def load_host_keys(paths: Iterable[Path]) -> tuple[tuple[HostKey, ...], tuple[str, ...]]:
    """The first usable key of each family, and warnings about those left out.

    Files that do not exist are passed over, as sshd does. Raises Misconfigured for a key that is encrypted or can't
    be read, and where none is left.
    """
    keys, warnings = dict[str, HostKey](), list[str]()
    for path in paths:
        if not path.exists():
            continue
        key = _load(path)
        if isinstance(key, str):
            warnings.append(key)
        else:
            keys.setdefault(family(key.public_key), key)
    if not keys:
        raise Misconfigured(
            "sshd has no host key to certify", code="host.no-key", hint="make them with: ssh-keygen -A"
        )
    return tuple(keys.values()), tuple(warnings)


def _load(path: Path) -> HostKey | str:
    """The key, or why it is left out."""
    try:
        content = path.read_bytes()
        load = load_ssh_private_key if content.startswith(_OPENSSH) else load_pem_private_key
        private = load(content, None)
    except OSError as error:
        raise _unusable(path, f"can't be read: {error.strerror}", "run this as root") from error
    except TypeError as error:
        raise _unusable(
            path, "is encrypted", "sshd can't use it either; make a new one with ssh-keygen -A"
        ) from error
    except UnsupportedAlgorithm:
        return f"host key {path} is left out: its type can't be certified"
    except ValueError as error:
        raise _unusable(path, "is no private key that can be read", "make a new one: ssh-keygen -A") from error
    if not isinstance(private, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return f"host key {path} is left out: its type can't be certified"
    try:
        return HostKey(path, PublicKey.from_cryptography(private.public_key()), private)
    except Invalid as error:
        return f"host key {path} is left out: {error.message}"


def _unusable(path: Path, what: str, hint: str) -> Misconfigured:
    return Misconfigured(f"the host key {path} {what}", code="host.key", hint=hint)
