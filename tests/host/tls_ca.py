"""The test's CA behind a real TLS port: `/root/{sha}`, `/v1/host/enroll`, and what the agent in shell asks."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from tests.host.fake_ca import FakeCa
from tests.parts.x509 import make_leaf, make_root, pem

from daypass import api
from daypass.errors import Conflict, DaypassError
from daypass.wire.jointoken import JoinTokenText

__all__ = ["TlsCa", "run_tls_ca"]


InLines = Callable[[FakeCa, str, bytes], bytes]
"""The CA, path and body of a call of the agent in shell; its answer."""


@dataclass(frozen=True, slots=True)
class TlsCa:
    """A running CA and a join token for it; each token is good once."""

    url: str
    fingerprint: str

    def token(self, number: int = 1) -> str:
        return JoinTokenText(self.url, self.fingerprint, f"{number:016x}", "s" * 43).encode()


@contextmanager
def run_tls_ca(ca: FakeCa, folder: Path, in_lines: InLines | None = None) -> Iterator[TlsCa]:
    certificate, pem = _certificate(ca.ca_id)
    (folder / "tls.pem").write_bytes(pem)
    spent = set[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, api.RootResponse(certificate.public_bytes(Encoding.PEM).decode()))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if in_lines is not None:
                self._send_bytes(200, in_lines(ca, self.path, body))
                return
            try:
                request = msgspec.json.decode(body, type=api.EnrolRequest)
                if request.token in spent:
                    raise Conflict("this join token is used up")
                spent.add(request.token)
                self._send(201, ca.enrol(request))
            except DaypassError as error:
                self._send(409, api.Error(status=409, message=error.message, code=error.code))

        def _send(self, status: int, answer: msgspec.Struct) -> None:
            self._send_bytes(status, msgspec.json.encode(answer))

        def _send_bytes(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield TlsCa(f"https://127.0.0.1:{server.server_address[1]}", certificate.fingerprint(hashes.SHA256()).hex())
    finally:
        server.shutdown()
        server.server_close()


def _certificate(ca_id: bytes) -> tuple[x509.Certificate, bytes]:
    """A root with the trust root in it; and a leaf of it, key and certificate in PEM."""
    root, root_key = make_root(ca_id=ca_id)
    leaf, key = make_leaf(root, root_key)
    return root, pem(key) + leaf.public_bytes(Encoding.PEM)
