"""What a cloud instance shows for its first certificate, in one word each (trust 5.4).

    aws1.DOCUMENT.SIGNATURE      the instance identity document, byte for byte, and its `rsa2048` signature (PKCS#7)
    azure1.SIGNATURE             the attested document: the PKCS#7 of `signature`
    azure1.SIGNATURE.TOKEN       and an access token of the managed identity: a JWT, with its own two dots
    a JWT                        Google's identity token as it is, format=full, made for `google_audience`

DOCUMENT and SIGNATURE are base64url without padding, of the bytes; the metadata services of AWS and Azure write
plain base64 with line breaks, so a shell gets there with `tr -d '=\\n' | tr '+/' '-_'`. One word has one spelling.

Each is tied to the host's keys: Google's by its audience, Azure's by the nonce that `POST /v1/host/challenge` gives,
and all three by the keys' signatures over the word (`binding.possession_message`).
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from daypass.errors import Invalid
from daypass.wire.keys import PublicKey

__all__ = [
    "AWS_PREFIX",
    "AZURE_PREFIX",
    "CHALLENGE_SECONDS",
    "GOOGLE_AUDIENCE",
    "AwsWord",
    "AzureWord",
    "challenge",
    "challenge_expires",
    "google_audience",
    "keys_digest",
]

AWS_PREFIX = "aws1."
AZURE_PREFIX = "azure1."
GOOGLE_AUDIENCE = "daypass:host:"
CHALLENGE_SECONDS = 300
MAX_DOCUMENT = 4096  # bytes; AWS writes about 500
MAX_SIGNATURE = 16 * 1024  # bytes; Azure's holds its chain of certificates, 3 to 6 KiB
MAX_TOKEN = 16 * 1024  # characters
_PART = re.compile(r"[A-Za-z0-9_-]+")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2}")


@dataclass(frozen=True, slots=True)
class AwsWord:
    """`document`: 1 to 4096 bytes; `signature`: 1 byte to 16 KiB of PKCS#7, without PEM's lines. Unverified."""

    document: bytes
    signature: bytes

    def encode(self) -> str:
        return AWS_PREFIX + f"{_encode(self.document)}.{_encode(self.signature)}"

    @classmethod
    def decode(cls, word: str) -> AwsWord:
        """Raises Invalid for what `encode` does not write."""
        parts = word.removeprefix(AWS_PREFIX).split(".")
        if not word.startswith(AWS_PREFIX) or len(parts) != 2:
            raise _refused("AWS")
        return cls(_decode(parts[0], MAX_DOCUMENT, "AWS"), _decode(parts[1], MAX_SIGNATURE, "AWS"))


@dataclass(frozen=True, slots=True)
class AzureWord:
    """`signature`: 1 byte to 16 KiB of PKCS#7; `token`: a JWT of at most 16 KiB, or "". Unverified."""

    signature: bytes
    token: str = ""

    def encode(self) -> str:
        return AZURE_PREFIX + _encode(self.signature) + (f".{self.token}" if self.token else "")

    @classmethod
    def decode(cls, word: str) -> AzureWord:
        """Raises Invalid for what `encode` does not write."""
        signature, dot, token = word.removeprefix(AZURE_PREFIX).partition(".")
        fits = word.startswith(AZURE_PREFIX) and len(token) <= MAX_TOKEN
        if not fits or (dot and not _TOKEN.fullmatch(token)):
            raise _refused("Azure")
        return cls(_decode(signature, MAX_SIGNATURE, "Azure"), token)


def keys_digest(keys: Iterable[PublicKey]) -> str:
    """64 hex digits: SHA-256 over the keys' lines (`type base64`, a line break after each), sorted by byte.

    In a shell: `cut -d' ' -f1,2 *.pub | LC_ALL=C sort | sha256sum`.
    """
    lines = sorted(key.line().encode() + b"\n" for key in keys)
    return sha256(b"".join(lines)).hexdigest()


def google_audience(ca_id: bytes, keys: Iterable[PublicKey]) -> str:
    """What a host asks Google's metadata service to make its identity token for: this CA, and exactly these keys.

    `daypass:host:`, the CA id and `keys_digest` in hex, a colon between. Nothing in it needs escaping in a query.
    """
    return f"{GOOGLE_AUDIENCE}{ca_id.hex()}:{keys_digest(keys)}"


def challenge(secret: bytes, ca_id: bytes, keys: Iterable[PublicKey], time: float, ago: int = 0) -> str:
    """Ten digits, which is what Azure puts into an attested document: of this CA, these keys, and the five minutes of
    `time` (unix seconds), or those `ago` before. Nothing is kept: whoever has `secret` says them again."""
    turn = int(time) // CHALLENGE_SECONDS - ago
    text = f"daypass-challenge-v1\0{ca_id.hex()}\0{keys_digest(keys)}\0{turn}"
    return f"{int.from_bytes(hmac.digest(secret, text.encode(), 'sha256')) % 10**10:010d}"


def challenge_expires(time: float) -> int:
    """Unix seconds: the end of the five minutes after those of `time`."""
    return (int(time) // CHALLENGE_SECONDS + 2) * CHALLENGE_SECONDS


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(part: str, most: int, cloud: str) -> bytes:
    """Base64url in its one spelling."""
    if len(part) > most * 4 // 3 + 3 or not _PART.fullmatch(part):
        raise _refused(cloud)
    try:
        data = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise _refused(cloud) from None
    if len(data) > most or _encode(data) != part:
        raise _refused(cloud)
    return data


def _refused(cloud: str) -> Invalid:
    return Invalid(f"this is no identity document of an {cloud} instance", code="cloud.form")
