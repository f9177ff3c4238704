"""The hash chain. An entry is one JSON object; what is stored is byte for byte what was hashed.

hash(0) = 32 zero bytes; hash(n) = SHA-256("daypass-ledger-v1" NUL || hash(n-1) || entry(n)).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from daypass.errors import Invalid

__all__ = ["GENESIS", "check_details", "encode_entry", "next_hash", "verify"]

GENESIS = bytes(32)
_encoder = msgspec.json.Encoder(order="deterministic")


RESERVED = frozenset({"seq", "time", "act", "actor", "policy", "version"})


def check_details(details: Mapping[str, object]) -> None:
    """Raises Invalid for details that would overwrite what every entry says."""
    if clash := RESERVED.intersection(details):
        raise Invalid(f"a ledger entry has its own {', '.join(sorted(clash))}", code="ledger.reserved")


def encode_entry(
    seq: int, time: int, act: str, actor: str, policy: bytes, details: Mapping[str, object], *, version: int
) -> bytes:
    """The entry's bytes. `policy` and `version`: hash and number of the configuration in force, 0 before the first;
    `time`: unix seconds, never less than the last. Raises Invalid as `check_details`."""
    check_details(details)
    stands = {"seq": seq, "time": time, "act": act, "actor": actor, "policy": policy.hex(), "version": version}
    return _encoder.encode({**stands, **details})


def next_hash(previous: bytes, entry: bytes) -> bytes:
    return hashlib.sha256(b"daypass-ledger-v1\0" + previous + entry).digest()


def verify(rows: Iterable[tuple[int, bytes, bytes]], *, head: bytes = GENESIS, seq: int = 0) -> tuple[int, bytes]:
    """Walk (seq, entry, hash) rows from `head`; gives the last (seq, hash).

    Raises Invalid naming the first entry that is missing, moved or altered.
    """
    for number, entry, digest in rows:
        if number != seq + 1:
            raise Invalid(f"ledger entry {seq + 1} is missing: {number} follows {seq}", code="ledger.gap")
        if next_hash(head, entry) != digest or _seq(entry) != number:
            raise Invalid(f"ledger entry {number} is not what was recorded", code="ledger.altered")
        seq, head = number, digest
    return seq, head


def _seq(entry: bytes) -> object:
    """The number an entry gives itself; None for what is no entry, however well it is chained."""
    try:
        fields = msgspec.json.decode(entry)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return fields.get("seq") if isinstance(fields, dict) else None
