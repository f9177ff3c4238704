"""The AckStore port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from daypass.ca.ack_ports import AckRecord, Carried, GoneRecord, Hit, Limit, Said, Sessions, Word
from daypass.store import acks, proofs
from daypass.store.access import Access
from daypass.store.rows import check_text, json

__all__ = ["SqlAcks"]


class SqlAcks(Access):
    async def host_acked(self, said: Said, now: int) -> None:
        check_text(json(said))
        await self._change_together(acks.acked, said, now)

    async def acks(self) -> Mapping[str, AckRecord]:
        return await self._read(acks.acks)

    async def host_sessions(self, host_id: str) -> Sessions | None:
        return await self._read(lambda connection: acks.of_host(connection, host_id))

    async def open_sessions(self) -> Sequence[Sessions]:
        return await self._read(acks.open_sessions)

    async def end_session(
        self, host_id: str, limit: Limit, *, told: Mapping[str, object], actor: str, now: int
    ) -> None:
        check_text(limit.reason, actor)
        await self._change(acks.end_session, host_id, limit, told=told, actor=actor, now=now)

    async def session_ends(self) -> Mapping[str, tuple[Limit, ...]]:
        return await self._read(acks.limits)

    async def gone(self, since: int, limit: int) -> Sequence[GoneRecord]:
        return await self._read(lambda connection: proofs.gone(connection, since, limit))

    async def spared(self, since: int) -> Sequence[int]:
        return await self._read(lambda connection: proofs.spared(connection, since))

    async def words(self, ending_id: str) -> Mapping[str, Word]:
        check_text(ending_id)
        return await self._read(partial(acks.words, ending=ending_id))

    async def carried(self, serials: Sequence[int]) -> Mapping[int, Carried]:
        return await self._read(partial(acks.carried, serials=serials)) if serials else {}

    async def unproven(self, since: int, limit: int) -> Sequence[tuple[str, bool]]:
        return await self._read(lambda connection: proofs.unproven(connection, since, limit))

    async def prove(self, ending_id: str, report: str, *, proven: int, told: Mapping[str, object], now: int) -> bool:
        check_text(ending_id, report)
        return await self._change(proofs.prove, ending_id, report, proven=proven, told=told, now=now)

    async def hit_by(self, ending_id: str) -> Sequence[Hit]:
        check_text(ending_id)
        return await self._read(partial(proofs.hit_by, ending=ending_id))
