"""A sign-in desk: one provisioner in front of the scriptable provider, with a clock that stands still."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.parts.jose import base64url
from tests.parts.op import Op

from daypass.config import ProviderSection
from daypass.model import Credential, Proof, Secret
from daypass.provisioners.oidc import OidcProvisioner
from daypass.wire import PublicKey
from daypass.wire.binding import login_nonce

TRUST_STORE = ssl.create_default_context()  # read once: 20 ms
NOW = 1_800_000_000
CA_ID = b"C" * 32
SALT = b"S" * 32
KEY = PublicKey.from_cryptography(Ed25519PrivateKey.from_private_bytes(b"k" * 32).public_key())
OTHER_KEY = PublicKey.from_cryptography(Ed25519PrivateKey.from_private_bytes(b"o" * 32).public_key())
NONCE = login_nonce(CA_ID, KEY.blob, b"login", SALT)


@dataclass(slots=True)
class StillClock:
    time: float = NOW
    ticks: float = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.ticks


@dataclass(slots=True)
class Desk:
    op: Op
    provisioner: OidcProvisioner
    clock: StillClock
    runner: asyncio.Runner

    def token(self, *, without: tuple[str, ...] = (), **change: object) -> str:
        """An ID token made for KEY at this very moment."""
        honest = {"iat": NOW, "exp": NOW + 300, "auth_time": NOW - 30, "nonce": NONCE}
        return self.op.mint(without=without, **{**honest, **change})  # type: ignore[arg-type]

    def written(self, payload: str, header: str = "") -> str:
        """A token with this very text in it, well signed."""
        header = header or f'{{"alg":"{self.op.key.alg}","kid":"{self.op.key.kid}"}}'
        signed = f"{base64url(header.encode())}.{base64url(payload.encode('utf-8', 'surrogateescape'))}"
        return f"{signed}.{base64url(self.op.key.sign(signed.encode()))}"

    def show(self, token: str, **change: object) -> Proof:
        fields = {"keys": (KEY,), "salt": SALT, **change}
        return self.runner.run(self.provisioner.authenticate(Credential(Secret(token), **fields)))  # type: ignore[arg-type]


def section_for(op: Op, **change: object) -> ProviderSection:
    section = ProviderSection(name="corp", issuer=op.issuer, client_id=op.client_id)
    return msgspec.structs.replace(section, **change)


@contextmanager
def open_desk(op: Op, **change: object) -> Iterator[Desk]:
    """`change` is of the provider's section."""
    with asyncio.Runner() as runner:
        http, clock = httpx2.AsyncClient(verify=TRUST_STORE), StillClock()
        try:
            yield Desk(op, OidcProvisioner(section_for(op, **change), CA_ID, clock, http), clock, runner)
        finally:
            runner.run(http.aclose())
