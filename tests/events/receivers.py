"""Whoever is told: a web server and a syslog on loopback, that keep what came and answer as they are told."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from daypass.ca.clock import SystemClock
from daypass.signers.x509 import encode_certificate, issue_leaf, make_root

__all__ = ["SECRET", "Hook", "Post", "TlsFiles", "listening", "run_hook", "tls_files"]

SECRET = b"0123456789abcdef0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Post:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Hook:
    """`answers`: statuses of the next requests, then 204; `headers` go with each."""

    url: str
    posts: list[Post] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def run_hook(context: ssl.SSLContext | None = None) -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            names = {name.lower(): value for name, value in self.headers.items()}
            heard.posts.append(Post(self.path, names, body))
            self.send_response(heard.answers.pop(0) if heard.answers else 204)
            for name, value in heard.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "http" if context is None else "https"
        heard = Hook(f"{scheme}://127.0.0.1:{server.server_port}/hook?key=hunter2")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """`server`: a context with a leaf for localhost and 127.0.0.1 below `root`."""

    root: Path
    server: ssl.SSLContext


def tls_files(folder: Path) -> TlsFiles:
    now = SystemClock().now()
    root, key = make_root("Receivers", b"x" * 32, now)
    leaf = issue_leaf(root, key, ["localhost", "127.0.0.1"], now)
    (folder / "root.pem").write_bytes(encode_certificate(root))
    (folder / "leaf.pem").write_bytes(b"".join(leaf))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem")
    return TlsFiles(folder / "root.pem", context)


def listening(kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    made.bind(("127.0.0.1", 0))
    made.settimeout(30)
    if kind is socket.SOCK_STREAM:
        made.listen()
    return made
