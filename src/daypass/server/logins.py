"""What hosts report of logins: judged word by word when it comes, told to operators when they ask."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from msgspec.structs import replace
from starlette.types import Scope

from daypass import api
from daypass.ca.acts import Operator
from daypass.server.answers import Stream, encode
from daypass.server.host_calls import admitted
from daypass.server.ports import Heart

__all__ = ["FleetLogins", "ReportRoutes"]

_WORD: Final = re.compile(r"[!-~]{1,128}")  # of ASCII that shows, and no space
_PRINT: Final = re.compile(r"(SHA256:[A-Za-z0-9+/]{43})?")
_EXCEPTIONS: Final = 50
_BIGGEST: Final = 2**53 - 1  # what every reader of JSON can count to
_decoder = msgspec.json.Decoder(api.HostReport)


class ReportRoutes:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def host_report(self, scope: Scope, body: api.HostReport) -> api.HostReportKept:
        text = msgspec.json.encode(_judged(body)).decode()
        return api.HostReportKept(reported_at=await self._heart.login_reports.keep(admitted(scope), text))


class FleetLogins:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def fleet_logins(self, operator: Operator, body: api.FleetLoginsRequest) -> Stream:  # noqa: ARG002
        return Stream(_lines(self._heart))


async def _lines(heart: Heart) -> AsyncIterator[bytes]:
    async for each in heart.login_reports.fleet():
        report = None if each.report is None else _decoder.decode(each.report)
        yield encode(api.HostLogins(host=each.host, reported_at=each.reported_at, report=report))


def _judged(report: api.HostReport) -> api.HostReport:
    """Without the lines that can't be true, and with no more than are kept. Times and counts are within bounds."""
    kept = [_bounded(each) for each in report.logins[: api.MAX_LOGINS] if _fits(each)]
    return replace(
        report,
        since=_number(report.since),
        until=_number(report.until),
        dropped=_number(report.dropped + len(report.logins) - len(kept)),
        logins=kept,
        exceptions=[each for each in report.exceptions[:_EXCEPTIONS] if _WORD.fullmatch(each)],
    )


def _fits(login: api.HostLogin) -> bool:
    named = _WORD.fullmatch(login.account) and len(login.what) <= 128 and login.what.isprintable()
    return bool(named and login.way in api.LOGIN_WAYS and _PRINT.fullmatch(login.ca))


def _bounded(login: api.HostLogin) -> api.HostLogin:
    return replace(
        login,
        what=login.what.encode("ascii", "replace").decode(),
        count=_number(login.count),
        first=_number(login.first),
        last=_number(login.last),
        serial=max(0, min(login.serial, 2**64 - 1)),
    )


def _number(value: int) -> int:
    return max(0, min(value, _BIGGEST))
