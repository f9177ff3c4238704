"""What the newest entries of the ledger may have changed for hosts. Every act is there before its effect (trust 4.5),
whichever process of the CA it was done at, so this is all that a process has to look at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from daypass.ca.ports import LedgerRow

__all__ = ["Notices", "noticed"]

HARMLESS = (
    *("admin.", "approval.", "config.", "credential.", "device.", "name.", "recheck.", "token."),
    *("ending.report", "session.closed"),
)
"""Requests and refusals; what follows from one of them has an entry of its own. A published version is looked at
by its number."""


@dataclass(slots=True)
class Notices:
    """`at_once`: somebody's access may have ended; `soon`: somebody may be new. `hosts` has ids and names, `serials`
    what was revoked; `every`: an act that is not known here, which may be about anything."""

    at_once: bool = False
    soon: bool = False
    every: bool = False
    hosts: set[str] = field(default_factory=set)
    serials: set[int] = field(default_factory=set)

    @property
    def names_some(self) -> bool:
        return self.every or bool(self.hosts or self.serials)


class _Entry(msgspec.Struct):
    """As far as it is read here."""

    type: str = ""
    key_id: str = ""
    host: str = ""
    replaces: str = ""
    renews: int | None = None
    serials: list[int] = []


_decode = msgspec.json.Decoder(_Entry).decode


def noticed(rows: Iterable[LedgerRow]) -> Notices:
    found = Notices()
    for row in rows:
        if not row.act.startswith(HARMLESS):
            _take(found, row)
    return found


def _take(found: Notices, row: LedgerRow) -> None:
    try:
        entry = _decode(row.entry)
    except msgspec.MsgspecError:
        found.every = found.at_once = True
        return
    match row.act:
        case "certificate.issue" if entry.type == "host":
            if entry.renews is None:
                found.soon = True
                found.hosts.add(entry.key_id)
        case "certificate.issue" | "certificate.deny":
            found.soon = True
        case "certificate.revoke":
            found.at_once = True
            found.serials.update(entry.serials)
        case "session.end":
            found.at_once = True
            found.hosts.add(entry.host)
        case "ending.release":
            found.at_once = True
        case act if act.startswith("host.") and entry.host:
            found.soon = True
            found.hosts.update(filter(None, (entry.host, entry.replaces)))
            found.serials.update(entry.serials)
        case act if act.startswith(("person.", "ending.")):
            found.at_once = True
        case _:
            found.every = found.at_once = True
