"""`/v1/host/stream`: what is news arrives by itself, and a sign of life where there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.parts.sshpop import Holder
from tests.server.company import Company

from daypass.config import RoleSection

PATH = "/v1/host/stream"


@contextmanager
def streamed(company: Company, host: Holder, **asked: Any) -> Iterator[Iterator[dict[str, Any]]]:
    """The lines of one stream."""
    body = json.dumps(asked).encode()
    headers = {"authorization": host.host_header("POST", PATH, body)}
    with company.web.stream("POST", PATH, content=body, headers=headers) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jsonl")
        yield (json.loads(line) for line in answer.iter_lines())


def bundle(line: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line["bundle"]["document"])
    return found


def test_the_first_line_is_what_a_sync_would_have_answered(company: Company) -> None:
    host = company.host()
    with streamed(company, host) as lines:
        first = bundle(next(lines))
    with streamed(company, host, digest=first["digest"]) as lines:
        again = next(lines)
    assert again["bundle"] is None
    assert json.loads(again["heartbeat"]["document"])["digest"] == first["digest"]


def test_a_change_comes_by_itself(company: Company) -> None:
    host, before = company.host(), company.heart.settings.roles
    with streamed(company, host) as lines:
        first = bundle(next(lines))
        added = RoleSection(name="added", hosts=["*"], groups=["engineers"], accounts=["deploy"])
        company.wait(company.heart.publish(roles=[*before, added]))
        second = bundle(next(lines))
    company.wait(company.heart.publish(roles=before))
    assert {role["name"] for role in second["roles"]} - {role["name"] for role in first["roles"]} == {"added"}
    assert second["version"] > first["version"]
