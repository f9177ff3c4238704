"""Every route in every state of authentication, on a whole CA: real provisioners, policy, store and signers.

A route that is missing from these tables fails the suite (CVE-2026-30836: an unauthenticated route led to a
privileged act); so does one that answers where its table says it must not.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from tests.server.company import Company, b64, bound, enrolment, signing
from tests.server.kit import key, possession
from tests.server.test_access_admin import ADMIN_ROUTES
from tests.server.test_access_pages import DEVICE_ROUTES, PAGE_ROUTES

from daypass.api import (
    HOST_REQUEST_NAMESPACE,
    REQUEST_NAMESPACE,
    ROUTES,
    Access,
    HostProof,
    PassProof,
    Route,
)
from daypass.server import app
from daypass.wire import Certificate, CertType

OPEN_ROUTES = {
    "health": 200,
    "version": 200,
    "root": 200,
    "roots": 201,
    "provisioners": 200,
    "encrypted_key": 404,
    "ssh_roots": 200,
    "ca": 200,
    "trust": 200,
    "openapi": 200,
    "agent_script": 200,
    "host_challenge": 200,
}
NOBODY = {
    "nothing": 400, "garbage": 401, "forged": 401, "unsigned": 401, "expired": 401, "for another client": 401,
    "for another key": 401, "without its salt": 401, "a host's token": 401, "a used host's token": 401,
    "expired host's token": 401, "person": 401, "person again": 401,
    "renewal": 401, "rekeying": 401, "revocation": 401, "a person's renewal": 401,
}  # fmt: skip
# A token is for one kind of caller, and worth nothing to the others (Teleport 11.3.25).
CREDENTIAL_ROUTES = {
    "ssh_sign": {
        "nothing": 400, "garbage": 401, "forged": 401, "unsigned": 401, "expired": 401, "for another client": 401,
        "for another key": 401, "without its salt": 401, "a host's token": 401, "a used host's token": 401,
        "expired host's token": 401, "person": 201, "person again": 201,
        "renewal": 401, "rekeying": 401, "revocation": 401, "a person's renewal": 401,
    },
    "sign": {
        "nothing": 400, "garbage": 401, "forged": 401, "unsigned": 401, "expired": 401, "for another client": 401,
        "for another key": 401, "without its salt": 401, "a host's token": 403, "a used host's token": 401,
        "expired host's token": 401, "person": 201, "person again": 201,
        "renewal": 401, "rekeying": 401, "revocation": 401, "a person's renewal": 401,
    },
    "enrol": {
        "nothing": 400, "garbage": 401, "forged": 401, "unsigned": 401, "expired": 401, "for another client": 401,
        "for another key": 401, "without its salt": 401, "a host's token": 201, "a used host's token": 401,
        "expired host's token": 401, "person": 401, "person again": 401,
        "renewal": 401, "rekeying": 401, "revocation": 401, "a person's renewal": 401,
    },
    "agent_enroll": NOBODY | {"a host's token": 201},
    "ssh_renew": NOBODY | {"renewal": 201, "a person's renewal": 400},
    "ssh_rekey": NOBODY | {"rekeying": 201},
    "ssh_revoke": NOBODY | {"revocation": 200},
}  # fmt: skip
# Sign-ins by password, which this CA has none of; the bodies are well-formed, and no key signs for the first.
PAM_ROUTES: dict[str, tuple[int, dict[str, object]]] = {
    "pam_start": (400, {"account": "alice", "nonce": "dp1.x", "public_key": "", "proof": ""}),
    "pam_answer": (404, {"conversation": "c", "answers": ["word"]}),
}
# What a day pass opens: its owner's data, and their giving up of access (trust 4.2). The bodies are honest ones.
PASS_ROUTES: dict[str, tuple[int, bytes]] = {
    "my_certificates": (200, b""),
    "my_explain": (200, b'{"account":"root","host":"nowhere"}'),
    "my_revoke": (404, b'{"serial":1}'),
    "my_leave": (200, b"{}"),
    "my_bundle": (200, b""),
    "my_hosts": (200, b""),
}
# What a host's certificate opens, for that host (trust 5.6).
HOST_ROUTES = {
    "host_sync": (200, b"{}"), "host_stream": (200, b"{}"),
    "host_ack": (200, b'{"bundle_version":1,"krl_version":1}'), "host_renew": (400, b'{"keys":[]}'),
    "host_report": (200, b'{"since":0,"until":1,"trusted":true,"logins":[]}'),
    "agent_sync": (200, b"{}"), "agent_renew": (400, b'{"keys":[]}'),
}  # fmt: skip
# A provider's word (trust 6.9): what these take is in test_inbound.py; no credential is any of it.
INBOUND_ROUTES = {"inbound_logout": "logout_token={}", "inbound_signals": "{}"}
STATES = list(CREDENTIAL_ROUTES["sign"])


def test_every_route_is_in_the_tables() -> None:
    def named(access: Access) -> set[str]:
        return {route.name for route in ROUTES if route.access is access}

    assert named(Access.OPEN) == set(OPEN_ROUTES)
    assert named(Access.CREDENTIAL) == set(CREDENTIAL_ROUTES) | set(PAM_ROUTES)
    assert named(Access.PASS) == set(PASS_ROUTES)
    assert named(Access.HOST) == set(HOST_ROUTES)
    assert named(Access.DEVICE) == set(DEVICE_ROUTES)
    assert named(Access.PAGE) == set(PAGE_ROUTES)
    assert named(Access.ADMIN) == set(ADMIN_ROUTES)
    assert named(Access.INBOUND) == set(INBOUND_ROUTES)
    assert all(list(states) == STATES for states in CREDENTIAL_ROUTES.values())


Shown = Callable[[Company, Any, bytes], tuple[str, bytes | None]]  # company, public key, salt -> token, salt sent


def _expired(company: Company, public: Any, salt: bytes) -> tuple[str, bytes]:
    then = int(time.time()) - 7200
    return bound(company, public, salt, iat=then, exp=then + 300, auth_time=then), salt


def _forged(company: Company, public: Any, salt: bytes) -> tuple[str, bytes]:
    head, body, signature = bound(company, public, salt).split(".")
    return f"{head}.{body}.{signature[:-8]}{'A' * 8}", salt


def _unsigned(company: Company, public: Any, salt: bytes) -> tuple[str, bytes]:
    head = base64.b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
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
    "renewal": lambda company, _public, salt: (company.host().token("renew"), salt),
    "rekeying": lambda company, _public, salt: (company.host().token("rekey"), salt),
    "revocation": lambda company, _public, salt: (company.host().token("revoke"), salt),
    "a person's renewal": lambda company, _public, salt: (company.person().token("renew"), salt),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", CREDENTIAL_ROUTES)
def test_a_route_that_takes_a_credential_gives_each_its_due(company: Company, name: str, state: str) -> None:
    route = named(name)
    private, public = key()
    token, salt = SHOWN[state](company, public, os.urandom(32))
    body = asked(name, private, public, token, salt)
    answer = company.web.post(route.path, json=body)
    if state == "person again":
        answer = company.web.post(route.path, json=body)
    assert answer.status_code == CREDENTIAL_ROUTES[name][state], answer.text
    assert token == "" or token not in answer.text
    if answer.status_code == 201:
        body = answer.json() if name != "agent_enroll" else in_lines(answer.text)
        judge(body, name, public if name != "ssh_renew" else shown_key(token))


@pytest.mark.parametrize("name", PAM_ROUTES)
def test_a_ca_without_passwords_takes_none(company: Company, name: str) -> None:
    status, body = PAM_ROUTES[name]
    answer = company.web.post(named(name).path, json=body)
    assert answer.status_code == status
    assert "token" not in answer.json() and "word" not in answer.text


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", INBOUND_ROUTES)
def test_no_credential_is_a_providers_word(company: Company, name: str, state: str) -> None:
    token, _ = SHOWN[state](company, key()[1], os.urandom(32))
    route, body = named(name), INBOUND_ROUTES[name].format(token)
    path = route.path.replace("{provider}", "idp")
    answer = company.web.post(path, content=body, headers={"content-type": route.media})
    assert answer.status_code == 400
    assert token == "" or token not in answer.text


def asked(name: str, private: Any, public: Any, token: str, salt: bytes | None) -> dict[str, Any]:
    """An honest body around the token, for the route of that name."""
    match name:
        case "enrol" | "agent_enroll":
            return enrolment(private, public, token)
        case "ssh_renew":
            return {"ott": token}
        case "ssh_rekey":
            return {"ott": token, "publicKey": b64(public.blob), "proof": b64(possession(private, token))}
        case "ssh_revoke":
            return {"ott": token, "serial": shown_serial(token), "passive": True, "reasonCode": 1}
    return signing(private, public, token, salt, name)


def shown_serial(token: str) -> str:
    parts = token.split(".")
    if len(parts) != 3 or not parts[2]:
        return "1"
    serial = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))["sub"]
    return str(serial) if str(serial).isdigit() else "1"


def shown_key(token: str) -> Any:
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    return Certificate.parse(base64.b64decode(header["sshpop"])).public_key


def in_lines(text: str) -> dict[str, Any]:
    """The agent's answer as that of `enrol`."""
    lines = dict(line.split(" ", 1) for line in text.splitlines()[1:-1])
    return {"certificates": [lines["certificate"].split()[1]]}


def judge(body: dict[str, Any], name: str, public: Any) -> None:
    """What was issued is for that very key and of the right kind."""
    blob = base64.b64decode(body["crt"] if "crt" in body else body["certificates"][0])
    certificate = Certificate.parse(blob)
    certificate.verify_signature()
    assert certificate.public_key == public
    assert certificate.type is (CertType.USER if name in ("ssh_sign", "sign") else CertType.HOST)
    assert certificate.principals


def named(name: str) -> Route:
    return next(route for route in ROUTES if route.name == name)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", OPEN_ROUTES)
def test_an_open_route_answers_everyone_alike(company: Company, name: str, state: str) -> None:
    token, _ = SHOWN[state](company, key()[1], os.urandom(32))
    path = named(name).path.replace("{sha}", company.fingerprint).replace("{kid}", "k")
    method, keys = named(name).method, {"keys": [b64(key()[1].blob)]}
    body = keys if method == "POST" else None
    plain = company.web.request(method, path, json=body)
    shown = company.web.request(method, path, json=body, headers={"authorization": f"Bearer {token}".strip()})
    assert plain.status_code == shown.status_code == OPEN_ROUTES[name]
    if name not in ("ca", "host_challenge"):  # these tell the time
        assert shown.content == plain.content


@pytest.mark.parametrize("name", PASS_ROUTES)
def test_a_route_for_a_day_pass_opens_for_that_and_nothing_else(company: Company, name: str) -> None:
    route, (status, body) = named(name), PASS_ROUTES[name]

    def call(header: str | None) -> int:
        headers = {"authorization": header} if header is not None else {}
        return company.web.request(route.method, route.path, content=body, headers=headers).status_code

    token, _ = SHOWN["person"](company, key()[1], os.urandom(32))
    for header in (None, "", "Daypass", f"Bearer {token}", f"Daypass {token}", "Basic cm9vdDpyb290"):
        assert call(header) == 401
    assert call(company.host().header(route.method, route.path, body)) == 401
    whose = company.person("leaver" if name == "my_leave" else "alice-1")  # no sign-in from before is good any more
    assert call(whose.header(route.method, route.path, body)) == status


@pytest.mark.parametrize("name", HOST_ROUTES)
def test_a_route_for_hosts_opens_for_a_hosts_certificate_and_nothing_else(company: Company, name: str) -> None:
    route, (status, body) = named(name), HOST_ROUTES[name]
    host, person = company.host(), company.person()

    def call(header: str | None) -> int:
        headers = {"authorization": header} if header is not None else {}
        with company.web.stream(route.method, route.path, content=body, headers=headers) as answer:
            return answer.status_code  # of one that has no end, too

    token, _ = SHOWN["a host's token"](company, key()[1], os.urandom(32))
    for header in (None, "", "Daypass-Host", f"Bearer {token}", f"Daypass-Host {token}", "Basic cm9vdDpyb290"):
        assert call(header) == 401
    for holder, kind, namespace in (
        (person, PassProof, REQUEST_NAMESPACE),
        (person, HostProof, HOST_REQUEST_NAMESPACE),
        (host, PassProof, REQUEST_NAMESPACE),
        (host, HostProof, REQUEST_NAMESPACE),
    ):
        assert call(holder.header(route.method, route.path, body, kind=kind, namespace=namespace)) == 401
    assert call(host.host_header(route.method, route.path, body)) == status


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.access is not Access.HOST], ids=lambda r: r.name
)
def test_a_hosts_certificate_opens_no_other_route(company: Company, route: Route) -> None:
    holder, body = company.host(), b"{}" if route.body is not None else b""
    for path in app.paths(route):
        where = path.replace("{sha}", company.fingerprint).replace("{kid}", "k")
        plain = company.web.request(route.method, where, content=body)
        header = holder.host_header(route.method, where, body)
        shown = company.web.request(route.method, where, content=body, headers={"authorization": header})
        assert plain.status_code == shown.status_code


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.access is not Access.PASS], ids=lambda r: r.name
)
def test_a_day_pass_opens_no_other_route(company: Company, route: Route) -> None:
    """CVE-2026-30836, and trust 4.2: over a forwarded agent anybody's host can make such a proof."""
    holder, body = company.person(), b"{}" if route.body is not None else b""
    for path in app.paths(route):
        where = path.replace("{sha}", company.fingerprint).replace("{kid}", "k")
        plain = company.web.request(route.method, where, content=body)
        shown = company.web.request(
            route.method, where, content=body, headers={"authorization": holder.header(route.method, where, body)}
        )
        assert plain.status_code == shown.status_code
        if route.access is Access.PAGE:  # nobody's power; test_access_pages has its table
            continue
        if route.access is not Access.ADMIN:  # there it is the wrong thing to show, and that is said
            assert _code(plain) == _code(shown)
        if route.access is not Access.OPEN:
            assert shown.status_code in (400, 401, 404)


def _code(answer: httpx2.Response) -> object:
    return answer.json().get("code") if answer.headers["content-type"] == "application/json" else None


def test_the_socket_makes_tokens_that_enrol_a_host_of_that_name(company: Company) -> None:
    """Whom the socket serves is test_sockets.py's table: uid 0, its own, others."""
    made = company.local.post(named("join_token").path, json={"name": "db-1.example.com", "lifetime": 60})
    assert made.status_code == 201, made.text
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
    "route", [route for route in ROUTES if route.access is not Access.ADMIN], ids=lambda r: r.name
)
def test_a_public_route_is_not_there_on_the_administration_socket(company: Company, route: Route) -> None:
    for path in app.paths(route):
        assert company.local.request(route.method, path).status_code == 404
