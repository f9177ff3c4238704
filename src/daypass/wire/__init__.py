"""Bytes in, bytes out: keys, certificates, signatures, revocation lists and agent messages of OpenSSH.

No files, no network, no clock. Whatever is wrong with the bytes is `daypass.errors.Invalid`.
pyca/cryptography does all cryptography, and is loaded only when there is some to do.
"""

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
