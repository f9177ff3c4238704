"""Events made by hand."""

from __future__ import annotations

import msgspec

from daypass.ca.event_ports import Event
from daypass.ca.ports import LedgerRow
from daypass.ca.relay import as_event

__all__ = ["event", "row"]

NOW = 1_800_000_000


def row(seq: int, act: str = "person.lock", **details: object) -> LedgerRow:
    entry = msgspec.json.encode({"seq": seq, "time": NOW, "act": act, "actor": "uid:0", **details})
    return LedgerRow(seq, NOW, act, entry, bytes([seq % 256]) * 32)


def event(seq: int = 7, act: str = "person.lock", **details: object) -> Event:
    return as_event(row(seq, act, **details))
