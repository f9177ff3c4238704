"""The administrative routes about what has become of revocations, and who is on which host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final

import msgspec

from daypass import api
from daypass.ca.acts import Act, Operator
from daypass.ca.ending_ports import EndingRecord
from daypass.ca.open_sessions import Found
from daypass.ca.proof import Progress, state_of
from daypass.ca.proofs import Proofs
from daypass.errors import Invalid
from daypass.server.answers import Stream, encode
from daypass.server.ports import Heart

__all__ = ["ProofRoutes", "progress_of"]

MOST: Final = 10_000  # endings in one answer


class ProofRoutes:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def endings(self, _operator: Operator, body: api.EndingsRequest) -> Stream:
        if not 1 <= body.limit <= MOST or not 0 <= body.since < 2**63:
            raise Invalid(f"limit is a number from 1 to {MOST}, since a time in unix seconds", code="endings.range")
        return Stream(_lines(map(_line, await self._proofs.every(body.since, body.limit))))

    async def ending_show(self, _operator: Operator, body: api.ShowEndingRequest) -> api.EndingShown:
        record = await self._proofs.find(body.ending)
        found = await self._proofs.of(record)
        return api.EndingShown(ending=_line(await self._proofs.find(body.ending)), progress=progress_of(found))

    async def ending_follow(self, operator: Operator, body: api.FollowRequest) -> Stream:
        record = await self._proofs.find(body.ending)
        if record.actor != operator.actor:
            route = api.route_of("ending_follow")
            act = Act(route.name, route.path, msgspec.json.encode(body), ("audit",), reads=True)
            await self._heart.acts.judge(operator, act)
        return Stream(self._followed(body))

    async def sessions(self, _operator: Operator, body: api.SessionsRequest) -> Stream:
        found = await self._heart.open_sessions.every(body.host, body.person, body.role)
        return Stream(_lines(map(_session, found)))

    async def session_end(self, operator: Operator, body: api.SessionEndRequest) -> Stream:
        ended = self._heart.open_sessions.end(body.session, body.host, reason=body.reason, actor=operator.actor)
        host, session = await ended
        told = api.SessionEnding(host=host, session=msgspec.convert(session, api.HostSession, from_attributes=True))
        return Stream(self._ending(told, body.wait))

    async def _ending(self, told: api.SessionEnding, wait: int) -> AsyncIterator[bytes]:
        yield encode(told)
        if wait > 0:
            over = await self._heart.open_sessions.is_over(told.host, told.session.id, wait)
            yield encode(msgspec.structs.replace(told, over=over))

    async def _followed(self, body: api.FollowRequest) -> AsyncIterator[bytes]:
        async for found in self._proofs.follow(body.ending, max(0, body.seconds)):
            yield encode(progress_of(found))

    @property
    def _proofs(self) -> Proofs:
        return self._heart.proofs


async def _lines(found: Iterable[msgspec.Struct]) -> AsyncIterator[bytes]:
    for each in found:
        yield encode(each)


def progress_of(found: Progress) -> api.EndingProgress:
    return msgspec.convert(found, api.EndingProgress, from_attributes=True)


def _line(record: EndingRecord) -> api.EndingLine:
    return api.EndingLine(
        id=record.id,
        time=record.time,
        source=record.source,
        actor=record.actor,
        reason=record.reason,
        about=record.about,
        persons=len(record.persons),
        certificates=len(record.serials),
        gone=record.gone,
        held=record.held,
        released_at=record.released_at,
        released_by=record.released_by,
        undone_at=record.undone_at,
        reported_at=record.reported_at,
        state=state_of(record.report),
    )


def _session(found: Found) -> api.SessionLine:
    carried = found.carried
    return api.SessionLine(
        host=found.host,
        session=msgspec.convert(found.session, api.HostSession, from_attributes=True),
        reported_at=found.reported_at,
        login=carried.login if carried is not None else "",
        roles=list(carried.roles) if carried is not None else [],
        end=found.end,
    )
