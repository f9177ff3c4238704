"""Sign-ins on another device (trust 8.2). Rows live for minutes, and every move is a compare-and-set.

All writers hold the row of `installation`, so what is counted and looked at here stays so until it is written.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from daypass.ca.ports import DeviceCaps, DeviceOutcome, DeviceRequest, DeviceState, Refusal
from daypass.errors import Conflict, Throttled
from daypass.store.ledger import append
from daypass.store.rows import json
from daypass.store.schema import device_requests
from daypass.store.statements import Statements

__all__ = ["add", "bind", "find", "finish", "forget", "move", "refuse"]

_c = device_requests.c
_refusal = msgspec.json.Decoder(Refusal)


def add(connection: Connection, statements: Statements, request: DeviceRequest, caps: DeviceCaps) -> None:
    statements.lock(connection)
    forget(connection, request.created_at)
    _require_room(connection, request, caps)
    same = (_c.device_hash == request.device_hash) | (_c.user_hash == request.user_hash)
    if connection.execute(select(_c.device_hash).where(same)).first() is not None:
        raise Conflict("this code is in use", code="device.taken", hint="ask again for another one")
    connection.execute(insert(device_requests).values(_row(request)))


def find(connection: Connection, now: int, **hashes: bytes) -> DeviceRequest | None:
    """By any one of its hashes, named as its column."""
    wanted = select(device_requests).filter_by(**hashes).where(_c.expires_at > now)
    row = connection.execute(wanted).mappings().one_or_none()
    return None if row is None else _request({str(name): value for name, value in row.items()})


def bind(
    connection: Connection, statements: Statements, user_hash: bytes, browser_hash: bytes, address: str, now: int
) -> DeviceRequest | None:
    statements.lock(connection)
    wanted = find(connection, now, user_hash=user_hash)
    if wanted is None:
        return None
    if wanted.state is not DeviceState.WAITING:
        again = wanted.browser_hash == browser_hash and wanted.state in (DeviceState.SEEN, DeviceState.ALLOWED)
        return wanted if again else None
    if connection.execute(select(_c.device_hash).where(_c.browser_hash == browser_hash)).first() is not None:
        raise Conflict("this browser is busy with another sign-in", code="device.browser", hint="type the code again")
    values = {"state": DeviceState.SEEN.value, "browser_hash": browser_hash, "browser_address": address}
    _move(connection, wanted.device_hash, (DeviceState.WAITING,), now, values)
    return find(connection, now, user_hash=user_hash)


def move(
    connection: Connection,
    statements: Statements,
    device_hash: bytes,
    before: Collection[DeviceState],
    after: DeviceState,
    now: int,
) -> bool:
    """Whether it was in one of `before`, and this moved it on."""
    statements.lock(connection)
    return _move(connection, device_hash, before, now, {"state": after.value})


def refuse(
    connection: Connection,
    statements: Statements,
    device_hash: bytes,
    before: Collection[DeviceState],
    refusal: Refusal,
    now: int,
) -> bool:
    statements.lock(connection)
    values = {"state": DeviceState.REFUSED.value, "refusal": json(refusal)}
    return _move(connection, device_hash, before, now, values)


def finish(
    connection: Connection, statements: Statements, device_hash: bytes, outcome: DeviceOutcome, now: int
) -> bool:
    head = statements.lock(connection)
    values = {"state": DeviceState.ISSUED.value, "serial": outcome.serial, "login": outcome.login}
    if not _move(connection, device_hash, (DeviceState.REDEEMING,), now, values):
        return False
    append(connection, statements, head, "device.issue", outcome.details, actor=outcome.actor, now=now)
    return True


def forget(connection: Connection, now: int) -> None:
    """Those that have expired."""
    connection.execute(delete(device_requests).where(_c.expires_at <= now))


def _move(
    connection: Connection, device_hash: bytes, before: Collection[DeviceState], now: int, values: dict[str, Any]
) -> bool:
    in_time = (_c.device_hash == device_hash) & (_c.expires_at > now)
    this = in_time & _c.state.in_([state.value for state in before])
    return connection.execute(update(device_requests).where(this).values(values)).rowcount == 1


def _require_room(connection: Connection, request: DeviceRequest, caps: DeviceCaps) -> None:
    count = select(func.count()).select_from(device_requests)
    if connection.execute(count.where(_c.network == request.network)).scalar_one() >= caps.network:
        raise _many("from your network ")
    if connection.execute(count).scalar_one() >= caps.overall:
        raise _many("")


def _many(where: str) -> Throttled:
    return Throttled(
        f"too many sign-ins on another device {where}are under way",
        code="device.many",
        hint="try again in a few minutes, or sign in with a browser on the same machine: daypass login",
        retry_after=60,
    )


def _row(request: DeviceRequest) -> dict[str, Any]:
    refusal = json(request.refusal) if request.refusal is not None else None
    return msgspec.structs.asdict(request) | {"state": request.state.value, "refusal": refusal}


def _request(row: dict[str, Any]) -> DeviceRequest:
    refusal = _refusal.decode(row["refusal"]) if row["refusal"] is not None else None
    return DeviceRequest(**row | {"state": DeviceState(row["state"]), "refusal": refusal})
