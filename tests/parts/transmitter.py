"""A Shared Signals transmitter on loopback: signs SETs (RFC 8417), pushes none by itself, is polled (RFC 8936).

Its metadata and its bearer are plain attributes that a test changes; what it was told of its SETs is kept.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.parts.jose import SigningKey, compact, new_key

__all__ = ["CAEP", "RISC", "Transmitter", "event_token", "run_transmitter"]

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
_numbers = itertools.count(1)


def event_token(
    key: SigningKey,
    uri: str,
    event: dict[str, object] | None = None,
    *,
    header: dict[str, object] | None = None,
    without: tuple[str, ...] = (),
    **claims: object,
) -> str:
    """A SET with one event, honest but for what is given."""
    fields: dict[str, object] = {"alg": key.alg, "kid": key.kid, "typ": "secevent+jwt", **(header or {})}
    whole = {"iat": int(time.time()), "jti": f"set-{next(_numbers)}", "events": {uri: event or {}}, **claims}
    honest = {name: value for name, value in fields.items() if value is not None}
    return compact(honest, {name: value for name, value in whole.items() if name not in without}, key)


class Transmitter:
    def __init__(self, issuer: str) -> None:
        self.issuer, self.key = issuer, new_key("ES256")
        self.audience, self.bearer = "https://ca.example.com/signals", "let-me-poll"
        self.metadata: dict[str, object] = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"}
        self.waiting: dict[str, str] = {}
        self.asked: list[dict[str, object]] = []
        self.acknowledged: list[str] = []
        self.refused: dict[str, dict[str, str]] = {}
        self.down = False

    def token(self, uri: str, event: dict[str, object] | None = None, **claims: object) -> str:
        return event_token(self.key, uri, event, **{"iss": self.issuer, "aud": self.audience, **claims})  # type: ignore[arg-type]

    def queue(self, uri: str, event: dict[str, object] | None = None, **claims: object) -> str:
        """A SET for the next poll; its jti."""
        jti = f"queued-{next(_numbers)}"
        self.waiting[jti] = self.token(uri, event, jti=jti, **claims)
        return jti

    def answer(self, path: str, body: bytes, authorization: str) -> tuple[int, dict[str, object]]:
        if self.down:
            return 503, {}
        if path == "/.well-known/ssf-configuration":
            return 200, self.metadata
        if path == "/jwks":
            return 200, {"keys": [dict(self.key.jwk)]}
        if path != "/poll" or authorization != f"Bearer {self.bearer}":
            return 401, {}
        asked = json.loads(body)
        self.asked.append(asked)
        self.acknowledged += asked.get("ack", [])
        self.refused |= asked.get("setErrs", {})
        for jti in (*asked.get("ack", []), *asked.get("setErrs", {})):
            self.waiting.pop(jti, None)
        return 200, {"sets": dict(self.waiting), "moreAvailable": False}


@contextmanager
def run_transmitter() -> Iterator[Transmitter]:
    """On a loopback port of the moment."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, said = transmitter.answer(self.path, body, self.headers.get("Authorization", ""))
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        transmitter = Transmitter(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield transmitter
        finally:
            server.shutdown()
            thread.join()
