"""A small HTTP server on loopback, for as long as one sign-in takes; who answers what, its responder decides.

Only GET, one request per connection, nothing logged: the request line holds the code.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from daypass.client import pages
from daypass.client.pages import Page
from daypass.errors import Misconfigured

__all__ = ["Responder", "Server", "listen"]

_IDLE_SECONDS = 10.0  # a connection that says nothing; Chromium opens spare ones
_MAX_CONNECTIONS = 64
_NOT_GET = pages.refused(405, "Nothing here", "This address only takes the answer to one sign-in.")


class Responder(Protocol):
    """Who is behind the server. Called in the server's threads."""

    def respond(self, target: str, host: str) -> Page | str:
        """The page for a request's target and Host header, or the path to redirect to."""

    def sent(self, answer: Page | str) -> None:
        """This answer has gone out."""


def listen(responder: Responder, ports: tuple[int, ...]) -> Server:
    """On the first of `ports` that is free, or on any where there are none. Never on any address but loopback."""
    for port in ports or (0,):
        try:
            return Server(responder, port)
        except OSError:
            continue
    raise Misconfigured(
        f"no port is free to take the sign-in's answer: {', '.join(map(str, ports))}",
        hint="close whatever uses them, perhaps another daypass login; the CA's operator chose these ports",
    )


class Server(ThreadingHTTPServer):
    """Threads, since Chromium opens a connection to spare; a bounded number, since anyone can open more."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = False
    request_queue_size = 128

    def __init__(self, responder: Responder, port: int) -> None:
        self.responder = responder
        self._connections: dict[socket.socket, None] = {}  # oldest first
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

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
        answer = self.server.responder.respond(self.path, self.headers.get("Host", ""))
        if isinstance(answer, Page):
            self._send(answer)
        else:
            self._redirect(answer)
        self.server.responder.sent(answer)

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
