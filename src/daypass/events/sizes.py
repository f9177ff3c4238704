"""An event in JSON that is no larger than its way out can carry.

An ending may name thousands of serials. Whoever needs all of them reads the ledger, by the entry's number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from daypass.ca.event_ports import Event

__all__ = ["fitting"]

_HEAD = ("seq", "time", "act", "actor", "version")
_STEPS = ((100, 2000), (10, 300), (3, 80))  # items of a list, characters of a text
_encode = msgspec.json.encode


def fitting(event: Event, most: int) -> bytes:
    """The entry as it was hashed where it has at most `most` bytes. Else with lists and texts cut short; `cut` says
    how much of each there is in the ledger."""
    if len(event.entry) <= most:
        return event.entry
    for items, characters in _STEPS:
        made = _encode(_cut(event.fields, items, characters))
        if len(made) <= most:
            return made
    return _encode({name: event.fields.get(name) for name in _HEAD} | {"cut": {"entry": len(event.entry)}})


def _cut(fields: Mapping[str, object], items: int, characters: int) -> dict[str, object]:
    shorter, cut = dict[str, object](), dict[str, int]()
    for name, value in fields.items():
        most = characters if isinstance(value, str) else items
        if isinstance(value, str | list) and len(value) > most:
            shorter[name], cut[name] = value[:most], len(value)
        elif isinstance(value, dict) and len(value) > items:
            shorter[name], cut[name] = _first(value, items), len(value)
        else:
            shorter[name] = value
    return shorter | {"cut": cut}


def _first(value: dict[Any, Any], items: int) -> dict[Any, Any]:
    return dict(list(value.items())[:items])
