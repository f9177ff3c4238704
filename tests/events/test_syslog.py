"""Syslog: RFC 5424 as it arrives at real sockets."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.events.made import event
from tests.events.receivers import listening, tls_files

from daypass.ca.event_ports import Event, Severity
from daypass.errors import Unavailable
from daypass.events.syslog import MOST_DATAGRAM, Syslog, message

HEADER = re.compile(
    rb"<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) (\S{1,255}) daypass (\d+) (\S{1,32}) "
    rb'\[meta sequenceId="(\d+)"\]\[origin software="daypass" swVersion="[^"]+"\] \xef\xbb\xbf(\{.*\})',
    re.DOTALL,
)


def parsed(line: bytes) -> tuple[int, str, int, dict[str, object]]:
    """Priority, MSGID, sequenceId and the entry."""
    found = HEADER.fullmatch(line)
    assert found, line
    return int(found[1]), found[5].decode(), int(found[6]), json.loads(found[7])


def sent(address: str, *events: Event, roots: Path | None = None) -> None:
    async def play() -> None:
        log = Syslog(address, roots=roots)
        try:
            for each in events:
                await log.send(each)
            await log.settle()
        finally:
            await log.close()

    asyncio.run(play())


def received(server: socket.socket, work: Callable[[], None], context: ssl.SSLContext | None = None) -> bytes:
    """All that one connection brings while `work` runs."""
    got = bytearray()

    def serve() -> None:
        connection, _ = server.accept()
        connection.settimeout(30)
        with connection if context is None else context.wrap_socket(connection, server_side=True) as stream:
            while chunk := stream.recv(65536):
                got.extend(chunk)

    thread = threading.Thread(target=serve)
    thread.start()
    work()
    thread.join(30)
    return bytes(got)


def frames(data: bytes) -> list[bytes]:
    """Octet counting: RFC 5425 section 4.3, RFC 6587 section 3.4.1."""
    found = []
    while data:
        count, _, rest = data.partition(b" ")
        found.append(rest[: int(count)])
        data = rest[int(count) :]
    return found


@pytest.mark.parametrize(
    ("act", "priority"),
    [("credential.reused", 81), ("person.lock", 84), ("config.publish", 85), ("certificate.issue", 86)],
)
def test_the_priority_says_how_severe_it_is(act: str, priority: int) -> None:
    assert parsed(message(event(act=act), 1000))[:2] == (priority, act)


def test_a_unix_socket_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(path))
        sent(f"unix:{path}", event(7, login="alice"), event(8))
        first, second = server.recv(65536), server.recv(65536)
    assert parsed(first)[2] == 7
    assert parsed(first)[3]["login"] == "alice"
    assert parsed(second)[2] == 8


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_udp_carries_one_event_a_datagram_and_none_too_large(host: str) -> None:
    with listening(socket.SOCK_DGRAM) as server:
        sent(f"udp:{host}:{server.getsockname()[1]}", event(serials=list(range(10**15, 10**15 + 5000))))
        line = server.recv(65536)
    assert len(line) < MOST_DATAGRAM + 200
    assert parsed(line)[3]["cut"] == {"serials": 5000}


def test_tcp_counts_octets() -> None:
    with listening() as server:
        address = f"tcp:127.0.0.1:{server.getsockname()[1]}"
        lines = frames(received(server, lambda: sent(address, event(7, reason="zwei\nZeilen ü"), event(8))))
    assert [parsed(line)[2] for line in lines] == [7, 8]
    assert parsed(lines[0])[3]["reason"] == "zwei\nZeilen ü"
    assert b"\n" not in lines[0]


def test_tls_looks_at_who_is_there(tmp_path: Path) -> None:
    files = tls_files(tmp_path)
    with listening() as server:
        address = f"tls:localhost:{server.getsockname()[1]}"
        lines = frames(received(server, lambda: sent(address, event(7), roots=files.root), files.server))
    assert [parsed(line)[2] for line in lines] == [7]


@pytest.mark.parametrize("kind", ["unix", "tcp", "tls"])
def test_who_is_not_there_is_unavailable(tmp_path: Path, kind: str) -> None:
    with listening() as nobody:
        port = nobody.getsockname()[1]
    address = f"unix:{tmp_path}/none" if kind == "unix" else f"{kind}:127.0.0.1:{port}"
    with pytest.raises(Unavailable, match=f"^{kind}: "):
        sent(address, event())


def test_a_connection_that_was_closed_is_found_out_and_opened_anew() -> None:
    async def play(server: socket.socket) -> None:
        log = Syslog(f"tcp:127.0.0.1:{server.getsockname()[1]}")
        loop = asyncio.get_running_loop()
        await log.send(event(1))
        connection, _ = await loop.run_in_executor(None, server.accept)
        connection.close()
        with pytest.raises(Unavailable):
            for _ in range(1000):
                await log.send(event(2))
                await log.settle()
                await asyncio.sleep(0.01)
        await log.send(event(2))
        await log.close()
        connection, _ = await loop.run_in_executor(None, server.accept)
        with connection:
            assert parsed(frames(connection.recv(65536))[0])[2] == 2

    with listening() as server:
        asyncio.run(play(server))


def test_no_word_of_an_entry_breaks_the_header() -> None:
    line = message(event(act='a b"]\n<0>' + "x" * 40), 1000)
    assert parsed(line)[1] == ('ab"]<0>' + "x" * 40)[:32]
    assert Severity(parsed(line)[0] % 8) is Severity.NOTICE
