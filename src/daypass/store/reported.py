"""Names that hosts report as system accounts of theirs (trust 1.2): nobody gets them, within bounds.

A host that somebody else has taken over can report what it likes. So no host keeps more than a number of names, a
name is never taken from a person, and what a host without a live certificate has said keeps no name from anybody to
whom an operator gives it.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection, func, insert, select

from daypass.ca.host_ports import HostAccounts
from daypass.ca.person_ports import SYSTEM_ACCOUNT
from daypass.model import is_login_name
from daypass.store.ending import chunks
from daypass.store.ledger import append
from daypass.store.schema import certificates, hosts, names
from daypass.store.statements import Statements

__all__ = ["MAX_KEPT", "is_reported", "reserve_accounts"]

MAX_KEPT = 500  # names that one host keeps from everybody, over all it has ever reported
SHOWN = 20  # names in a ledger entry about more than that
_accounts = msgspec.json.Decoder(HostAccounts)


def reserve_accounts(
    connection: Connection, statements: Statements, host: str, accounts: Collection[str], *, now: int
) -> None:
    """Nobody gets a login name that is a system account on `host` (its name), so far as nobody has it: a name is
    never taken from a person. `accounts` are those that the host did not report before: each is told of once."""
    fitting = sorted({each for each in accounts if is_login_name(each)})
    known, held = set[str](), list[str]()
    for chunk in chunks(fitting):
        rows = connection.execute(
            select(names.c.name, names.c.person_id, names.c.released_at).where(names.c.name.in_(chunk))
        )
        for name, person, released in rows:
            known.add(name)
            held.extend([name] if person is not None and released is None else [])
    wanted = [name for name in fitting if name not in known]
    new = wanted[: _room(connection, host)] if wanted else []
    for chunk in chunks(new):
        values = [{"name": name, "claimed_at": now, "reason": SYSTEM_ACCOUNT + host} for name in chunk]
        connection.execute(insert(names), values)
    for act, these in (("name.reserve", new), ("name.clash", held)):
        if these:
            details = {"host": host, "names": these[:SHOWN], "count": len(these)}
            if act == "name.reserve" and len(new) < len(wanted):
                details["refused"] = f"more than {MAX_KEPT} names of one host are not kept"
            append(connection, statements, statements.lock(connection), act, details, actor=f"host:{host}", now=now)


def is_reported(connection: Connection, name: str, now: int) -> bool:
    """Whether a host with a live certificate says, by its last word, that it is a system account there."""
    live = select(certificates.c.host_id).where(
        certificates.c.revoked_at.is_(None), certificates.c.valid_before > now
    )
    said = select(hosts.c.accounts).where(
        hosts.c.removed_at.is_(None), hosts.c.accounts.is_not(None), hosts.c.id.in_(live)
    )
    return any(name in _accounts.decode(each).system for each in connection.execute(said).scalars())


def _room(connection: Connection, host: str) -> int:
    kept = select(func.count()).where(names.c.reason == SYSTEM_ACCOUNT + host, names.c.person_id.is_(None))
    return max(0, MAX_KEPT - connection.execute(kept).scalar_one())
