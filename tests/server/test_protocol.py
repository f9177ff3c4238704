"""Request heads and connections that hold on to more than they may, on a real socket."""

from __future__ import annotations

import resource
import ssl
import time
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from tests.server.kit import Root, Running, public_info, read_all, read_answer, running

from daypass.api import MAX_BODY, Signed
from daypass.server import protocol
from daypass.server.protocol import MAX_HEAD

HOSTILE = {
    "not HTTP": b"\x16\x03\x01 hello\r\n\r\n",
    "a path that is no path": b"GET \xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "an address as path": b"CONNECT host:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "two lengths": b"POST /ssh/sign HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a line break in a name": b"GET /health HTTP/1.1\r\nX\n: y\r\n\r\n",
    "another version": b"GET /health HTTP/9.9\r\n\r\n",
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_not_http_is_refused_and_the_connection_closed(
    server: Running, web: httpx2.Client, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = server.exchange(sent)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 404 ")), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b'"status":4' in answer
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert web.get("/health").status_code == 200


def test_what_is_not_http_writes_nothing_to_the_log(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        assert b'"ok"' in read_answer(connection)
        for _ in range(20):
            connection.sendall(b"x")
            time.sleep(0.005)
    server.exchange(b"\x16\x03\x01 hello\r\n\r\n")
    assert [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")] == []


def test_a_chunk_that_is_none_ends_the_connection(server: Running, web: httpx2.Client) -> None:
    assert server.exchange(b"POST /ssh/sign HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n") == b""
    assert web.get("/health").status_code == 200
    assert not server.heart.asked


def test_a_request_to_upgrade_is_an_ordinary_request(server: Running) -> None:
    for protocol_name in (b"websocket", b"h2c"):
        head = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: %s\r\n\r\n" % protocol_name
        assert b'{"status":"ok"}' in server.exchange(head)


@pytest.mark.parametrize("tail", [b"", b"\r\n\r\n"], ids=["without an end", "with an end"])
@pytest.mark.parametrize("start", [b"GET /health HTTP/1.1\r\nX: ", b"GET /", b"GET / HTTP/1.1\r\n"])
def test_a_head_without_end_is_cut_off(server: Running, start: bytes, tail: bytes) -> None:
    with server.connect() as connection:
        try:
            for part in (
                start,
                b"a: b\r\n" * 2000 if start.endswith(b"1.1\r\n") else b"x" * 12000,
                *[b"y" * 12000] * 9,
            ):
                connection.sendall(part)
            connection.sendall(tail)
            answer = read_all(connection)
        except (ssl.SSLError, OSError):
            answer = b""
        assert answer.startswith(b"HTTP/1.1 431 ") or not answer


def test_a_head_within_the_limit_is_read(web: httpx2.Client) -> None:
    assert web.get("/health", headers={"x-long": "x" * (MAX_HEAD - 2048)}).status_code == 200


def test_a_body_that_never_ends_is_cut_off_though_it_was_refused(server: Running) -> None:
    with server.connect() as connection:
        connection.sendall(b"POST /ssh/sign HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
        ends = time.monotonic() + 30
        with pytest.raises(OSError):
            while time.monotonic() < ends:
                connection.sendall(b"x" * MAX_BODY)


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow:"], ids=["nothing", "half a head"])
def test_a_client_that_does_not_come_to_the_point_is_dropped(
    server: Running, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    started = time.monotonic()
    with server.connect() as connection:
        connection.sendall(sent)
        assert read_all(connection) == b""
    assert time.monotonic() - started < 5


def test_an_idle_connection_stays_open_between_requests(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.6)
    get = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    with server.connect() as connection:
        connection.sendall(get)
        assert b'"ok"' in read_answer(connection)
        time.sleep(0.8)
        connection.sendall(get)
        assert b'"ok"' in read_answer(connection)


@pytest.mark.parametrize("late", [b"x", b"x" * 10], ids=["a part", "all of it"])
def test_a_body_that_comes_after_its_answer_does_not_hold_the_connection(
    server: Running, late: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvicorn stops its keep-alive clock at every byte, and starts it only with an answer."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    with server.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        assert b'"ok"' in read_answer(connection)
        connection.sendall(late)
        connection.settimeout(5)
        assert read_all(connection) == b""


def test_requests_that_do_not_wait_for_answers_are_few(server: Running, web: httpx2.Client) -> None:
    """Ten megabytes of memory were to be had for every 64 KiB of `GET /`."""
    some = server.exchange(
        b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 4 + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
    )
    assert some.count(b"HTTP/1.1 ") == 5
    assert server.exchange(b"GET / HTTP/1.1\r\n\r\n" * 3000).count(b"HTTP/1.1 ") < 20
    assert web.get("/health").status_code == 200


def test_a_client_that_asks_and_does_not_read_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "WRITE_SECONDS", 0.3)
    root, size, asked = Root(), 5_000_000, 6  # more than the buffers on the way hold
    info = public_info(root, trust=Signed("x" * size, ""))
    with running(tmp_path / "s", root=root, info=info) as server, server.connect() as connection:
        connection.sendall(b"GET /v1/trust HTTP/1.1\r\nHost: x\r\n\r\n" * asked)
        time.sleep(3)  # what the kernel holds hides from us when it was dropped
        taken = 0
        try:
            while taken < size * asked and (part := connection.recv(1 << 20)):
                taken += len(part)
        except OSError:
            pass
        assert taken < size * asked


def test_header_lines_behind_a_body_are_not_kept(server: Running) -> None:
    head = b"POST /ssh/sign HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    with ExitStack() as stack:
        before = _memory()
        for _ in range(20):
            connection = stack.enter_context(server.connect())
            connection.sendall(head + b"a: b\r\n" * 100_000)
        time.sleep(0.5)
        assert _memory() - before < 60_000_000


def _memory() -> int:
    """Bytes this process has in memory (proc(5))."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
