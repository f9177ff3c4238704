"""Where the rotation of one kind of key is: read off this machine's configuration and trust document alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography import x509

from daypass.api import TrustDocument
from daypass.config import Config
from daypass.errors import Misconfigured
from daypass.rotation.keyfiles import fingerprint_of, number_of
from daypass.signers.x509 import fingerprint
from daypass.trusted import public_keys

__all__ = ["KIND", "KeyAt", "Stage", "Standing", "standing"]

KIND = {"user": "user CA key", "host": "host CA key", "tls": "TLS root", "bundle": "bundle key"}


class Stage(StrEnum):
    STEADY = "steady"  # one key, and everybody believes it
    ANNOUNCING = "announcing"  # was cut short, or was done on another machine
    ANNOUNCED = "announced"
    SIGNING = "signing"
    RETIRING = "retiring"  # as announcing

    @property
    def following(self) -> str:
        """The option that comes next."""
        return {"steady": "announce", "announcing": "announce", "announced": "sign"}.get(self.value, "retire")


@dataclass(frozen=True, slots=True)
class KeyAt:
    """A key that the configuration names. `place` in the trust document, None where it is not in there."""

    file: Path
    fingerprint: str
    place: int | None

    @property
    def rank(self) -> tuple[int, int]:
        """Higher for the newer of two."""
        return number_of(self.file), sys.maxsize if self.place is None else self.place


@dataclass(frozen=True, slots=True)
class Standing:
    """`keys` in the order of the configuration, so the first signs; `announced`: fingerprints, as they came."""

    use: str
    keys: tuple[KeyAt, ...]
    announced: tuple[str, ...]
    version: int  # of the trust document

    @property
    def signing(self) -> KeyAt:
        return self.keys[0]

    @property
    def newer(self) -> tuple[KeyAt, ...]:
        """Than what signs; oldest first."""
        found = (each for each in self.keys if each.rank > self.signing.rank)
        return tuple(sorted(found, key=lambda each: each.rank))

    @property
    def older(self) -> tuple[KeyAt, ...]:
        return tuple(each for each in self.keys if each.rank < self.signing.rank)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """Announced after what signs, by another machine: the configuration here does not name it."""
        return self._unnamed(after=True)

    @property
    def dropped(self) -> tuple[str, ...]:
        """Announced still, and older than what signs, though the configuration names it no more."""
        return self._unnamed(after=False)

    def _unnamed(self, *, after: bool) -> tuple[str, ...]:
        named = {each.fingerprint for each in self.keys}
        here = self.signing.place or 0
        found = ((place, each) for place, each in enumerate(self.announced) if each not in named)
        return tuple(each for place, each in found if (place > here) is after)

    @property
    def stage(self) -> Stage:
        if self.newer:
            whole = all(each.place is not None for each in self.newer)
            return Stage.ANNOUNCED if whole else Stage.ANNOUNCING
        if self.elsewhere:
            return Stage.ANNOUNCING
        if self.older:
            return Stage.SIGNING if any(each.place is not None for each in self.older) else Stage.RETIRING
        return Stage.RETIRING if self.dropped else Stage.STEADY


def standing(config: Config, trust: TrustDocument, use: str) -> Standing:
    """Raises Misconfigured for files that can't be read."""
    announced = _announced(trust, use)
    places = {each: place for place, each in enumerate(announced)}
    found = [(key.file, fingerprint_of(use, key.file)) for key in config.keys if key.use == use]
    if not found:
        raise Misconfigured(f"there is no {use} key", code="keys", hint=f'add [[keys]] with use = "{use}"')
    keys = tuple(KeyAt(file, print_, places.get(print_)) for file, print_ in found)
    return Standing(use, keys, tuple(announced), trust.version)


def _announced(trust: TrustDocument, use: str) -> Sequence[str]:
    if use == "tls":
        return [fingerprint(x509.load_pem_x509_certificate(each.encode())) for each in trust.tls_roots]
    lines = {"user": trust.user_ca, "host": trust.host_ca, "bundle": trust.bundle_keys}[use]
    return [key.fingerprint for key in public_keys(lines)]
