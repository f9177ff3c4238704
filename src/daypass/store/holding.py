"""A mass of deactivations stops certificates at once, and sessions wait for an operator (trust 6.8)."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, select, update

from daypass.ca.ending_ports import HELD_WITHIN, PROVIDERS, Ending
from daypass.store.ledger import append
from daypass.store.rows import unjson
from daypass.store.schema import endings
from daypass.store.statements import Statements

__all__ = ["hold", "is_held"]

_LOOKED_AT = 5  # endings for each person that may be: some are told of by several events
_SOURCES = sorted(each.value for each in PROVIDERS)


def is_held(connection: Connection, ending: Ending, owners: Collection[int], now: int) -> bool:
    """Whether this provider has ended more people's access in the last minute than it may by itself."""
    most = ending.hold_above
    if most is None or ending.source not in PROVIDERS or not owners:
        return False
    latest = select(endings.c.persons).where(_recent(ending, now)).order_by(endings.c.time.desc())
    found = set(owners)
    for row in connection.execute(latest.limit(_LOOKED_AT * (most + 1))).scalars():
        found.update(unjson(row))
    return len(found) > most


def hold(connection: Connection, statements: Statements, ending: Ending, now: int) -> None:
    """This one's neighbours wait, too, as far as they have not been released; the first time it is an event."""
    recent = _recent(ending, now)
    before = select(endings.c.id).where(recent, endings.c.held == 1).limit(2)
    first = len(connection.execute(before).all()) < 2  # this one is there already
    free = update(endings).where(recent, endings.c.held == 0, endings.c.released_at.is_(None))
    connection.execute(free.values(held=1))
    if first:
        told = {"source": ending.source, "above": ending.hold_above, "reason": ending.reason}
        append(connection, statements, statements.lock(connection), "ending.held", told, actor=ending.actor, now=now)


def _recent(ending: Ending, now: int) -> ColumnElement[bool]:
    """Of the same provider, by whichever way it speaks: no other one's flood keeps sessions open here."""
    _, _, provider = ending.actor.partition(":")
    words = [f"{source}:{provider}" for source in _SOURCES]
    return (endings.c.time > now - HELD_WITHIN) & endings.c.source.in_(_SOURCES) & endings.c.actor.in_(words)
