"""A whole CA that has every kind of provisioner, and every route of it that takes a credential.

The provisioners are those of `kinds/`; policy, store and server are real. The clock stands still at NOW.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.ca.heart import CA_ID as HEART
from tests.ca.heart import Heart, MovingClock, heart
from tests.parts.op import Op
from tests.provisioners.kinds import KEY, KINDS, NOW, Desk, Made, open_kind
from tests.server.company import b64
from tests.server.kit import Root, possession, public_info

from daypass.api import FORM, SECURITY_EVENT, ActProof
from daypass.ca.ports import Finding, Provisioner
from daypass.ca.renewals import Renewals
from daypass.model import Credential, Proof
from daypass.server import app
from daypass.wire.binding import admin_act

__all__ = ["ROUTES", "Yard", "made_for", "open_yard"]

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"k" * 32)  # KEY's
ADMIN = "/v1/admin/ledger"


class StoppedClock(MovingClock):
    def now(self) -> float:
        return NOW


@dataclass(slots=True)
class Watched:
    """A provisioner, and what it let pass."""

    behind: Provisioner
    passed: list[Proof] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.behind.name

    @property
    def type(self) -> str:
        return self.behind.type

    async def test(self) -> Sequence[Finding]:
        return await self.behind.test()

    def recognises(self, token: str) -> bool:
        return self.behind.recognises(token)

    async def authenticate(self, credential: Credential) -> Proof:
        proof = await self.behind.authenticate(credential)
        self.passed.append(proof)
        return proof


@dataclass(slots=True)
class Yard:
    desks: Mapping[str, Desk]
    watched: Mapping[str, Watched]
    runner: asyncio.Runner
    web: httpx2.AsyncClient
    ca: Heart

    def show(self, route: str, credential: Credential) -> tuple[int, list[Proof]]:
        """The answer's status, and what was let pass on the way to it."""
        for each in self.watched.values():
            each.passed.clear()
        answer = self.runner.run(ROUTES[route](self.web, credential))
        return answer.status_code, [proof for each in self.watched.values() for proof in each.passed]

    def issued(self) -> int:
        """How many certificates are on record."""
        return self.runner.run(self.ca.acts()).count("certificate.issue")


@contextmanager
def open_yard(op: Op, home: Path) -> Iterator[Yard]:
    """`op` is the provider of nobody here: the CA's own, whose inbound routes are tried."""
    with asyncio.Runner() as runner, ExitStack() as stack:
        desks = {kind: stack.enter_context(open_kind(kind, runner)) for kind in KINDS}
        watched = {kind: Watched(desk.provisioner) for kind, desk in desks.items()}
        open_all = AsyncExitStack()
        ca = runner.run(open_all.enter_async_context(heart(op, home / "ca.sqlite", clock=StoppedClock())))
        force = ca.authority.force
        force._last = replace(force.current, provisioners=tuple(watched.values()))
        ca.authority.renewals = Renewals(ca.authority.settle, watched["sshpop"], ca.store, ca.authority.clock, HEART)
        transport = httpx2.ASGITransport(app.build(ca.authority, public_info(Root()), now=lambda: NOW))
        web = httpx2.AsyncClient(transport=transport, base_url="https://ca.example.com")
        try:
            yield Yard(desks, watched, runner, web, ca)
        finally:
            runner.run(web.aclose())
            runner.run(open_all.aclose())


# -- every route that takes a credential -----------------------------------------------------------------------


def _proof(token: str) -> str:
    return b64(possession(PRIVATE, token, HEART))


def _signing(credential: Credential, **more: Any) -> dict[str, Any]:
    salt = {"salt": b64(credential.salt)} if credential.salt else {}
    return {"publicKey": b64(KEY.blob), "ott": credential.token.reveal(), **salt, **more}


def _sign(credential: Credential) -> dict[str, Any]:
    return _signing(credential, proof=_proof(credential.token.reveal()))


def _enrol(credential: Credential) -> dict[str, Any]:
    token = credential.token.reveal()
    return {"token": token, "name": credential.name, "keys": [{"public_key": b64(KEY.blob), "proof": _proof(token)}]}


def _revoke(credential: Credential) -> dict[str, Any]:
    return {"ott": credential.token.reveal(), "serial": "7", "passive": True}


def _json(path: str, body: Callable[[Credential], dict[str, Any]]) -> Any:
    async def ask(web: httpx2.AsyncClient, credential: Credential) -> httpx2.Response:
        return await web.post(path, json=body(credential))

    return ask


async def _act(web: httpx2.AsyncClient, credential: Credential) -> httpx2.Response:
    token = credential.token.reveal()
    shown = ActProof(token=token, key=KEY.blob, salt=credential.salt or bytes(32),
                     proof=possession(PRIVATE, token, HEART))  # fmt: skip
    return await web.post(ADMIN, content=b"{}", headers={"Authorization": shown.header()})


async def _logout(web: httpx2.AsyncClient, credential: Credential) -> httpx2.Response:
    return await web.post("/v1/inbound/logout/idp", data={"logout_token": credential.token.reveal()},
                          headers={"Content-Type": FORM})  # fmt: skip


async def _event(web: httpx2.AsyncClient, credential: Credential) -> httpx2.Response:
    return await web.post("/v1/inbound/signals/idp", content=credential.token.reveal().encode(),
                          headers={"Content-Type": SECURITY_EVENT})  # fmt: skip


ROUTES: Mapping[str, Any] = {
    "sign": _json("/v1/ssh/sign", _sign),
    "step-user": _json("/ssh/sign", _signing),
    "step-host": _json("/1.0/ssh/sign", lambda shown: _signing(shown, certType="host")),
    "enrol": _json("/v1/host/enroll", _enrol),
    "agent-enrol": _json("/v1/host/agent/enroll", _enrol),
    "renew": _json("/ssh/renew", lambda shown: {"ott": shown.token.reveal()}),
    "rekey": _json("/1.0/ssh/rekey", lambda shown: _signing(shown)),
    "revoke": _json("/ssh/revoke", _revoke),
    "act": _act,
    "logout": _logout,
    "event": _event,
}
ACTS: Mapping[str, bytes] = {
    "rekey": b"rekey",
    "revoke": b"revoke",
    "renew": b"renew",
    "enrol": b"enrol",
    "agent-enrol": b"enrol",
    "act": admin_act(ADMIN, b"{}"),
}


def made_for(route: str) -> Made:
    """The kind's own act where the route has none of its own."""
    return Made(act=ACTS.get(route))
