"""An OpenID Provider that does whatever a test tells it: lies, stalls, rotates keys, mints any token.

Left alone it is well behaved: /authorize answers with a code at once (nobody is asked anything), /token gives
an ID token for it with the nonce of that request; a device code (RFC 8628) is good at once. Its metadata and claims
are dicts that a test changes, its `answers` replace what a path says, its `hits` count what was
asked and `asked` keeps it.
"""

from __future__ import annotations

import json
import secrets
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.parts.jose import SigningKey, compact, new_key

__all__ = ["DISCOVERY", "DOWN", "JWKS", "Answer", "Asked", "Op", "redirect", "run_op", "slow"]

DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/jwks"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a path says instead. `status` 0 closes the connection unanswered; `seconds` is waited first.

    Without `body` the path's ordinary answer is sent, with these headers.
    """

    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What was sent to a path. Header names are in lower case."""

    form: dict[str, str]
    headers: dict[str, str]


DOWN = Answer(status=0)


def slow(seconds: float) -> Answer:
    return Answer(seconds=seconds)


def redirect(to: str) -> Answer:
    return Answer(status=302, body=b"", headers={"Location": to})


class Op:
    """The provider; `key` signs, `published` is what JWKS shows."""

    client_id = "daypass"

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.hits: Counter[str] = Counter()
        self.asked: dict[str, list[Asked]] = {}
        self.answers: dict[str, Answer] = {}
        self.now: Callable[[], float] = time.time  # what its answers are dated by
        self.key = new_key("RS256")
        self.published = [self.key]
        self.metadata: dict[str, object] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "device_authorization_endpoint": f"{issuer}/device",
            "jwks_uri": f"{issuer}{JWKS}",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        self.claims: dict[str, object] = {
            "iss": issuer,
            "sub": "alice-1",
            "aud": self.client_id,
            "email": "alice@example.com",
            "email_verified": True,
            "groups": ["engineers"],
            "preferred_username": "alice",
        }
        self._nonces: dict[str, str] = {}
        self.device_says: list[str] = []  # what /token says of a device code, in turn, before it gives the token
        self.device_form: dict[str, str] = {}  # as /device got it
        self.device: dict[str, object] = {
            "device_code": "the-device-code",
            "user_code": "WDJB-MJHT",
            "verification_uri": f"{issuer}/type-it-here",
            "expires_in": 300,
            "interval": 0,
        }

    def rotate(self, alg: str = "RS256", *, keep_old: bool = False) -> SigningKey:
        """Sign with a new key from now on and publish it, with or without the old ones."""
        self.key = new_key(alg)
        self.published = [*self.published, self.key] if keep_old else [self.key]
        return self.key

    def mint(
        self,
        *,
        key: SigningKey | None = None,
        header: dict[str, object] | None = None,
        without: tuple[str, ...] = (),
        **change: object,
    ) -> str:
        """A compact token of `claims` with fresh times, `change`d, then stripped of the claims `without`.

        `header` fields replace the honest ones; one that is None is left out. `key` signs, whatever the header.
        """
        key, now = key or self.key, int(time.time())
        claims = {**self.claims, "iat": now, "exp": now + 300, "auth_time": now, **change}
        honest: dict[str, object] = {"alg": key.alg, "kid": key.kid, "typ": "JWT"}
        fields = {name: value for name, value in {**honest, **(header or {})}.items() if value is not None}
        return compact(fields, {name: value for name, value in claims.items() if name not in without}, key)

    def ordinary(self, path: str, query: dict[str, str], form: dict[str, str]) -> Answer:
        if path == DISCOVERY:
            return _json(self.metadata)
        if path == JWKS:
            return _json({"keys": [key.jwk for key in self.published]})
        if path == "/authorize":
            return self._authorize(query)
        if path == "/token" and form.get("code") in self._nonces:
            nonce = self._nonces.pop(form["code"])
            tokens = {"access_token": "a", "refresh_token": "r", "token_type": "Bearer"}
            return _json({**tokens, "id_token": self.mint(nonce=nonce)})
        if path == "/device":
            self.device_form = form
            return _json(self.device)
        if path == "/token" and form.get("device_code") == self.device["device_code"]:
            return self._device_token()
        return Answer(status=400 if path == "/token" else 404, body=b'{"error": "invalid_grant"}')

    def _device_token(self) -> Answer:
        """RFC 8628 section 3.5."""
        if self.device_says:
            return Answer(status=400, body=json.dumps({"error": self.device_says.pop(0)}).encode())
        return _json({"token_type": "Bearer", "id_token": self.mint(nonce=self.device_form.get("nonce", ""))})

    def _authorize(self, query: dict[str, str]) -> Answer:
        code = secrets.token_urlsafe(16)
        self._nonces[code] = query.get("nonce", "")
        answer = {"code": code, "state": query.get("state", ""), "iss": self.issuer}
        return redirect(f"{query['redirect_uri']}?{urlencode(answer)}")


class _Handler(BaseHTTPRequestHandler):
    op: Op
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._answer(dict(parse_qsl(body.decode())))

    def _answer(self, form: dict[str, str]) -> None:
        url = urlsplit(self.path)
        self.op.hits[url.path] += 1
        sent = {name.lower(): value for name, value in self.headers.items()}
        self.op.asked.setdefault(url.path, []).append(Asked(form, sent))
        said = self.op.answers.get(url.path, Answer())
        time.sleep(said.seconds)
        if said.status == 0:
            self.close_connection = True
            return
        headers = said.headers
        if said.body is None:
            said = self.op.ordinary(url.path, dict(parse_qsl(url.query)), form)
        self._send(said.status, said.headers | headers, said.body or b"")

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        fields = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Date": formatdate(self.op.now(), usegmt=True),
        }
        fields |= headers
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up early are part of the tests."""


@contextmanager
def run_op(tls: ssl.SSLContext | None = None, kind: type[Op] | None = None) -> Iterator[Op]:
    """The provider on a loopback port of the moment; with `tls` at https://localhost."""

    class Handler(_Handler):
        pass

    with _Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        base = "https://localhost" if tls else "http://127.0.0.1"
        Handler.op = op = (kind or Op)(f"{base}:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield op
        finally:
            server.shutdown()
            thread.join()


def _json(value: object) -> Answer:
    return Answer(body=json.dumps(value).encode())
