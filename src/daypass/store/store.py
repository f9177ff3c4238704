"""The Store port over one database: an async front, one worker thread behind it, synchronous SQL there.

On SQLite what every certificate needs is asked and recorded on the event loop itself (`inline`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from daypass.ca.config_ports import ConfigVersion, Stamp
from daypass.ca.host_ports import EnrolledHost, HostAbout, HostAccounts, KnownHost, Member
from daypass.ca.ports import (
    DeviceCaps,
    DeviceOutcome,
    DeviceRequest,
    DeviceState,
    LedgerRow,
    OnRecord,
    Question,
    Recorded,
    Recording,
    Refusal,
    Spent,
    Verdict,
    View,
)
from daypass.ca.report_ports import ReportRecord
from daypass.ca.watch_ports import Head
from daypass.ledger.chain import check_details
from daypass.model import Issued, OnceId
from daypass.store import admin, configs, devices, holders, host_reports, hosts, known_hosts, ledger
from daypass.store.ack_store import SqlAcks
from daypass.store.database import CommitLost, Database, Refused
from daypass.store.ending_store import SqlEndings
from daypass.store.failures import SqlFailures
from daypass.store.fleet_store import SqlFleet
from daypass.store.inbound import SqlInbound
from daypass.store.inline import Inline, Kind
from daypass.store.krl_store import SqlKrls
from daypass.store.pending import SqlPending
from daypass.store.person_store import SqlPersons
from daypass.store.prepare import Prepared, prepare
from daypass.store.rechecks import SqlRechecks
from daypass.store.record import record
from daypass.store.rotating import SqlRotation
from daypass.store.rows import check_text, issued
from daypass.store.scim_store import SqlScim
from daypass.store.serials import reserve
from daypass.store.sinks import SqlSinks
from daypass.store.view import answer, check_question

__all__ = ["SqlStore"]

FORGET_EVERY = 3600  # seconds between clearances of expired one-time ids
T = TypeVar("T")


class SqlStore(
    SqlPersons,
    SqlFleet,
    SqlPending,
    SqlRotation,
    SqlKrls,
    SqlEndings,
    SqlAcks,
    SqlSinks,
    SqlScim,
    SqlInbound,
    SqlRechecks,
    SqlFailures,
):
    """Implements `daypass.ca.ports.Store`. Use it from one event loop; `open_store` makes one."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._forget_at = self._tidied = 0
        reads, writes = Kind(self._answer, self._view), Kind(self._record_at_once, self._record)
        self._inline = Inline(database, self._batcher, reads, writes) if database.lite else None

    async def view(self, question: Question) -> View:
        check_question(question)
        if self._inline is not None:
            view: View = await self._inline.read(question)
            return view
        return await self._batcher.submit(self._view, question)

    async def record(self, recording: Recording) -> Verdict:
        item = prepare(recording)
        if self._inline is not None:
            verdict: Verdict = await self._inline.write(item)
            return verdict
        return await self._batcher.submit(self._record, item)

    async def enrolled(self, now: int) -> Sequence[EnrolledHost]:
        return await self._read(lambda connection: hosts.enrolled(connection, now))

    async def hosts(self) -> Sequence[KnownHost]:
        return await self._read(known_hosts.every)

    async def host(self, host_id: str) -> KnownHost | None:
        check_text(host_id)
        return await self._read(lambda connection: known_hosts.find(connection, host_id))

    async def hosts_called(self, name: str) -> Sequence[KnownHost]:
        check_text(name)
        return await self._read(lambda connection: known_hosts.called(connection, name))

    async def host_synced(
        self,
        host_id: str,
        accounts: HostAccounts,
        bundle_version: int,
        now: int,
        *,
        trust_version: int | None = None,
        about: HostAbout | None = None,
    ) -> None:
        check_text(host_id, *accounts.system, *accounts.ordinary, *(about.texts() if about is not None else ()))
        change = known_hosts.synced
        told = {"trust_version": trust_version, "about": about}
        await self._change_together(change, host_id, accounts, bundle_version, now, **told)

    async def keep_report(self, host_id: str, report: str, now: int, least: int) -> int:
        check_text(host_id, report)
        return await self._change(host_reports.keep, host_id, report, now, least)

    async def reports(self, after: str, limit: int) -> Sequence[ReportRecord]:
        return await self._read(lambda connection: host_reports.some(connection, after, limit))

    async def head(self) -> Head:
        return await self._read(ledger.head)

    async def people_of(self, roles: Collection[str], since: int) -> Sequence[Member]:
        return await self._read(lambda connection: known_hosts.people_of(connection, roles, since))

    async def reserve_serials(self, now: float) -> range:
        def work(connection: Connection) -> range:
            block = reserve(connection, self._statements, now)
            admin.forget_expired(connection, int(now))
            return block

        return await self._write(work)

    async def on_record(self, serial: int) -> OnRecord | None:
        return await self._read(lambda connection: holders.on_record(connection, serial))

    async def those(self, serials: Sequence[int]) -> Sequence[OnRecord]:
        return await self._read(lambda connection: holders.those(connection, serials))

    async def certificates_of(self, person: int, now: int) -> Sequence[OnRecord]:
        return await self._read(lambda connection: holders.certificates_of(connection, person, now))

    async def hosts_with_key(self, key: bytes, now: int) -> frozenset[str]:
        return await self._read(lambda connection: hosts.with_key(connection, key, now))

    async def spend(self, once: OnceId, *, expires: int, now: int) -> bool:
        check_text(once.provider, once.id)
        tidy, self._tidied = now != self._tidied, now
        return await self._change_together(holders.spend, once, expires=expires, now=now, tidy=tidy)

    async def give_up(
        self,
        serial: int,
        *,
        reason: str,
        actor: str,
        details: Mapping[str, object],
        now: int,
        once: tuple[OnceId, int] | None = None,
    ) -> bool:
        check_text(reason, actor, *((once[0].provider, once[0].id) if once else ()))
        check_details(details)
        return await self._change(
            holders.give_up, serial, reason=reason, actor=actor, details=details, now=now, once=once
        )

    async def add_event(
        self, act: str, details: Mapping[str, object], *, actor: str, now: int, person: int | None = None
    ) -> None:
        check_text(act, actor)
        check_details(details)
        await self._change(admin.add_event, act, details, actor=actor, now=now, person=person)

    async def add_device(self, request: DeviceRequest, caps: DeviceCaps) -> None:
        check_text(request.machine, request.address, request.network, request.provider)
        await self._change(devices.add, request, caps)

    async def device(self, device_hash: bytes, now: int) -> DeviceRequest | None:
        return await self._read(lambda connection: devices.find(connection, now, device_hash=device_hash))

    async def device_of(self, browser_hash: bytes, now: int) -> DeviceRequest | None:
        return await self._read(lambda connection: devices.find(connection, now, browser_hash=browser_hash))

    async def bind_device(
        self, user_hash: bytes, browser_hash: bytes, address: str, now: int
    ) -> DeviceRequest | None:
        check_text(address)
        return await self._change(devices.bind, user_hash, browser_hash, address, now)

    async def move_device(
        self, device_hash: bytes, before: Collection[DeviceState], after: DeviceState, now: int
    ) -> bool:
        return await self._change(devices.move, device_hash, before, after, now)

    async def refuse_device(
        self, device_hash: bytes, before: Collection[DeviceState], refusal: Refusal, now: int
    ) -> bool:
        check_text(refusal.code, refusal.message, refusal.hint)
        return await self._change(devices.refuse, device_hash, before, refusal, now)

    async def finish_device(self, device_hash: bytes, outcome: DeviceOutcome, now: int) -> bool:
        check_text(outcome.login, outcome.actor)
        check_details(outcome.details)
        return await self._change(devices.finish, device_hash, outcome, now)

    async def certificate(self, serial: int) -> Issued | None:
        def work(connection: Connection) -> Issued | None:
            return next(map(issued, self._statements.find_certificates(connection, [serial])), None)

        return await self._read(work)

    async def publish(
        self,
        document: str,
        digest: bytes,
        *,
        actor: str,
        now: int,
        comment: str | None = None,
        base: int | None = None,
    ) -> ConfigVersion:
        check_text(document, actor, comment)

        def work(connection: Connection) -> ConfigVersion:
            version = configs.publish(
                connection, self._statements, document, digest, actor=actor, now=now, comment=comment, base=base
            )
            admin.forget_expired(connection, now)
            return version

        return await self._write(work)

    async def active_config(self) -> ConfigVersion | None:
        return await self._read(configs.active)

    async def config_stamp(self) -> Stamp:
        return await self._read(configs.stamp)

    async def config_version(self, version: int) -> ConfigVersion | None:
        return await self._read(lambda connection: configs.version(connection, version))

    async def config_with_hash(self, digest: bytes) -> ConfigVersion | None:
        return await self._read(lambda connection: configs.newest(connection, digest))

    async def config_log(self, limit: int) -> Sequence[ConfigVersion]:
        return await self._read(lambda connection: configs.log(connection, limit))

    async def ledger(self, after: int, limit: int) -> Sequence[LedgerRow]:
        """Entries with seq above `after`, oldest first."""
        return await self._read(lambda connection: ledger.read(connection, after, limit))

    async def forget_expired(self, now: int) -> int:
        """Drops one-time ids whose credential could pass nowhere any more; happens by itself every hour or so."""

        def work(connection: Connection) -> int:
            self._statements.lock(connection)
            return admin.forget_expired(connection, now)

        return await self._write(work)

    async def close(self) -> None:
        if self._inline is not None:
            await self._inline.close()
        await self._batcher.close()
        self._database.dispose()

    # On the event loop where the database is SQLite, else by the worker.

    def _answer(self, questions: Sequence[Question], connection: Connection) -> Sequence[View]:
        return answer(connection, self._statements, questions)

    def _record_at_once(self, items: Sequence[Prepared], connection: Connection) -> Sequence[Verdict]:
        if items[0].time >= self._forget_at:
            raise BlockingIOError  # there may be much to forget
        return record(connection, self._statements, items)

    # In the worker thread.

    def _view(self, questions: Sequence[Question]) -> Sequence[View]:
        return self._database.read(partial(self._answer, questions))

    def _record(self, items: Sequence[Prepared]) -> Sequence[Verdict | Exception]:
        """One transaction; where the database refuses its rows, two of half the size, so that one recording nobody
        could write costs its neighbours time and nothing else."""
        try:
            return self._database.write(partial(self._record_group, items))
        except CommitLost:
            # Recording again tells: what was recorded is spent now, on the very serials it asked for.
            verdicts = self._database.write(partial(self._record_group, items))
            return [_own(item, verdict) for item, verdict in zip(items, verdicts, strict=True)]
        except Refused as error:
            if len(items) == 1:
                return [error]
            middle = len(items) // 2
            return [*self._record(items[:middle]), *self._record(items[middle:])]

    def _record_group(self, items: Sequence[Prepared], connection: Connection) -> list[Verdict]:
        verdicts = record(connection, self._statements, items)
        if items[0].time >= self._forget_at:
            self._forget_at = items[0].time + FORGET_EVERY
            admin.forget_expired(connection, items[0].time)
        return verdicts


def _own(item: Prepared, verdict: Verdict) -> Verdict:
    if not isinstance(verdict, Spent):
        return verdict
    serials = [each.serial for each in verdict.certificates]
    return Recorded() if serials == [each.serial for each in item.issued] else verdict
