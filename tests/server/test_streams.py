"""`/v1/host/stream`: what is news arrives by itself, and a sign of life where there is none."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from tests.parts.sshpop import Holder
from tests.server.company import Company, run_company
from tests.server.kit import read_all, wait_for

from daypass.api import HostSyncResponse, Signed
from daypass.ca.host_calls import Synced
from daypass.ca.krls import MadeKrl
from daypass.config import RoleSection
from daypass.server import protocol
from daypass.server.streams import PART, Lines, _Line

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
    with streamed(company, host, digest=first["digest"], krl_digest=first["krl_digest"]) as lines:
        again = next(lines)
    assert again.keys() == {"heartbeat"}
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
    assert second["version"] >= first["version"]


def connected(company: Company, host: Holder) -> ssl.SSLSocket:
    """A stream that was asked for, and of which nothing has been read."""
    body = b"{}"
    context = ssl.create_default_context(cadata=company.root.pem)
    plain = socket.create_connection(("127.0.0.1", int(company.url.rpartition(":")[2])), timeout=15)
    connection = context.wrap_socket(plain, server_hostname="127.0.0.1")
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {host.host_header('POST', PATH, body)}\r\n"
    connection.sendall(head.encode() + b"Content-Length: 2\r\n\r\n" + body)
    return connection


def test_who_hangs_up_is_forgotten_at_once(company: Company) -> None:
    streams = company.heart.authority.streams
    wait_for(lambda: len(streams) == 0)
    with connected(company, company.host()) as connection:
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        assert len(streams) == 1
    wait_for(lambda: len(streams) == 0)


def test_who_does_not_read_is_cut_off(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "WRITE_SECONDS", 0.5)
    streams, fleet = company.heart.authority.streams, company.heart.authority.host_calls._hosts.fleet

    async def huge(_now: int) -> MadeKrl:
        return MadeKrl(1, bytes(40 << 20), "huge")

    wait_for(lambda: len(streams) == 0)
    monkeypatch.setattr(fleet._krls, "current", huge)
    fleet.forget()
    with connected(company, company.host()):
        wait_for(lambda: len(streams) == 1)
        wait_for(lambda: len(streams) == 0, 15)
    monkeypatch.undo()
    fleet.forget()


def test_a_large_list_leaves_in_parts_that_all_streams_share() -> None:
    lines, krl = Lines(lambda: (Signed("{}", "s"), 0)), bytes(1 << 20)
    synced = Synced(("{}", "s"), None, krl, "", "")
    parts, again = (list(lines._parts(_Line(bundle=Signed("{}", "s")), synced)) for _ in range(2))
    assert max(map(len, parts)) == PART
    found = msgspec.json.decode(b"".join(parts), type=HostSyncResponse)
    assert (found.krl, found.bundle) == (krl, Signed("{}", "s"))
    assert lines._krl[0] is krl and parts == again


def test_a_ca_that_stops_says_when_to_come_back() -> None:
    with run_company() as company:
        connection = connected(company, company.host())
        wait_for(lambda: len(company.heart.authority.streams) == 1)
    with connection:
        answer = read_all(connection)
    assert b'{"retry_after":5}' in answer
    assert answer.endswith(b"0\r\n\r\n")
