"""A real server on loopback: uvicorn, TLS with a root of its own, the administration socket.

The heart behind it is a double, because what is tested with it is HTTP: bodies, answers, limits, sockets. It issues
to whoever shows the token `good`, raises what a test tells it to, and keeps what it was asked. Everything that
depends on what the heart decides is tested with the real one (test_access.py).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import uvloop
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from tests.parts.x509 import make_leaf, make_root, pem

from daypass import api
from daypass.ca.acts import Act, Operator, Shown
from daypass.ca.krls import MadeKrl, made
from daypass.ca.ports import HostRecord
from daypass.ca.token_ports import Terms
from daypass.errors import Unauthenticated
from daypass.model import Credential, HostFacts, Issued, Request
from daypass.server import app, serve
from daypass.server.ports import Devices, PublicInfo
from daypass.server.tls import Leaf
from daypass.wire import Krl, PublicKey, SshSignature, sign_blob, sshsig
from daypass.wire.binding import POSSESSION_NAMESPACE, possession_message

__all__ = ["CA_ID", "GOOD", "Double", "Root", "Running", "in_thread", "key", "possession", "public_info", "running"]

CA_ID = bytes(range(32))
GOOD = "good-token"
HOST = HostRecord("ab" * 16, "web-1.example.com", (), {}, (), 0)


@dataclass
class Granted:
    certificates: tuple[Issued, ...]
    host: HostRecord | None = None
    roles: tuple[str, ...] = ()
    narrow: tuple[str, ...] = ()


class AnyAct:
    """Everybody may; the heart's own judge is tested on a whole CA."""

    async def admit(self, shown: Shown, path: str, body: bytes) -> Operator:  # noqa: ARG002
        raise Unauthenticated("nobody signs in here", code="act.double")

    async def begin(self, operator: Operator, act: Act) -> None:
        pass

    async def judge(self, operator: Operator, act: Act) -> int:  # noqa: ARG002
        return 0


@dataclass
class Double:
    """Issues to `GOOD`. `answer`, where given, is called instead."""

    asked: list[tuple[Request, Credential]] = field(default_factory=list)
    joined: list[tuple[HostFacts, int, str]] = field(default_factory=list)
    answer: Callable[[Request, Credential], Any] | None = None
    ca_id: bytes = CA_ID
    name: str = "Example"
    user: tuple[PublicKey, ...] = ()
    host: tuple[PublicKey, ...] = ()
    document: str = "{}"
    calls: Any = None  # the heart's own are tested on a whole CA
    questions: Any = None
    renewals: Any = None
    host_calls: Any = None
    challenges: Any = None
    acks: Any = None
    proofs: Any = None
    open_sessions: Any = None
    trying: Any = None
    login_reports: Any = None
    inbound: Any = None
    streams: Any = None
    my_hosts: Any = None
    persons: Any = None
    acts: AnyAct = field(default_factory=AnyAct)
    approvals: Any = None
    configs: Any = None
    inventory: Any = None
    endings: Any = None
    directory: Any = None
    scim_tokens: Any = None
    ledger: Any = None
    devices: Devices | None = None
    conversations: Any = None

    async def issue(self, request: Request, credential: Credential) -> Granted:
        self.asked.append((request, credential))
        if self.answer is not None:
            found = self.answer(request, credential)
            granted: Granted = await found if asyncio.iscoroutine(found) else found
            return granted
        if credential.token.reveal() != GOOD:
            raise Unauthenticated("no provider of this CA made this token", code="token.unknown")
        return self.granted(request)

    def granted(self, request: Request) -> Granted:
        made = [Issued(n, b"crt" + key.blob, key.blob, ("alice",), 0, 1) for n, key in enumerate(request.keys, 1)]
        return Granted(tuple(reversed(made)), HOST if request.type == 2 else None)

    def user_keys(self) -> tuple[PublicKey, ...]:
        return self.user

    def host_keys(self) -> tuple[PublicKey, ...]:
        return self.host

    @property
    def tokens(self) -> Any:
        return self

    async def make(self, facts: HostFacts, lifetime: int, actor: str, terms: Terms) -> tuple[str, int]:  # noqa: ARG002
        self.joined.append((facts, lifetime, actor))
        return "dpj1.made", 1_800_000_000 + lifetime

    async def bundle(self, host: HostRecord, after: int = 0) -> tuple[tuple[str, str], MadeKrl]:  # noqa: ARG002
        return (self.document, "signature"), made(Krl(1, 1, "test"))

    async def text_bundle(self, host: HostRecord, after: int = 0) -> tuple[tuple[str, str], MadeKrl]:  # noqa: ARG002
        return await self.bundle(host)

    async def client_bundle(self) -> tuple[str, str]:
        return self.document, "for laptops"


class Root:
    """An X.509 root, and leaves of it for loopback."""

    def __init__(self, name: str = "Test root", days: int = 2) -> None:
        self._days = days
        self.certificate, self._key = make_root(name, days=days)
        self.der = self.certificate.public_bytes(Encoding.DER)
        self.pem = self.certificate.public_bytes(Encoding.PEM).decode()
        self.fingerprint = sha256(self.der).hexdigest()

    def leaf(self, names: tuple[str, ...] = ("localhost",), address: str = "127.0.0.1") -> Leaf:
        cert, key = make_leaf(self.certificate, self._key, (*names, address), days=self._days)
        start, end = cert.not_valid_before_utc.timestamp(), cert.not_valid_after_utc.timestamp()
        return Leaf(cert.public_bytes(Encoding.PEM), pem(key), start, end)


def public_info(root: Root, **changes: Any) -> PublicInfo:
    facts: dict[str, Any] = {
        "version": "0.1.0",
        "roots": {root.fingerprint: root.pem},
        "trust": api.Signed(document='{"type":"daypass-trust-v1"}', signature="signature"),
        "user_lifetime": 57600,
        "provisioners": (
            api.OidcProvisioner(
                name="Example", clientID="daypass", clientSecret="", configurationEndpoint="https://idp.example.com/"
            ),
        ),
        "logins": (api.OidcLogin(name="Example", issuer="https://idp.example.com", client_id="daypass"),),
    }
    return PublicInfo(**(facts | changes))


@dataclass
class Running:
    """The server, and how a client reaches it."""

    url: str
    admin_socket: Path
    root: Root
    heart: Double
    port: int

    def connect(self) -> ssl.SSLSocket:
        """A TLS connection that verifies the server."""
        context = ssl.create_default_context(cadata=self.root.pem)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=15)
        return context.wrap_socket(plain, server_hostname="127.0.0.1")

    def exchange(self, raw: bytes) -> bytes:
        """Send raw bytes; everything that comes back until the server closes."""
        with self.connect() as connection:
            connection.sendall(raw)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def read_answer(connection: socket.socket) -> bytes:
    """One whole answer, the connection left open."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
    while len(answer.partition(b"\r\n\r\n")[2]) < length:
        answer += connection.recv(65536)
    return answer


Main = Callable[[serve.Ready, asyncio.Event], Coroutine[Any, Any, None]]


@contextmanager
def in_thread(main: Main) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """Run a server's `main(ready, stop)` on uvloop in a thread; the URL it told, and its loop."""
    loop, stop, up, told = uvloop.new_event_loop(), asyncio.Event(), threading.Event(), list[str]()

    def ready(url: str) -> None:
        told.append(url)
        up.set()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(ready, stop),), daemon=True)
    thread.start()
    try:
        assert up.wait(60), "the server did not come up"
        yield told[0], loop
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(15)
        loop.close()


@contextmanager
def running(
    admin_socket: Path,
    heart: Double | None = None,
    *,
    root: Root | None = None,
    own_uid: int | None = None,
    info: PublicInfo | None = None,
    port: int = 0,
) -> Iterator[Running]:
    """Both applications in a thread, on a port of their own."""
    root, heart = root or Root(), heart or Double()

    async def main(ready: serve.Ready, stop: asyncio.Event) -> None:
        public, admin = app.build(heart, info or public_info(root)), app.build_admin(heart, own_uid)
        await serve.serve(
            public,
            admin,
            listen=f"127.0.0.1:{port}",
            tls=root.leaf,
            admin_socket=admin_socket,
            ready=ready,
            stop=stop,
        )

    with in_thread(main) as (url, _):
        yield Running(url, admin_socket, root, heart, int(url.rpartition(":")[2]))


def key() -> tuple[ed25519.Ed25519PrivateKey, PublicKey]:
    private = ed25519.Ed25519PrivateKey.generate()
    return private, PublicKey.from_cryptography(private.public_key())


def possession(
    private: ed25519.Ed25519PrivateKey, token: str, ca_id: bytes = CA_ID, namespace: str = POSSESSION_NAMESPACE
) -> bytes:
    """An SSHSIG blob by `private` over this CA and this token."""
    message = sshsig.to_be_signed(namespace, possession_message(ca_id, token))
    public = PublicKey.from_cryptography(private.public_key())
    return SshSignature(public, namespace, "sha512", sign_blob(private, message)).encode()


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
