"""What hosts report of logins: the newest word of each, as JSON that the server has judged."""

from __future__ import annotations

from sqlalchemy import Connection, select

from daypass.ca.report_ports import ReportRecord
from daypass.errors import NotFound
from daypass.store import known_hosts
from daypass.store.schema import host_reports, hosts
from daypass.store.statements import Statements

__all__ = ["keep", "some"]


def keep(connection: Connection, statements: Statements, host_id: str, report: str, now: int, least: int) -> int:
    """When the report that is kept now came: the last one stays for `least` seconds. Under the lock."""
    statements.lock(connection)
    if known_hosts.find(connection, host_id) is None:
        raise NotFound("no such host", code="host.unknown")
    mine = host_reports.c.host_id == host_id
    before = connection.execute(select(host_reports.c.reported_at).where(mine)).scalar_one_or_none()
    if before is None:
        connection.execute(host_reports.insert().values(host_id=host_id, report=report, reported_at=now))
    elif before <= now < before + least:
        return int(before)
    else:
        connection.execute(host_reports.update().where(mine).values(report=report, reported_at=now))
    return now


def some(connection: Connection, after: str, limit: int) -> list[ReportRecord]:
    found = (
        select(hosts.c.name, host_reports.c.reported_at, host_reports.c.report)
        .join_from(hosts, host_reports, host_reports.c.host_id == hosts.c.id, isouter=True)
        .where(hosts.c.removed_at.is_(None), hosts.c.name > after)
        .order_by(hosts.c.name)
        .limit(limit)
    )
    return [ReportRecord(name, at, report) for name, at, report in connection.execute(found)]
