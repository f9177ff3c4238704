"""Every route in every state of authentication, on a whole CA: real provisioners, policy, store and signers.

A route that is missing from these tables fails the suite (CVE-2026-30836: an unauthenticated route led to a
privileged act); so does one that answers where its table says it must not.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
from tests.ca.heart import Heart, heart
from tests.parts.op import Op, run_op
from tests.server.kit import CA_ID, Root, in_thread, key, possession, public_info

from daypass.api import ROUTES, Access, Route
from daypass.config import ProviderSection
from daypass.model import HostFacts
from daypass.server import app, serve
from daypass.wire import Certificate, CertType
from daypass.wire.binding import login_nonce

T = TypeVar("T")
OPEN_ROUTES = {
    "health": 200,
    "version": 200,
    "root": 200,
    "roots": 201,
    "provisioners": 200,
    "ssh_roots": 200,
    "ca": 200,
    "trust": 200,
    "openapi": 200,
}
# A token is for one kind of caller, and worth nothing to the others (Teleport 11.3.25).
CREDENTIAL_ROUTES = {
    "ssh_sign": {
        "nothing": 400, "garbage": 401, "forged": 401, "unsigned": 401, "expired": 401, "for another client": 401,
        "for another key": 401, "without its salt": 401, "a host's token": 401, "a used host's token": 401,
        "expired host's token": 401, "person": 201, "person again": 201,
    },
    "sign": {
        "nothing": 400, "garbage": 401, "forged": 401, "unsigned": 401, "expired": 401, "for another client": 401,
        "for another key": 401, "without its salt": 400, "a host's token": 403, "a used host's token": 401,
        "expired host's token": 401, "person": 201, "person again": 201,
    },
    "enrol": {
        "nothing": 400, "garbage": 401, "forged": 401, "unsigned": 401, "expired": 401, "for another client": 401,
        "for another key": 401, "without its salt": 401, "a host's token": 201, "a used host's token": 401,
        "expired host's token": 401, "person": 401, "person again": 401,
    },
}  # fmt: skip
LOCAL_ROUTES = {"join_token": 201}
STATES = list(CREDENTIAL_ROUTES["sign"])


def test_every_route_is_in_the_tables() -> None:
    def named(access: Access) -> set[str]:
        return {route.name for route in ROUTES if route.access is access}

    assert named(Access.OPEN) == set(OPEN_ROUTES)
    assert named(Access.CREDENTIAL) == set(CREDENTIAL_ROUTES)
    assert named(Access.LOCAL) == set(LOCAL_ROUTES)
    assert all(list(states) == STATES for states in CREDENTIAL_ROUTES.values())


@dataclass
class Company:
    """A CA at work, and what its people and hosts can show."""

    heart: Heart
    op: Op
    web: httpx2.Client
    local: httpx2.Client
    loop: asyncio.AbstractEventLoop
    fingerprint: str
    late: str | None = None

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def join_token(self, name: str, lifetime: int = 600) -> str:
        return self.wait(self.heart.authority.make_join_token(HostFacts(name), lifetime, "test"))[0]


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    root, box = Root(), list[Heart]()
    with tempfile.TemporaryDirectory() as directory, run_op() as op:
        home = Path(directory)

        async def main(ready: serve.Ready, stop: asyncio.Event) -> None:
            provider = ProviderSection(name="idp", issuer=op.issuer, client_id=op.client_id)
            async with heart(op, home / "ca.sqlite", providers=[provider]) as ca:
                box.append(ca)
                public, admin = app.build(ca.authority, public_info(root)), app.build_admin(ca.authority)
                await serve.serve(
                    public,
                    admin,
                    listen="127.0.0.1:0",
                    tls=root.leaf,
                    admin_socket=home / "s",
                    ready=ready,
                    stop=stop,
                )

        with in_thread(main) as (url, loop), clients(url, root, home / "s") as (web, local):
            yield Company(box[0], op, web, local, loop, root.fingerprint)


class clients:  # noqa: N801
    def __init__(self, url: str, root: Root, path: Path) -> None:
        context = ssl.create_default_context(cadata=root.pem)
        transport = httpx2.HTTPTransport(uds=str(path))
        self._both = (
            httpx2.Client(base_url=url, verify=context, trust_env=False),
            httpx2.Client(base_url="http://localhost", transport=transport, trust_env=False),
        )

    def __enter__(self) -> tuple[httpx2.Client, httpx2.Client]:
        return self._both

    def __exit__(self, *_: object) -> None:
        for client in self._both:
            client.close()


Shown = Callable[[Company, Any, bytes], tuple[str, bytes | None]]  # company, public key, salt -> token, salt sent


def bound(company: Company, public: Any, salt: bytes, **claims: Any) -> str:
    return company.op.mint(nonce=login_nonce(CA_ID, public.blob, b"login", salt), **claims)


def _expired(company: Company, public: Any, salt: bytes) -> tuple[str, bytes]:
    then = int(time.time()) - 7200
    return bound(company, public, salt, iat=then, exp=then + 300, auth_time=then), salt


def _forged(company: Company, public: Any, salt: bytes) -> tuple[str, bytes]:
    head, body, signature = bound(company, public, salt).split(".")
    return f"{head}.{body}.{signature[:-8]}{'A' * 8}", salt


def _unsigned(company: Company, public: Any, salt: bytes) -> tuple[str, bytes]:
    head = b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{head}.{bound(company, public, salt).split('.')[1]}.", salt


def _used(company: Company, public: Any, salt: bytes) -> tuple[str, bytes]:
    token = company.join_token(f"h{os.urandom(4).hex()}.example.com")
    private, other = key()
    entry = {"public_key": b64(other.blob), "proof": b64(possession(private, token))}
    answer = company.web.post("/v1/host/enroll", json={"token": token, "keys": [entry]})
    assert answer.status_code == 201, answer.text
    return token, salt


def _expired_join(company: Company, _public: Any, salt: bytes) -> tuple[str, bytes]:
    if company.late is None:
        company.late = company.join_token("late.example.com", lifetime=1)
        time.sleep(1.1)
    return company.late, salt


def _join(company: Company, _public: Any, salt: bytes) -> tuple[str, bytes]:
    return company.join_token(f"h{os.urandom(4).hex()}.example.com"), salt


SHOWN: dict[str, Shown] = {
    "nothing": lambda _company, _public, salt: ("", salt),
    "garbage": lambda _company, _public, salt: ("garbage", salt),
    "forged": _forged,
    "unsigned": _unsigned,
    "expired": _expired,
    "for another client": lambda company, public, salt: (bound(company, public, salt, aud="another"), salt),
    "for another key": lambda company, _public, salt: (bound(company, key()[1], salt), salt),
    "without its salt": lambda company, public, salt: (bound(company, public, salt), None),
    "a host's token": _join,
    "a used host's token": _used,
    "expired host's token": _expired_join,
    "person": lambda company, public, salt: (bound(company, public, salt), salt),
    "person again": lambda company, public, salt: (bound(company, public, salt), salt),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", CREDENTIAL_ROUTES)
def test_a_route_that_takes_a_credential_gives_each_its_due(company: Company, name: str, state: str) -> None:
    route = named(name)
    private, public = key()
    token, salt = SHOWN[state](company, public, os.urandom(32))
    body = enrolment(private, public, token) if name == "enrol" else signing(private, public, token, salt, name)
    answer = company.web.post(route.path, json=body)
    if state == "person again":
        answer = company.web.post(route.path, json=body)
    assert answer.status_code == CREDENTIAL_ROUTES[name][state], answer.text
    assert token == "" or token not in answer.text
    if answer.status_code == 201:
        judge(answer.json(), name, public)


def judge(body: dict[str, Any], name: str, public: Any) -> None:
    """What was issued is for that very key and of the right kind."""
    import base64

    blob = base64.b64decode(body["crt"] if name != "enrol" else body["certificates"][0])
    certificate = Certificate.parse(blob)
    certificate.verify_signature()
    assert certificate.public_key == public
    assert certificate.type is (CertType.HOST if name == "enrol" else CertType.USER)
    assert certificate.principals


def named(name: str) -> Route:
    return next(route for route in ROUTES if route.name == name)


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def signing(private: Any, public: Any, token: str, salt: bytes | None, name: str) -> dict[str, Any]:
    body: dict[str, Any] = {"publicKey": b64(public.blob), "ott": token}
    if salt is not None:
        body["salt"] = b64(salt)
    return body | ({"proof": b64(possession(private, token))} if name == "sign" else {})


def enrolment(private: Any, public: Any, token: str) -> dict[str, Any]:
    return {"token": token, "keys": [{"public_key": b64(public.blob), "proof": b64(possession(private, token))}]}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", OPEN_ROUTES)
def test_an_open_route_answers_everyone_alike(company: Company, name: str, state: str) -> None:
    token, _ = SHOWN[state](company, key()[1], os.urandom(32))
    path = named(name).path.replace("{sha}", company.fingerprint)
    plain = company.web.get(path)
    shown = company.web.get(path, headers={"authorization": f"Bearer {token}".strip()})
    assert plain.status_code == shown.status_code == OPEN_ROUTES[name]
    if name != "ca":  # tells the time
        assert shown.content == plain.content


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", LOCAL_ROUTES)
def test_a_local_route_is_not_there_on_the_network(company: Company, name: str, state: str) -> None:
    token, _ = SHOWN[state](company, key()[1], os.urandom(32))
    headers = {"authorization": f"Bearer {token}".strip(), "x-forwarded-for": "127.0.0.1", "host": "localhost"}
    for prefix in ("", "/1.0", "/."):
        for method in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
            content = json.dumps({"name": "web-1.example.com", "token": token}).encode()
            answer = company.web.request(method, prefix + named(name).path, content=content, headers=headers)
            assert answer.status_code == 404


def test_a_local_route_makes_tokens_that_enrol_a_host_of_that_name(company: Company) -> None:
    """Whom the socket serves is test_sockets.py's table: uid 0, its own, others."""
    made = company.local.post(named("join_token").path, json={"name": "db-1.example.com", "lifetime": 60})
    assert made.status_code == LOCAL_ROUTES["join_token"], made.text
    private, public = key()
    answer = company.web.post("/v1/host/enroll", json=enrolment(private, public, made.json()["token"]))
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == "db-1.example.com"


@pytest.mark.parametrize(
    "name", ["", "*", "a,b", "web_1.example.com", "github.com", "a\nb.example.com", "é.example.com"]
)
def test_a_join_token_is_for_a_host_of_ours_alone(company: Company, name: str) -> None:
    assert company.local.post(named("join_token").path, json={"name": name}).status_code in (400, 403)


@pytest.mark.parametrize(("lifetime", "status"), [(-1, 400), (0, 400), (3600, 201), (3601, 400)])
def test_a_join_token_ends_within_an_hour(company: Company, lifetime: int, status: int) -> None:
    asked = {"name": "db-2.example.com", "lifetime": lifetime}
    assert company.local.post(named("join_token").path, json=asked).status_code == status


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.access is not Access.LOCAL], ids=lambda r: r.name
)
def test_a_public_route_is_not_there_on_the_administration_socket(company: Company, route: Route) -> None:
    for path in app.paths(route):
        assert company.local.request(route.method, path).status_code == 404
