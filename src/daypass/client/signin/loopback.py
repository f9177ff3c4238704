"""A small HTTP server on loopback, for as long as one sign-in takes; who answers what, its responder decides.

Only GET, one request per connection, nothing logged: the request line holds the code.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import socketserver
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from daypass.client.signin import pages
from daypass.client.signin.pages import Page
from daypass.errors import Misconfigured

__all__ = ["Responder", "Servers", "listen"]

_IDLE_SECONDS = 10.0  # a connection that says nothing; Chromium opens spare ones
_MAX_CONNECTIONS = 64
_TRIES = 8  # for a port that is free on both addresses
_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
_NOT_GET = pages.refused(405, "Nothing here", "This address only takes the answer to one sign-in.")


class Responder(Protocol):
    """Who is behind the servers. Called in their threads."""

    def respond(self, target: str, host: str, *, visited: bool) -> Page | str:
        """The page for a request's target and Host header, or the path to redirect to. `visited`: the browser goes
        there itself, and no page of anyone's merely loads it."""

    def sent(self, answer: Page | str) -> None:
        """This answer has gone out."""


class Servers:
    """Servers on one port, and the thread that waits for them. A context manager."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers
        self.addresses = tuple(str(each.server_address[0]) for each in servers)
        self.port = int(servers[0].server_address[1])
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Servers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """At once: `serve_forever` of the library would look twice a second whether it is to end."""
        self._wake.close()
        self._thread.join()
        self._woken.close()
        for server in self._servers:
            server.server_close()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._woken, selectors.EVENT_READ)
            for each in self._servers:
                waiting.register(each, selectors.EVENT_READ, each)
            while True:
                for key, _ in waiting.select():
                    if key.data is None:
                        return
                    key.data.handle_request()


def listen(responder: Responder, host: str, ports: tuple[int, ...]) -> Servers:
    """On the first of `ports` that is free, or on any where there are none. Never on any address but loopback.

    For `localhost` on both of its addresses: a browser may try either first, and what the other one leads to must
    not be somebody else's.
    """
    addresses = ("127.0.0.1", "::1") if host == "localhost" else ("127.0.0.1",)
    for port in ports or (0,) * _TRIES:
        servers = _bind(responder, addresses, port)
        if servers:
            return Servers(servers)
    where = f"no port is free to take the sign-in's answer: {', '.join(map(str, ports))}"
    raise Misconfigured(
        where if ports else "no port on this machine's loopback can be had to take the sign-in's answer",
        hint="close whatever uses them, perhaps another daypass login; the CA's operator chose these ports"
        if ports
        else "daypass login --device signs in on another device",
    )


def _bind(responder: Responder, addresses: tuple[str, ...], port: int) -> list[Server]:
    """A server on each address that this machine has, on one port; none where somebody else has it on one of them."""
    servers: list[Server] = []
    for address in addresses:
        try:
            servers.append(Server(responder, address, servers[0].server_address[1] if servers else port))
        except OSError as error:
            if error.errno in _NO_SUCH_ADDRESS:
                continue
            for each in servers:
                each.server_close()
            return []
    return servers


class Server(ThreadingHTTPServer):
    """Threads, since Chromium opens a connection to spare; a bounded number, since anyone can open more."""

    daemon_threads = True
    block_on_close = False
    # On Linux it frees a port whose last connections are still winding down, and shares none that is listened to;
    # on Windows it would.
    allow_reuse_address = sys.platform == "linux"
    request_queue_size = 128

    def __init__(self, responder: Responder, address: str, port: int) -> None:
        self.responder = responder
        self._connections: dict[socket.socket, None] = {}  # oldest first
        self._lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        """Without the library's look at the address's name, which may ask a name server."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """The oldest makes room: whoever fills every place and says nothing does not keep the person out."""
        with self._lock:
            self._connections[request] = None
            oldest = next(iter(self._connections)) if len(self._connections) > _MAX_CONNECTIONS else None
            if oldest is not None:
                del self._connections[oldest]
                with contextlib.suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)  # its thread reads the end and closes it
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._connections.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hung up is of no interest, and a traceback would show the request."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = _IDLE_SECONDS
    server_version, sys_version = "daypass", ""
    protocol_version = "HTTP/1.0"  # one request, one connection

    def do_GET(self) -> None:
        answer = self.server.responder.respond(self.path, self.headers.get("Host", ""), visited=self._visited())
        if isinstance(answer, Page):
            self._send(answer)
        else:
            self._redirect(answer)
        self.server.responder.sent(answer)

    def _visited(self) -> bool:
        """By the browser itself: what a page loads has an Origin, or another mode (W3C Fetch Metadata)."""
        kind = (self.headers.get("Sec-Fetch-Mode", "navigate"), self.headers.get("Sec-Fetch-Dest", "document"))
        return "Origin" not in self.headers and kind == ("navigate", "document")

    def do_POST(self) -> None:
        self._send(_NOT_GET)

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = do_POST  # noqa: N815

    def _send(self, page: Page) -> None:
        self.send_response(page.status)
        for name, value in {**pages.HEADERS, "Content-Length": str(len(page.html))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.html)
            self.wfile.flush()

    def _redirect(self, path: str) -> None:
        self.send_response(303)
        for name in ("Cache-Control", "Referrer-Policy"):
            self.send_header(name, pages.HEADERS[name])
        self.send_header("Location", path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """In our own words: the library's page repeats the request."""
        self._send(pages.refused(code, "Not understood", "This address only takes the answer to one sign-in."))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the request line holds the code."""
