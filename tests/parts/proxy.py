"""What stands between a laptop and the world: proxies that tunnel, refuse, ask for a password or open TLS; a portal
that wants everybody to sign in first; a slow link. All on loopback, in threads.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.serialization import Encoding
from tests.parts.x509 import make_leaf, make_root, server_context

__all__ = ["Link", "Opener", "Proxy", "run_link", "run_portal", "run_proxy"]


class Opener:
    """An interceptor's root: signs whatever name is asked for."""

    def __init__(self, name: str = "Example Interceptor") -> None:
        self.root, self.key = make_root(name)

    @property
    def pem(self) -> str:
        return self.root.public_bytes(Encoding.PEM).decode()

    def context(self, *names: str) -> ssl.SSLContext:
        return server_context(*make_leaf(self.root, self.key, names or ("localhost", "127.0.0.1")))


@dataclass(slots=True)
class Proxy:
    """`asked` is where people wanted to go, `HOST:PORT`; each switch makes it another kind of proxy."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    refusal: str = ""  # such as "403 Blocked"; answers that to everything
    password: str = ""  # NAME:PASSWORD that is asked for
    opener: Opener | None = None  # opens TLS and signs anew


@contextmanager
def run_proxy(
    *, refusal: str = "", password: str = "", opener: Opener | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[Proxy]:
    """A proxy that tunnels by CONNECT (RFC 9110 section 9.3.6); with `tls` it is met at https://localhost itself."""
    proxy = Proxy(refusal=refusal, password=password, opener=opener)

    def serve(client: socket.socket) -> None:
        _tunnel(proxy, tls.wrap_socket(client, server_side=True) if tls else client)

    with _listening(serve) as port:
        proxy.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        yield proxy


def _tunnel(proxy: Proxy, client: socket.socket) -> None:
    head = client.recv(65536).decode()
    target = head.split()[1]
    proxy.asked.append(target)
    wanted = f"Basic {b64encode(proxy.password.encode()).decode()}"
    refusal = proxy.refusal
    if proxy.password and f"proxy-authorization: {wanted}".lower() not in head.lower():
        refusal = "407 Proxy Authentication Required"
    if refusal:
        client.sendall(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n".encode())
        client.close()
        return
    host, _, port = target.rpartition(":")
    upstream = socket.create_connection((host.strip("[]"), int(port)))
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    if proxy.opener:
        client = proxy.opener.context(host.strip("[]")).wrap_socket(client, server_side=True)
        behind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        behind.check_hostname, behind.verify_mode = False, ssl.CERT_NONE
        upstream = behind.wrap_socket(upstream)
    _relay(client, upstream)


def _relay(one: socket.socket, other: socket.socket) -> None:
    """In one thread: OpenSSL lets no two threads use a connection. Until either side ends."""
    with suppress(OSError), other:
        while True:
            waiting = [each for each in (one, other) if isinstance(each, ssl.SSLSocket) and each.pending()]
            for source in waiting or select.select([one, other], [], [])[0]:
                data = _what_is_there(source)
                if data == b"":
                    return
                (other if source is one else one).sendall(data or b"")


def _what_is_there(source: socket.socket) -> bytes | None:
    """None where it was nothing for us, such as TLS's session tickets: waiting for more would hold up both."""
    source.setblocking(False)
    try:
        return source.recv(65536)
    except ssl.SSLWantReadError:
        return None
    finally:
        source.setblocking(True)


def _pump(source: socket.socket, sink: socket.socket, wait: Callable[[int], None]) -> None:
    with suppress(OSError):
        while data := source.recv(2048):
            wait(len(data))
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def run_portal(location: str = "", *, opener: Opener | None = None, port: int = 0) -> Iterator[str]:
    """A network's sign-in page: HTML, or a redirect to `location`, for every question; its https:// (or, without an
    `opener`, http://) address.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = b"<html>Welcome to the airport. Accept our terms.</html>"
            self.send_response(302 if location else 200)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """Who does not believe us hangs up."""

    with Server(("127.0.0.1", port), Handler) as server:
        if opener:
            server.socket = opener.context().wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"{'https' if opener else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True, slots=True)
class Link:
    """A way to `port` of this machine that is slow in both directions."""

    port: int


@contextmanager
def run_link(port: int, *, bits_per_second: float, delay: float) -> Iterator[Link]:
    """Every bit takes its time, and every burst `delay` seconds more."""

    def wait(size: int) -> None:
        time.sleep(delay + size * 8 / bits_per_second)

    def serve(client: socket.socket) -> None:
        upstream = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_pump, args=(upstream, client, wait), daemon=True).start()
        _pump(client, upstream, wait)

    with _listening(serve) as own:
        yield Link(own)


@contextmanager
def _listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """`serve` in a thread for each connection; whatever goes wrong there ends that connection alone."""

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve_one, args=(client,), daemon=True).start()

    def serve_one(client: socket.socket) -> None:
        with suppress(OSError, ValueError, IndexError), client:
            serve(client)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
