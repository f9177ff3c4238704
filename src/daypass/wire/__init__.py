"""Bytes in, bytes out: keys, certificates, signatures, revocation lists and agent messages of OpenSSH.

No files, no network, no clock. Whatever is wrong with the bytes is `daypass.errors.Invalid`.
pyca/cryptography does all cryptography, and is loaded only when there is some to do.
"""

from importlib import import_module

TYPE_CHECKING = False  # importing typing costs what `daypass status` has not got
if TYPE_CHECKING:
    from daypass.wire import agent, sshsig
    from daypass.wire.buffer import Reader, boolean, mpint, string, uint32, uint64
    from daypass.wire.certificate import FOREVER, MAX_PRINCIPALS, Certificate, CertType
    from daypass.wire.keys import KEY_TYPES, MAX_KEY_BYTES, PublicKey
    from daypass.wire.krl import CertificateSection, Krl, KrlHeader
    from daypass.wire.signature import sign_blob, signature_algorithm
    from daypass.wire.sshsig import SshSignature

__all__ = [
    "FOREVER",
    "KEY_TYPES",
    "MAX_KEY_BYTES",
    "MAX_PRINCIPALS",
    "CertType",
    "Certificate",
    "CertificateSection",
    "Krl",
    "KrlHeader",
    "PublicKey",
    "Reader",
    "SshSignature",
    "agent",
    "boolean",
    "mpint",
    "sign_blob",
    "signature_algorithm",
    "sshsig",
    "string",
    "uint32",
    "uint64",
]

_HOMES = {
    "buffer": ("Reader", "boolean", "mpint", "string", "uint32", "uint64"),
    "certificate": ("FOREVER", "MAX_PRINCIPALS", "CertType", "Certificate"),
    "keys": ("KEY_TYPES", "MAX_KEY_BYTES", "PublicKey"),
    "krl": ("CertificateSection", "Krl", "KrlHeader"),
    "signature": ("sign_blob", "signature_algorithm"),
    "sshsig": ("SshSignature",),
}


def __getattr__(name: str) -> object:
    """A name from the file it lives in, on first use: who needs one file does not pay for all."""
    for home, names in _HOMES.items():
        if name in names:
            value: object = getattr(import_module(f"daypass.wire.{home}"), name)
            globals()[name] = value
            return value
    if name in ("agent", "sshsig"):
        return import_module(f"daypass.wire.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
