"""The agent's HTTP, against a TLS server that can say anything."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from tests.parts.processes import free_port
from tests.parts.x509 import make_leaf, make_root, pem

from daypass import api
from daypass.errors import Conflict, DaypassError, NotFound, Throttled, Unavailable
from daypass.host.run import link as link_module
from daypass.host.run.link import Link

BEAT = b'{"heartbeat":{"document":"d","signature":"s"}}\n'


class Server:
    """Answers every connection with the same bytes, then waits for `hold` seconds."""

    def __init__(self, folder: Path) -> None:
        self.root, key = make_root(ca_id=b"i" * 32)
        leaf, leaf_key = make_leaf(self.root, key, ["127.0.0.1"])
        (folder / "tls.pem").write_bytes(pem(leaf_key) + leaf.public_bytes(Encoding.PEM))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "tls.pem")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self.answer, self.hold, self.asked = b"", threading.Event(), list[bytes]()
        self.drip = b""  # what follows the answer, a byte at a time, for ever
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def roots(self) -> str:
        return self.root.public_bytes(Encoding.PEM).decode()

    def link(self) -> Link:
        return Link(self.url, self.roots, silence=0.3)

    def says(self, body: bytes, status: str = "200 OK", head: str = "connection: close") -> None:
        self.answer = f"HTTP/1.1 {status}\r\n{head}\r\n\r\n".encode() + body

    def chunked(self, *chunks: bytes) -> None:
        body = b"".join(f"{len(each):x}\r\n".encode() + each + b"\r\n" for each in chunks)
        self.says(body, head="transfer-encoding: chunked")

    def close(self) -> None:
        self.hold.set()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line: socket.socket) -> None:
        try:
            with self._context.wrap_socket(line, server_side=True) as tls:
                self.asked.append(_request(tls))
                tls.sendall(self.answer)
                while self.drip and not self.hold.wait(0.05):
                    tls.sendall(self.drip)
                self.hold.wait(5)
        except OSError:
            return


def _request(tls: ssl.SSLSocket) -> bytes:
    """The whole of it: what is left unread would reset the connection."""
    got = b""
    while b"\r\n\r\n" not in got or len(got.partition(b"\r\n\r\n")[2]) < _length(got):
        got += tls.recv(65536)
    return got


def _length(got: bytes) -> int:
    found = re.search(rb"content-length: (\d+)", got, re.IGNORECASE)
    return int(found[1]) if found else 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def prove(_method: str, _path: str, _body: bytes) -> str:
    return "Daypass-Host proof"


def sync(link: Link) -> api.HostSyncResponse:
    return link.host_sync(api.HostSyncRequest(), prove)


def heard(server: Server) -> list[api.HostSyncResponse]:
    with server.link().stream(api.HostSyncRequest(), prove) as lines:
        return list(lines)


def test_a_call_is_proven_and_answered(server: Server) -> None:
    server.hold.set()
    server.says(BEAT)
    assert sync(server.link()).heartbeat == api.Signed("d", "s")
    assert b"POST /v1/host/sync HTTP/1.1" in server.asked[0]
    assert b"authorization: Daypass-Host proof" in server.asked[0]


def test_a_stream_is_told_line_by_line_wherever_chunks_break(server: Server) -> None:
    server.chunked(BEAT[:7], BEAT[7:] + BEAT, BEAT, b"")
    assert len(heard(server)) == 3


ERRORS: list[tuple[str, str, type[DaypassError]]] = [
    ("404 Not Found", "", NotFound),
    ("409 Conflict", "", Conflict),
    ("429 Too Many", "", Throttled),
    ("503 Away", "", Unavailable),
    ("302 Found\r\nlocation: https://elsewhere.example.com/", "", Unavailable),
]


@pytest.mark.parametrize(("status", "head", "kind"), ERRORS, ids=[row[0][:3] for row in ERRORS])
def test_a_refusal_is_the_error_that_it_was(server: Server, status: str, head: str, kind: type[DaypassError]) -> None:
    server.hold.set()
    server.says(b'{"status":1,"message":"no\\u001b[2J","code":"x.y"}', status, head or "retry-after: 7")
    with pytest.raises(kind, match=r"no \[2J") as refused:
        sync(server.link())
    assert refused.value.retry_after == 7


NO_ANSWERS = [b"{", b"[]\n", b'{"heartbeat":1}\n', b"\xff\n", b"<html>\n", b"[" * 100_000 + b"\n"]


@pytest.mark.parametrize("body", NO_ANSWERS)
def test_what_is_not_an_answer_is_none(server: Server, body: bytes) -> None:
    server.hold.set()
    server.says(body)
    with pytest.raises(Unavailable):
        sync(server.link())
    with pytest.raises(Unavailable):
        heard(server)


@pytest.mark.parametrize("head", ["transfer-encoding: chunked", "connection: close"])
def test_a_stream_may_be_silent_for_longer_than_a_call(
    server: Server, monkeypatch: pytest.MonkeyPatch, head: str
) -> None:
    """The CA's sign of life comes every 25 seconds, and its stream may end with the connection."""
    monkeypatch.setattr(link_module, "_TIMEOUT", 0.2)
    server.says(b"", head=head)
    began = time.monotonic()
    with (
        Link(server.url, server.roots, silence=1.0).stream(api.HostSyncRequest(), prove) as lines,
        pytest.raises(Unavailable, match="has not answered in time"),
    ):
        next(lines)
    assert time.monotonic() - began > 0.9


def test_a_stream_that_says_nothing_is_dead(server: Server) -> None:
    server.chunked(BEAT)
    with pytest.raises(Unavailable, match="has not answered in time"):
        heard(server)


DRIPPING = [
    ("a line", b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"),
    ("a chunk's size", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
    ("a head", b"HTTP/1.1 200 OK\r\nx-a: "),
    ("a refusal", b"HTTP/1.1 500 No\r\nconnection: close\r\n\r\n"),
]


@pytest.mark.parametrize("answer", [row[1] for row in DRIPPING], ids=[row[0] for row in DRIPPING])
def test_a_byte_now_and_then_keeps_nobody_waiting(
    server: Server, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """Else a host that is to fail closed would wait for word, and stay open."""
    for limit in ("_LINE_LIMIT", "_CALL_LIMIT"):
        monkeypatch.setattr(link_module, limit, 0.5)
    server.answer, server.drip = answer, b"0"
    for call in (heard, lambda server: sync(server.link())):
        with pytest.raises(Unavailable, match="has not answered in time"):
            call(server)


def test_an_answer_without_end_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "_LARGE", 1000)
    server.hold.set()
    server.says(b" " * 5000)
    with pytest.raises(Unavailable, match="without end"):
        sync(server.link())
    with pytest.raises(Unavailable):
        heard(server)


def test_only_the_pinned_roots_are_believed(server: Server, tmp_path: Path) -> None:
    other, _ = make_root(ca_id=b"i" * 32)
    with pytest.raises(Unavailable, match="not vouched for by the pinned root") as refused:
        sync(Link(server.url, other.public_bytes(Encoding.PEM).decode()))
    assert refused.value.code == "connection.untrusted"


def test_the_name_has_to_fit(server: Server) -> None:
    with pytest.raises(Unavailable, match="not vouched for"):
        sync(Link(server.url.replace("127.0.0.1", "localhost"), server.roots))


def test_nobody_there_is_said_so(server: Server) -> None:
    with pytest.raises(Unavailable, match="nothing answers at"):
        sync(Link(f"https://127.0.0.1:{free_port()}", server.roots))


@contextmanager
def proxy(target: str, asked: list[bytes]) -> Iterator[str]:
    """One CONNECT, to whatever it asks for."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        line, _ = listener.accept()
        asked.append(line.recv(4096))
        host, _, port = target.removeprefix("https://").rpartition(":")
        with socket.create_connection((host, int(port))) as far:
            line.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_pump, args=(far, line), daemon=True)
            back.start()
            _pump(line, far)
            back.join(5)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _pump(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        return


def test_a_proxy_is_gone_through_with_its_password(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[bytes]()
    server.hold.set()
    server.says(BEAT, head=f"content-length: {len(BEAT)}")
    with proxy(server.url, asked) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@{address}")
        monkeypatch.setenv("NO_PROXY", "")
        assert sync(server.link()).heartbeat
    assert asked[0].startswith(b"CONNECT 127.0.0.1:")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==" in asked[0]


def test_a_proxy_of_another_kind_is_said_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:secret@127.0.0.1:1")
    with pytest.raises(DaypassError, match="of a kind that daypass can't use") as refused:
        sync(server.link())
    assert "secret" not in str(refused.value)
