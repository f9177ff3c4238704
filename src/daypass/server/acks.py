"""What hosts answer: which news they have applied, and what came of it."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.types import Scope

from daypass import api
from daypass.ca.ack_ports import BrokenIn, Closed, Looked, Said, Session
from daypass.server.host_calls import admitted
from daypass.server.pacing import ack_within
from daypass.server.ports import Heart

__all__ = ["AckRoutes"]

T = TypeVar("T")


class AckRoutes:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def host_ack(self, scope: Scope, body: api.HostAck) -> api.HostAcked:
        host = admitted(scope)
        said = Said(
            host=host.id,
            bundle_version=body.bundle_version,
            krl_version=body.krl_version,
            sessions=None if body.sessions is None else _as(tuple[Session, ...], body.sessions),
            closed=_as(tuple[Closed, ...], body.closed),
            looked=_as(tuple[Looked, ...], body.endings),
            break_glass=_as(tuple[BrokenIn, ...], body.break_glass),
        )
        await self._heart.acks.take(host, said)
        return api.HostAcked(again=ack_within(len(self._heart.streams)))


def _as(kind: type[T], said: object) -> T:
    return msgspec.convert(said, kind, from_attributes=True)
