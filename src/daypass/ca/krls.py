"""The KRL that all hosts, or all laptops, are given alike (OpenSSH PROTOCOL.krl, trust 6.1, 6.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence

from msgspec import Struct

from daypass.wire import Krl, PublicKey
from daypass.wire.krl import CertificateSection

__all__ = ["Krls", "MadeKrl", "made", "sections"]

Revoked = Sequence[tuple[str, int]]  # (fingerprint of a CA key, serial), ascending


class MadeKrl(Struct, frozen=True):
    """`digest`: hex SHA-256 of the KRL's bytes; signed bundles name the KRL by it."""

    version: int
    krl: bytes
    digest: str


class Krls:
    """The KRL of the certificates by one kind of CA key. The same until what is revoked changes."""

    def __init__(self, revoked: Callable[[int], Awaitable[Revoked]], keys: Callable[[], Iterable[PublicKey]]) -> None:
        self._revoked, self._keys = revoked, keys
        self._last: tuple[tuple[CertificateSection, ...], MadeKrl] | None = None

    async def current(self, now: int) -> MadeKrl:
        found = sections(self._keys(), await self._revoked(now))
        if self._last is None or self._last[0] != found:
            at = now if found or self._last else 0  # as long as nothing was revoked, every process has the same
            version = max(self._last[1].version + 1 if self._last else 1, at * 1000)
            self._last = found, made(Krl(version, at, "daypass", found))
        return self._last[1]


def made(krl: Krl) -> MadeKrl:
    text = krl.encode()
    return MadeKrl(krl.version, text, hashlib.sha256(text).hexdigest())


def sections(keys: Iterable[PublicKey], revoked: Revoked) -> tuple[CertificateSection, ...]:
    """One section for each key that has some."""
    found = []
    for key in keys:
        serials = tuple((serial, serial) for print_, serial in revoked if print_ == key.fingerprint)
        found += [CertificateSection(key, serials)] if serials else []
    return tuple(found)
