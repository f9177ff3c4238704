"""A CA under measurement: the real `daypass ca serve` as a process, and a provider whose tokens we can mint ahead."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.wire import PublicKey, SshSignature, sign_blob, sshsig
from daypass.wire.binding import POSSESSION_NAMESPACE, login_nonce, possession_message

PERSONS = 500


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Provider:
    """Discovery and JWKS on loopback, and RS256-2048 ID tokens bound to a key."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(provider.document(self.path)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def document(self, path: str) -> dict[str, object]:
        if path.endswith("/jwks"):
            numbers = self._key.public_key().public_numbers()
            n, e = (b64url(v.to_bytes((v.bit_length() + 7) // 8, "big")) for v in (numbers.n, numbers.e))
            return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1", "n": n, "e": e}]}
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def token(self, person: int, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": "daypass",
            "sub": f"person-{person}",
            "email": f"p{person}@example.com",
            "email_verified": True,
            "groups": ["engineers"],
            "nonce": nonce,
            "iat": now,
            "exp": now + 3600,
            "auth_time": now,
        }
        signed = b64url(b'{"alg":"RS256","kid":"k1"}') + "." + b64url(json.dumps(claims).encode())
        return signed + "." + b64url(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True, slots=True)
class Company:
    provider: Provider
    port: int
    pid: int
    ca_id: bytes
    root: Path  # PEM of the CA's X.509 root

    def request(self, number: int, *, proof: bool) -> bytes:
        """One whole signing request, ready to be written to a connection: a key and a token never used before."""
        key = Ed25519PrivateKey.generate()
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        public, salt = PublicKey.from_cryptography(key.public_key()), os.urandom(32)
        assert raw in public.blob
        token = self.provider.token(number % PERSONS, login_nonce(self.ca_id, public.blob, b"login", salt))
        body = {"publicKey": _b64(public.blob), "ott": token, "certType": "user", "salt": _b64(salt)}
        if proof:
            body["proof"] = _b64(self._possession(key, public, token))
        return _post("/v1/ssh/sign" if proof else "/ssh/sign", json.dumps(body).encode())

    def _possession(self, key: Ed25519PrivateKey, public: PublicKey, token: str) -> bytes:
        message = sshsig.to_be_signed(POSSESSION_NAMESPACE, possession_message(self.ca_id, token))
        return SshSignature(public, POSSESSION_NAMESPACE, "sha512", sign_blob(key, message)).encode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _post(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


CONFIG = """
[[providers]]
name = "bench"
issuer = "{issuer}"
client_id = "daypass"

[[roles]]
name = "engineers"
hosts = ["*"]
groups = ["engineers"]
accounts = ["{{login}}"]
"""


def daypass(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "daypass.cli.main", *arguments]


@contextlib.contextmanager
def company(home: Path) -> Iterator[Company]:
    """A CA on SQLite with `synchronous=FULL`, set up and run by the commands an operator types."""
    provider, port = Provider(), _free_port()
    root, config = ("--root", str(home / "ca")), home / "ca/etc/daypass/daypass.toml"
    init = daypass("ca", "init", *root, "--name", "bench", "--url", f"https://localhost:{port}")
    subprocess.run(
        [*init, "--host-domain", "*.example.com", "--no-passphrase"],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    with config.open("a") as file:
        file.write(CONFIG.format(issuer=provider.issuer))
    subprocess.run(daypass("ca", "reload", *root), check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen(daypass("ca", "serve", *root), stderr=subprocess.DEVNULL)
    try:
        _await_port(port, server)
        yield _company(home, provider, port, server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
        provider.close()


def _company(home: Path, provider: Provider, port: int, pid: int) -> Company:
    from daypass.trusted import extract_trust_root

    root = next(home.rglob("keys/*.crt"))
    return Company(provider, port, pid, extract_trust_root(root.read_text()), root)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(400):
        if server.poll() is not None:
            raise SystemExit("bench: the CA did not start")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit("bench: the CA does not answer")
