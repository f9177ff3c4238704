"""A CA that does what a test tells it, and else what an honest one does: pins, trust document, certificates.

It believes any token; what it grants stands in `principals`. It checks nonce and proof of possession as a CA must,
so a client that binds them wrongly gets nothing. `answers` replaces what a path says, in turn.
"""

from __future__ import annotations

import datetime
import json
import os
import socket
import ssl
import threading
import time
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from daypass import api
from daypass.wire import Certificate, CertType, Krl, PublicKey, SshSignature, sign_blob
from daypass.wire.binding import device_message, login_act, login_nonce, possession_message
from daypass.wire.krl import CertificateSection
from daypass.wire.sshsig import to_be_signed
from daypass.wire.workload import split_audience
from tests.parts.x509 import make_leaf, make_root, server_context

DAY = datetime.timedelta(days=1)


def line(key: Ed25519PrivateKey) -> str:
    return PublicKey.from_cryptography(key.public_key()).line()


class MiniCa:
    """`url`, `fingerprint`, keys, and switches; see the module."""

    def __init__(self, *, with_trust_root: bool = True) -> None:
        self.trust_root, self.user_ca, self.host_ca, self.bundle = (Ed25519PrivateKey.generate() for _ in range(4))
        self.ca_id = sha256(PublicKey.from_cryptography(self.trust_root.public_key()).blob).digest()
        self.root, self.root_key = make_root(ca_id=self.ca_id if with_trust_root else None)
        self.url = ""
        self.version, self.skew, self.lifetime = 1, 0, 3600
        self.principals: tuple[str, ...] = ("alice", "role:dev:alice")
        self.host_patterns = ["*.corp.test"]
        self.short_domain = ""
        self.address_networks: list[str] = []
        self.enrolled = ["web-1.corp.test"]
        self.bastions: list[api.BastionWay] = []
        self.revoked: tuple[int, ...] = ()
        self.providers: list[api.OidcLogin] = []
        self.workloads: list[api.WorkloadLogin] = []
        self.answers: dict[str, list[tuple[int, object]]] = {}
        self.hits: Counter[str] = Counter()
        self.seen: list[api.SshSignRequest] = []
        self.heard: list[bytes] = []  # headers and body of every request, as they came
        self.device_states = ["waiting", "seen", "issued"]  # one a poll; the last one stays
        self.asked: list[api.DeviceRequest] = []
        self.allow_unbound = False
        self.change: Callable[[Certificate], Certificate] = lambda draft: draft
        self.signer: Ed25519PrivateKey | None = None

    @property
    def root_pem(self) -> str:
        return self.root.public_bytes(Encoding.PEM).decode()

    @property
    def fingerprint(self) -> str:
        return self.root.fingerprint(hashes.SHA256()).hex()

    def trust(self, signer: Ed25519PrivateKey | None = None, **changes: Any) -> api.Signed:
        document = api.TrustDocument(
            ca_id=self.ca_id.hex(),
            version=self.version,
            issued_at=int(time.time()),
            user_ca=[line(self.user_ca)],
            host_ca=[line(self.host_ca)],
            bundle_keys=[line(self.bundle)],
            tls_roots=[self.root_pem],
            host_patterns=self.host_patterns,
            short_domain=self.short_domain,
            address_networks=self.address_networks,
        )
        text = msgspec.json.encode(msgspec.structs.replace(document, **changes))
        return sign_document(text, signer or self.trust_root, api.TRUST_NAMESPACE)

    def client_bundle(self, signer: Ed25519PrivateKey | None = None, **changes: Any) -> api.Signed:
        now = int(time.time())
        host_ca = PublicKey.from_cryptography(self.host_ca.public_key())
        sections = (
            (CertificateSection(host_ca, tuple((each, each) for each in self.revoked)),) if self.revoked else ()
        )
        document = api.ClientBundle(
            ca_id=self.ca_id.hex(),
            version=now * 1000,
            issued_at=now,
            expires=now + 60,
            enrolled=self.enrolled,
            bastions=self.bastions,
            host_krl=Krl(now * 1000, now, "test", sections).encode(),
        )
        text = msgspec.json.encode(msgspec.structs.replace(document, **changes))
        return sign_document(text, signer or self.bundle, api.CLIENT_BUNDLE_NAMESPACE)

    def info(self) -> api.CaInfo:
        return api.CaInfo(
            ca_id=self.ca_id.hex(),
            name="Example Corp",
            time=int(time.time()) + self.skew,
            providers=self.providers,
            workloads=self.workloads,
            user_lifetime=self.lifetime,
        )

    def sign(self, request: api.SshSignRequest) -> api.SshSignResponse:
        self.seen.append(request)
        payload = request.ott.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        assert request.proof is not None
        public = PublicKey.parse(request.publicKey)
        if claims["iss"] in [each.issuer for each in self.workloads]:
            assert request.salt is None
            assert split_audience(claims["aud"])[1] in ("", public.fingerprint)
        else:
            act = login_act(request.role)
            assert request.salt is not None
            assert claims["nonce"] == login_nonce(self.ca_id, request.publicKey, act, request.salt)
        message = possession_message(self.ca_id, request.ott)
        SshSignature.parse(request.proof).verify(api.POSSESSION_NAMESPACE, message, public)
        return api.SshSignResponse(crt=self.certify(public, role=request.role), bundle=self.client_bundle())

    def start_device(self, request: api.DeviceRequest) -> api.DeviceStarted:
        self.asked.append(request)
        message = device_message(self.ca_id, request.salt, request.machine)
        SshSignature.parse(request.proof).verify(api.DEVICE_NAMESPACE, message, PublicKey.parse(request.public_key))
        return api.DeviceStarted(
            device_code="the-device-code",
            user_code="BCDF-GHJK",
            page=f"{self.url}/device",
            interval=0,
            expires_in=600,
        )

    def poll_device(self, request: api.DevicePoll) -> api.DeviceAnswer:
        assert request.device_code == "the-device-code"
        state = self.device_states.pop(0) if len(self.device_states) > 1 else self.device_states[0]
        if state != "issued":
            return api.DeviceAnswer(state=state)
        public = PublicKey.parse(self.asked[-1].public_key)
        return api.DeviceAnswer(
            state=state, crt=self.certify(public, role=self.asked[-1].role), bundle=self.client_bundle()
        )

    def certify(self, public: PublicKey, lifetime: int | None = None, role: str = "") -> bytes:
        """A day pass, or a certificate of one role alone."""
        now, signer = int(time.time()), self.signer or self.user_ca
        draft = Certificate(
            nonce=os.urandom(32),
            public_key=public,
            serial=int.from_bytes(os.urandom(4), "big") + 1,
            type=CertType.USER,
            key_id="alice@example.com",
            principals=(f"role:{role}",) if role else self.principals,
            valid_after=now - 60,
            valid_before=now + (self.lifetime if lifetime is None else lifetime),
            critical_options=(),
            extensions=(("permit-pty", ""),),
            signature_key=PublicKey.from_cryptography(signer.public_key()),
        )
        draft = self.change(draft)
        return draft.with_signature(sign_blob(signer, draft.to_be_signed())).encode()

    def answer(self, path: str, body: bytes) -> tuple[int, object]:
        self.hits[path] += 1
        if self.answers.get(path):
            return self.answers[path].pop(0)
        if path == f"/root/{self.fingerprint}":
            return 200, api.RootResponse(self.root_pem)
        if path == "/health":
            return 200, api.Health("ok")
        if path == "/v1/trust":
            return 200, self.trust()
        if path == "/v1/ca":
            return 200, self.info()
        if path == "/v1/ssh/sign":
            return 201, self.sign(msgspec.json.decode(body, type=api.SshSignRequest))
        if path == "/ssh/sign" and self.allow_unbound:
            request = msgspec.json.decode(body, type=api.SshSignRequest)
            assert request.salt is None and request.proof is None
            return 201, api.SshSignResponse(crt=self.certify(PublicKey.parse(request.publicKey)))
        if path == "/v1/device":
            return 201, self.start_device(msgspec.json.decode(body, type=api.DeviceRequest))
        if path == "/v1/device/poll":
            return 200, self.poll_device(msgspec.json.decode(body, type=api.DevicePoll))
        return 404, api.Error(status=404, message="nothing here", code="not-found")

    def tls(self, *names: str) -> ssl.SSLContext:
        leaf = make_leaf(self.root, self.root_key, {"localhost", "127.0.0.1", "ca.corp.test", *names})
        return server_context(*leaf)


def sign_document(text: bytes, key: Ed25519PrivateKey, namespace: str) -> api.Signed:
    signature = sign_blob(key, to_be_signed(namespace, text))
    public = PublicKey.from_cryptography(key.public_key())
    return api.Signed(text.decode(), SshSignature(public, namespace, "sha512", signature).armor())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust us hangs up in the handshake."""


@contextmanager
def run_mini_ca(*, with_trust_root: bool = True, host: str = "127.0.0.1") -> Iterator[MiniCa]:
    """The CA over TLS at `host`, an address of this machine, on a port of the moment."""
    ca = MiniCa(with_trust_root=with_trust_root)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ca.heard.append(bytes(self.headers))
            self._send(*ca.answer(self.path, b""))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            ca.heard.append(bytes(self.headers) + body)
            self._send(*ca.answer(self.path, body))

        def _send(self, status: int, answer: object) -> None:
            if status == 0:
                return  # hung up without a word
            body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(_Server):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    with Server((host, 0), Handler) as server:
        server.socket = ca.tls(host).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        ca.url = f"https://[{host}]:{server.server_port}" if ":" in host else f"https://{host}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield ca
        finally:
            server.shutdown()
            thread.join()
