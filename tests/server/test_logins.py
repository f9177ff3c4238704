"""Reports of logins on a whole CA: a host tells of itself alone, operators read it, and lies are cut to size."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from tests.ca.acting import shown
from tests.server.company import Company

from daypass.api import HostReport
from daypass.server.logins import _judged

PATH = "/v1/host/report"
ADMIN = "/v1/admin/fleet_logins"


def login(**changes: Any) -> dict[str, Any]:
    return {"account": "alice", "way": "key", "what": "SHA256:x", "count": 1, "first": 1, "last": 2} | changes


def report(*logins: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({"since": 0, "until": 9, "trusted": True, "logins": [*logins]} | changes).encode()


def told(company: Company, name: str) -> dict[str, Any]:
    sub = "op-audit"
    act = shown(company.op, path=ADMIN, body=b"{}", groups=["audit"], sub=sub, email=f"{sub}@example.com")
    answer = company.web.post(ADMIN, content=b"{}", headers={"authorization": act.header()})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = next(row for row in map(json.loads, answer.text.splitlines()) if row["host"] == name)
    return found


def test_what_a_host_reports_is_what_operators_read(company: Company) -> None:
    body = report(login(), login(account="bob", way="password", what="password"))
    header = company.host("logins-1.example.com").host_header("POST", PATH, body)
    answer = company.web.post(PATH, content=body, headers={"authorization": header})
    assert answer.status_code == 200, answer.text
    found = told(company, "logins-1.example.com")["report"]
    assert [(each["account"], each["way"]) for each in found["logins"]] == [("alice", "key"), ("bob", "password")]


HOSTILE: list[dict[str, Any]] = [
    {"account": "a b"}, {"account": ""}, {"account": "\x1b[2J"}, {"account": "a" * 129}, {"account": "ä"},
    {"way": "root"}, {"what": "\n"}, {"what": "x" * 129}, {"ca": "SHA256:x"},
]  # fmt: skip


@pytest.mark.parametrize("changes", HOSTILE)
def test_a_line_that_can_t_be_true_is_left_out_and_counted(changes: dict[str, Any]) -> None:
    found = _judged(msgspec.json.decode(report(login(**changes), login()), type=HostReport))
    assert ([each.account for each in found.logins], found.dropped) == (["alice"], 1)


def test_numbers_are_cut_to_what_every_reader_can_count_to() -> None:
    body = report(login(count=-5, last=2**62, serial=2**63), since=-1, until=2**60, exceptions=["ok", "a b"])
    found = _judged(msgspec.json.decode(body, type=HostReport))
    (one,) = found.logins
    assert (one.count, one.last, one.serial) == (0, 2**53 - 1, 2**63)
    assert (found.since, found.until, found.exceptions) == (0, 2**53 - 1, ["ok"])
