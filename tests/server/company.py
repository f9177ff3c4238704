"""A whole CA at work behind HTTP: real provisioners, policy, store and signers, and an identity provider."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from tests.ca.heart import Heart, heart
from tests.parts.op import Op, run_op
from tests.parts.sshpop import Holder
from tests.server.kit import CA_ID, Root, in_thread, key, possession, public_info

from daypass.config import ProviderSection, SignalsSection
from daypass.config.schema import OperatorSection
from daypass.model import HostFacts
from daypass.server import app, serve
from daypass.wire import Certificate
from daypass.wire.binding import login_nonce

__all__ = ["CAPABILITIES", "PAGES", "SIGNALS", "Company", "b64", "bound", "enrolment", "run_company", "signing"]

T = TypeVar("T")
CAPABILITIES = (
    "audit",
    "revoke",
    "lock",
    "unlock",
    "persons",
    "configure",
    "token:web-*",
    "approve:unlock",
    "rotate",
)
OPERATORS = [OperatorSection(name=f"can-{n}", groups=[can], can=[can]) for n, can in enumerate(CAPABILITIES)]
"""One for each capability: whoever is in the group of that name."""
SIGNALS = "https://ca.example.com/signals"
PAGES = "https://ca.example.com"


@dataclass
class Company:
    """A CA at work, and what its people and hosts can show."""

    heart: Heart
    op: Op
    web: httpx2.Client
    local: httpx2.Client
    loop: asyncio.AbstractEventLoop
    url: str
    root: Root
    late: str | None = None

    @property
    def web_context(self) -> ssl.SSLContext:
        """What believes the CA's own root."""
        return ssl.create_default_context(cadata=self.root.pem)

    @property
    def fingerprint(self) -> str:
        return self.root.fingerprint

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def join_token(self, name: str, lifetime: int = 600) -> str:
        return self.wait(self.heart.authority.make_join_token(HostFacts(name), lifetime, "test"))[0]

    def person(self, sub: str = "alice-1", *, later: bool = False) -> Holder:
        """Somebody with a day pass; the provider's default person unless another is named. `later`: by a sign-in
        after whatever has ended this very second."""
        private, public = key()
        salt = os.urandom(32)
        claims: dict[str, object] = {} if sub == "alice-1" else {"sub": sub, "email": f"{sub}@example.com"}
        claims |= dict.fromkeys(("iat", "auth_time"), int(self.heart.clock.now()) + 2) if later else {}
        token = bound(self, public, salt, **claims)
        answer = self.web.post("/v1/ssh/sign", json=signing(private, public, token, salt, "sign"))
        assert answer.status_code == 201, answer.text
        return Holder(private, Certificate.parse(b64decode(answer.json()["crt"])))

    def host(self, name: str | None = None) -> Holder:
        """A host with its first certificate, under a name of its own."""
        private, public = key()
        token = self.join_token(name or f"h{os.urandom(4).hex()}.example.com")
        answer = self.web.post("/v1/host/enroll", json=enrolment(private, public, token))
        assert answer.status_code == 201, answer.text
        return Holder(private, Certificate.parse(b64decode(answer.json()["certificates"][0])))


@contextmanager
def run_company(configuration: Mapping[str, Any] | None = None, **section: Any) -> Iterator[Company]:
    """`section`: further keys of the provider; `configuration`: what else `heart` takes."""
    root, box = Root(), list[Heart]()
    with tempfile.TemporaryDirectory() as directory, run_op() as op:
        home = Path(directory)

        async def main(ready: serve.Ready, stop: asyncio.Event) -> None:
            signals = SignalsSection(audience=SIGNALS)
            more: dict[str, Any] = {"logout": True, "signals": signals} | section
            provider = ProviderSection(name="idp", issuer=op.issuer, client_id=op.client_id, **more)
            given: dict[str, Any] = {"providers": [provider], "operators": OPERATORS} | dict(configuration or {})
            async with heart(op, home / "ca.sqlite", **given) as ca:
                box.append(ca)
                public, admin = (
                    app.build(ca.authority, public_info(root, pages_url=PAGES)),
                    app.build_admin(ca.authority),
                )
                watching = asyncio.create_task(ca.authority.streams.watch())
                await serve.serve(
                    public,
                    admin,
                    listen="127.0.0.1:0",
                    tls=root.leaf,
                    admin_socket=home / "s",
                    ready=ready,
                    stop=stop,
                    ending=ca.authority.streams.close,
                )
                watching.cancel()

        with in_thread(main) as (url, loop), clients(url, root, home / "s") as (web, local):
            yield Company(box[0], op, web, local, loop, url, root)


class clients:  # noqa: N801
    def __init__(self, url: str, root: Root, path: Path) -> None:
        context = ssl.create_default_context(cadata=root.pem)
        transport = httpx2.HTTPTransport(uds=str(path))
        self._both = (
            httpx2.Client(base_url=url, verify=context, trust_env=False, timeout=30),
            httpx2.Client(base_url="http://localhost", transport=transport, trust_env=False, timeout=30),
        )

    def __enter__(self) -> tuple[httpx2.Client, httpx2.Client]:
        return self._both

    def __exit__(self, *_: object) -> None:
        for client in self._both:
            client.close()


def bound(company: Company, public: Any, salt: bytes, **claims: Any) -> str:
    return company.op.mint(nonce=login_nonce(CA_ID, public.blob, b"login", salt), **claims)


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def signing(private: Any, public: Any, token: str, salt: bytes | None, name: str) -> dict[str, Any]:
    body: dict[str, Any] = {"publicKey": b64(public.blob), "ott": token}
    if salt is not None:
        body["salt"] = b64(salt)
    return body | ({"proof": b64(possession(private, token))} if name == "sign" else {})


def enrolment(private: Any, public: Any, token: str) -> dict[str, Any]:
    return {"token": token, "keys": [{"public_key": b64(public.blob), "proof": b64(possession(private, token))}]}
