"""Every administrative route, and everybody who could call it, on a whole CA (trust 4).

A route that is missing from the table fails the suite, and so does one that answers where the table says it must not.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.types import Message
from tests.ca.acting import shown
from tests.server.company import CAPABILITIES, Company, enrolment
from tests.server.kit import key

from daypass.api import ROUTES, Access, Route
from daypass.errors import Unavailable
from daypass.model import HostFacts
from daypass.server import app


class Row(NamedTuple):
    """An honest `body`; whose capability opens the route ("": any operator's); the answer's status by a sign-in, and
    at the socket. The bodies are about what does not exist, where they can be: 404 says that it was looked for."""

    body: str
    capability: str
    status: int
    root: int
    also: str = ""  # a second capability that it takes


WHOM = '{"person":"#9999","reason":"gone"}'
REQUEST = '{"id":"0000","digest":"00"}'
ADMIN_ROUTES = {
    "approvals": Row("{}", "", 200, 200),
    "approve": Row(REQUEST, "", 404, 404),
    "config_diff": Row('{"old":9999}', "audit", 404, 404),
    "config_log": Row("{}", "audit", 200, 200),
    "config_publish": Row('{"toml":"","base":1}', "configure", 202, 400),
    "config_rollback": Row('{"version":9999,"base":1}', "configure", 202, 404),
    "config_show": Row('{"version":9999}', "audit", 404, 404),
    "ending_follow": Row('{"ending":"eaaaaaaaaaa"}', "", 404, 404),
    "ending_show": Row('{"ending":"eaaaaaaaaaa"}', "audit", 404, 404),
    "endings": Row("{}", "audit", 200, 200),
    "explain": Row('{"who":"#9999","account":"root","host":"no.example.com"}', "audit", 404, 404),
    "scim_token_create": Row('{"provider":"idp","lifetime":3600}', "configure", 404, 404),
    "scim_token_list": Row("{}", "audit", 200, 200),
    "scim_token_revoke": Row('{"id":"0123456789ab","reason":"test"}', "configure", 404, 404),
    "fleet_logins": Row("{}", "audit", 200, 200),
    "host_list": Row("{}", "audit", 200, 200),
    "host_remove": Row('{"name":"web-99.example.com","reason":"gone"}', "token:web-*", 404, 404, also="revoke"),
    "host_replace": Row('{"name":"web-99.example.com"}', "token:web-*", 404, 404),
    "host_show": Row('{"host":"web-99.example.com"}', "audit", 404, 404),
    "join_token": Row('{"name":"web-1.example.com"}', "token:web-*", 201, 201),
    "join_tokens": Row('{"hosts":[{"name":"web-1.example.com"}]}', "token:web-*", 201, 201),
    "ledger": Row('{"limit":1}', "audit", 200, 200),
    "lock": Row(WHOM, "lock", 404, 404),
    "person_link": Row('{"person":"#9999","identity":"idp:x"}', "persons", 202, 404),
    "person_list": Row("{}", "audit", 200, 200),
    "person_rename": Row('{"person":"#9999","name":"other"}', "persons", 404, 404),
    "person_reserve": Row('{"name":"No Name"}', "persons", 400, 400),
    "person_show": Row('{"person":"#9999"}', "audit", 404, 404),
    "policy_diff": Row('{"document":"{}"}', "audit", 400, 400),
    "provisioner_list": Row("{}", "audit", 200, 200),
    "provisioner_test": Row('{"name":"nothing"}', "audit", 404, 404),
    "refuse": Row(REQUEST, "", 404, 404),
    "release": Row('{"ending":"e0"}', "revoke", 409, 409),
    "revoke": Row('{"serials":[1],"reason":"leaked"}', "revoke", 404, 404),
    "session_end": Row('{"session":"000000000000"}', "revoke", 404, 404),
    "sessions": Row("{}", "audit", 200, 200),
    "token_list": Row("{}", "audit", 200, 200),
    "token_revoke": Row('{"id":"00","reason":"leaked"}', "revoke", 404, 404),
    "unlock": Row(WHOM, "unlock", 202, 404),
    "who": Row('{"account":"root","host":"no.example.com"}', "audit", 404, 404),
}
NAMES = sorted(ADMIN_ROUTES)


def named(name: str) -> Route:
    return next(route for route in ROUTES if route.name == name)


def signed_in(company: Company, route: Route, group: str, **changes: Any) -> str:
    """The header of somebody of that group."""
    sub = f"op-{group.partition(':')[0]}"
    given = {"path": route.path, "body": ADMIN_ROUTES[route.name].body.encode(), "groups": [group], "sub": sub}
    return shown(company.op, **(given | {"email": f"{sub}@example.com"} | changes)).header()


def call(company: Company, route: Route, header: str | None) -> Any:
    headers = {"authorization": header} if header is not None else {}
    return company.web.post(route.path, content=ADMIN_ROUTES[route.name].body, headers=headers)


def test_every_administrative_route_is_in_the_table_and_takes_a_body_by_post() -> None:
    routes = [route for route in ROUTES if route.access is Access.ADMIN]
    assert {route.name for route in routes} == set(ADMIN_ROUTES)
    for route in routes:
        assert (route.method, route.path) == ("POST", f"/v1/admin/{route.name}") and route.body is not None
        assert route.capability.partition(":")[0] == ADMIN_ROUTES[route.name].capability.partition(":")[0]


@pytest.mark.parametrize("name", NAMES)
def test_each_capability_opens_what_it_is_for_and_nothing_else(company: Company, name: str) -> None:
    route, row = named(name), ADMIN_ROUTES[name]
    for capability in CAPABILITIES:
        answer = call(company, route, signed_in(company, route, capability))
        expected = row.status if row.capability in ("", capability) and not row.also else 403
        assert answer.status_code == expected, (capability, answer.text)
    if row.also:
        both = signed_in(company, route, row.capability, groups=[row.capability, row.also])
        assert call(company, route, both).status_code == row.status


Wrong = Callable[[Company, Route, str], str | None]


def _replayed(company: Company, route: Route, group: str) -> str:
    header = signed_in(company, route, group)
    call(company, route, header)
    return header


OLD = int(time.time()) - 7200
NOBODY: dict[str, tuple[Wrong, int]] = {
    "nobody": (lambda company, route, _group: signed_in(company, route, "engineers"), 403),
    "without any header": (lambda *_: None, 401),
    "garbage": (lambda *_: "Daypass-Act garbage", 401),
    "a bearer token": (lambda company, *_: f"Bearer {company.op.mint()}", 401),
    "a day pass": (
        lambda company, route, _: company.person().header("POST", route.path, ADMIN_ROUTES[route.name].body.encode()),
        401,
    ),
    "a host's key": (
        lambda company, route, _: company.host().header("POST", route.path, ADMIN_ROUTES[route.name].body.encode()),
        401,
    ),
    "a sign-in for a login": (lambda company, route, group: signed_in(company, route, group, act=b"login"), 401),
    "a sign-in for another route": (
        lambda company, route, group: signed_in(company, route, group, path="/v1/admin/other"), 401,
    ),
    "a sign-in for another body": (lambda company, route, group: signed_in(company, route, group, body=b" {}"), 401),
    "a sign-in at another CA": (
        lambda company, route, group: signed_in(company, route, group, ca_id=os.urandom(32)), 401,
    ),
    "somebody else's key": (
        lambda company, route, group: signed_in(company, route, group, signs=Ed25519PrivateKey.generate()), 401,
    ),
    "a sign-in of before": (
        lambda company, route, group: signed_in(company, route, group, iat=OLD, exp=OLD + 300, auth_time=OLD), 401,
    ),
    "a sign-in by a cookie": (
        lambda company, route, group: signed_in(company, route, group, auth_time=int(time.time()) - 900), 401,
    ),
    "a sign-in that was used": (_replayed, 401),
}  # fmt: skip


@pytest.mark.parametrize("how", NOBODY)
@pytest.mark.parametrize("name", NAMES)
def test_whatever_else_is_shown_opens_nothing(company: Company, name: str, how: str) -> None:
    make, status = NOBODY[how]
    route = named(name)
    group = ADMIN_ROUTES[name].capability or "audit"
    answer = call(company, route, make(company, route, group))
    assert answer.status_code == status, answer.text
    assert answer.json()["hint"]


@pytest.mark.parametrize("name", NAMES)
def test_the_socket_is_roots_and_the_ca_s_own(company: Company, name: str) -> None:
    for uid, status in ((0, ADMIN_ROUTES[name].root), (1234, ADMIN_ROUTES[name].root), (1235, 403), (None, 403)):
        assert at_socket(company, named(name), uid) == status, uid


def at_socket(company: Company, route: Route, uid: int | None) -> int:
    """The answer to a process of that uid, of a CA that runs as 1234."""
    admin = app.build_admin(company.heart.authority, own_uid=1234)
    scope: dict[str, Any] = {"type": "http", "method": route.method, "path": route.path, "headers": []}
    scope |= {"query_string": b"", "extensions": {"daypass.peer": {"uid": uid}} if uid is not None else {}}
    sent = list[Message]()

    async def receive() -> Message:
        return {"type": "http.request", "body": ADMIN_ROUTES[route.name].body.encode()}

    async def send(message: Message) -> None:
        sent.append(message)

    company.wait(admin(scope, receive, send))
    status: int = sent[0]["status"]
    return status


def test_an_auditor_reads_everything_and_changes_nothing(company: Company) -> None:
    before = entries(company)[-1]["seq"]
    for name in NAMES:
        route = named(name)
        answer = call(company, route, signed_in(company, route, "audit", sub="auditor-1"))
        reads = ADMIN_ROUTES[name].capability in ("", "audit")
        assert (answer.status_code != 403) is reads
    left = [each for each in entries(company) if each["seq"] > before]
    assert {each["actor"] for each in left} == {"idp:auditor-1"}
    read = {f"admin.{name}" for name in NAMES if ADMIN_ROUTES[name].capability in ("", "audit")}
    assert {each["act"] for each in left} == read | {"admin.deny"}


def entries(company: Company) -> list[dict[str, Any]]:
    found = company.wait(company.heart.store.ledger(0, 100_000))
    return [json.loads(row.entry) for row in found]


def test_who_gives_a_host_an_address_may_give_addresses(company: Company) -> None:
    """Whoever ssh takes for 10.0.0.7 has its sessions, whatever the host's name is."""
    body = {"name": "web-30.example.com", "addresses": ["10.9.9.9"]}
    refused = act(company, "join_token", "olga", "token:web-*", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "operator.capability")
    assert entries(company)[-1]["needs"] == ["token:web-30.example.com", "token:10.9.9.9"]


WEB = {"name": "web-34.example.com"}
DB = "db-34.example.com"


@pytest.mark.parametrize(
    ("name", "body", "needs"),
    [
        ("join_token", WEB | {"aliases": [DB]}, DB),
        ("join_token", {"patterns": ["web-*", "db-*"]}, "db-*"),
        ("join_tokens", {"hosts": [WEB, WEB | {"aliases": [DB]}]}, DB),
        ("join_tokens", {"hosts": [WEB, {"name": DB}]}, DB),
        ("token_revoke", {"name": DB, "reason": "lost"}, DB),
        ("token_revoke", WEB | {"id": "0123456789abcdef", "reason": "lost"}, ""),
    ],
)
def test_a_token_takes_the_capability_for_every_name_it_is_about(
    company: Company, name: str, body: dict[str, Any], needs: str
) -> None:
    refused = act(company, name, "olga", "token:web-*", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "operator.capability")
    assert entries(company)[-1]["needs"][-1] == (f"token:{needs}" if needs else "revoke")


@pytest.mark.parametrize(
    ("name", "status", "more"), [("host_replace", 201, {}), ("host_remove", 200, {"reason": "gone"})]
)
def test_who_frees_or_passes_on_a_host_s_names_may_give_all_of_them(
    company: Company, name: str, status: int, more: dict[str, Any]
) -> None:
    for each, alias in (("web-31.example.com", "web-32.example.com"), ("web-33.example.com", "db-33.example.com")):
        token = company.wait(company.heart.authority.tokens.make(HostFacts(each, (alias,)), 600, "test"))[0]
        private, public = key()
        company.web.post("/v1/host/enroll", json=enrolment(private, public, token))
    groups = "token:web-* revoke"
    refused = act(company, name, "olga", groups, {"name": "web-33.example.com"} | more)
    assert (refused.status_code, refused.json()["code"]) == (403, "operator.capability")
    assert entries(company)[-1]["needs"] == ["token:db-33.example.com"]
    assert {each["name"] for each in hosts(company)} >= {"web-31.example.com", "web-33.example.com"}
    assert act(company, name, "olga", groups, {"name": "web-31.example.com"} | more).status_code == status


def hosts(company: Company) -> list[dict[str, Any]]:
    return [json.loads(line) for line in company.local.post(named("host_list").path, content=b"{}").text.splitlines()]


# -- two persons ----------------------------------------------------------------------------------------------


def act(company: Company, name: str, who: str, groups: str, body: dict[str, Any]) -> Any:
    """By a sign-in of `who`, in these groups, for exactly this."""
    path, content = named(name).path, json.dumps(body).encode()
    proof = shown(company.op, path, content, sub=who, email=f"{who}@example.com", groups=groups.split())
    return company.web.post(path, content=content, headers={"authorization": proof.header()})


def test_two_persons_let_somebody_in_again(company: Company) -> None:
    company.person("dora")
    assert act(company, "lock", "olga", "lock", {"person": "dora", "reason": "lost"}).status_code == 200
    asked = act(company, "unlock", "olga", "unlock", {"person": "dora", "reason": "found"})
    assert asked.status_code == 202, asked.text
    pending = asked.json()
    word = {"id": pending["id"], "digest": pending["digest"]}
    listed = act(company, "approvals", "otto", "unlock", {}).json()["acts"]
    shown_to_otto = next(each for each in listed if each["id"] == pending["id"])
    assert json.loads(shown_to_otto["body"]) == {"person": "dora", "reason": "found"}
    assert (shown_to_otto["asked_by"], shown_to_otto["digest"]) == ("olga@example.com", pending["digest"])
    for who, group, status in (
        ("olga", "unlock", 403), ("olga", "approve:unlock", 403), ("otto", "audit", 403), ("otto", "lock", 403),
    ):  # fmt: skip
        assert act(company, "approve", who, group, word).status_code == status
    assert act(company, "approve", "otto", "unlock", word | {"digest": "00" * 32}).status_code == 409
    done = act(company, "approve", "otto", "approve:unlock", word)
    assert (done.status_code, done.json()["actor"], done.json()["act"]) == (200, "idp:olga", "unlock"), done.text
    assert done.json()["answer"]["people"][0]["login"] == "dora"
    assert act(company, "approve", "oscar", "unlock", word).status_code == 409
    company.person("dora", later=True)
    entry = next(each for each in reversed(entries(company)) if each["act"] == "admin.unlock")
    assert (entry["actor"], entry["approved_by"], entry["request"]) == ("idp:olga", "idp:otto", pending["id"])


def test_what_fails_when_it_is_approved_is_not_done_later(company: Company) -> None:
    asked = act(company, "unlock", "olga", "unlock", {"person": "#9999", "reason": "found"}).json()
    word = {"id": asked["id"], "digest": asked["digest"]}
    assert act(company, "approve", "otto", "unlock", word).status_code == 404
    again = act(company, "approve", "otto", "unlock", word)
    assert (again.status_code, again.json()["code"]) == (409, "approval.decided")
    assert "failed" in again.json()["message"]


def test_one_s_own_request_can_be_withdrawn(company: Company) -> None:
    asked = act(company, "unlock", "olga", "unlock", {"person": "#9999", "reason": "found"}).json()
    word = {"id": asked["id"], "digest": asked["digest"]}
    assert act(company, "refuse", "olga", "unlock", word).status_code == 200
    assert act(company, "approve", "otto", "unlock", word).status_code == 409


def test_root_approves_what_an_operator_has_asked_for(company: Company) -> None:
    company.person("dirk")
    act(company, "lock", "olga", "lock", {"person": "dirk", "reason": "lost"})
    asked = act(company, "unlock", "olga", "unlock", {"person": "dirk", "reason": "found"}).json()
    word = {"id": asked["id"], "digest": asked["digest"]}
    done = company.local.post(named("approve").path, json=word)
    assert done.status_code == 200, done.text


# -- the ledger, which is as long as it is --------------------------------------------------------------------


def test_the_ledger_comes_whole_and_as_it_was_recorded(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.server.administration.PAGE", 3)
    company.person("erin")
    answer = company.local.post(named("ledger").path, json={"after": 1})
    assert answer.headers["content-type"] == "application/jsonl" and answer.headers["cache-control"] == "no-store"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    rows = company.wait(company.heart.store.ledger(1, 100_000))
    assert [base64.b64decode(line["entry"]) for line in lines] == [row.entry for row in rows]
    assert [base64.b64decode(line["hash"]) for line in lines] == [row.hash for row in rows]


def test_a_part_of_the_ledger_is_not_taken_for_the_whole(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database goes away on the way: the connection ends in the middle, and the reader is told."""
    read, calls = company.heart.authority.ledger, list[int]()

    async def failing(after: int, limit: int) -> Any:
        calls.append(after)
        if len(calls) > 2:
            raise Unavailable("the database is gone")
        return await read(after, 2)

    monkeypatch.setattr(company.heart.authority, "ledger", failing)
    with pytest.raises(httpx2.RemoteProtocolError):
        company.local.post(named("ledger").path, json={})
    assert company.local.post(named("approvals").path, json={}).status_code == 200


def test_two_sign_ins_shown_for_one_call_are_none(company: Company) -> None:
    """Which one was judged, and which one another part of the way read, must not differ."""
    route = named("approvals")
    pair = [signed_in(company, route, "audit"), signed_in(company, route, "engineers")]
    for shown_both in (pair, pair[::-1]):
        headers = [("authorization", each) for each in shown_both]
        assert company.web.post(route.path, content=b"{}", headers=headers).status_code == 401
