"""Who may push what, and what is made of whatever comes."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.server.inbound.directory import GROUP, PATCH, USER, Pushing, held, later, run_pushing, sign_in

from daypass.ca.scim_ports import Looked
from daypass.config import ProviderSection, ScimSection
from daypass.server.inbound.scim_body import known_part
from daypass.server.inbound.scim_models import MAX_BODY

SECRET = "hunter2-hunter2"
FUZZ = settings(max_examples=60, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def pushing() -> Iterator[Pushing]:
    with run_pushing() as found:
        yield found


def with_bearer(pushing: Pushing, value: str | None, where: str = "Users") -> httpx2.Response:
    headers = {"Authorization": value or ""} if value is not None else {}
    with httpx2.Client(verify=pushing.company.web_context, trust_env=False) as web:
        return web.get(f"{pushing.company.url}/scim/v2/{where}", headers=headers)


BAD = [None, "", "Bearer", "Bearer x", "Basic {token}", "Bearer {token}x", "Bearer {other}", "{token}",
       "Bearer dpscim_000000000000_" + "A" * 43, "Bearer " + "x" * 5000]  # fmt: skip


@pytest.mark.parametrize("where", ["Users", "ServiceProviderConfig", "Schemas", "nowhere", "Bulk", ""])
@pytest.mark.parametrize("value", BAD)
def test_without_its_bearer_there_is_nothing_to_see(pushing: Pushing, where: str, value: str | None) -> None:
    other = pushing.token[:-1] + ("A" if pushing.token[-1] != "A" else "B")
    sent = value.format(token=pushing.token, other=other) if value is not None else None
    answer = with_bearer(pushing, sent, where)
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/scim+json"


def test_a_bearer_that_was_taken_back_or_has_expired_opens_nothing(pushing: Pushing) -> None:
    tokens, clock = pushing.company.heart.authority.scim_tokens, pushing.company.heart.clock
    token, made = pushing.company.wait(tokens.make("idp", 600, "test"))
    assert with_bearer(pushing, f"Bearer {token.reveal()}").status_code == 200
    clock.later += 601
    try:
        assert with_bearer(pushing, f"Bearer {token.reveal()}").status_code == 401
    finally:
        clock.later -= 601
    pushing.company.wait(tokens.revoke(made.id, reason="test", actor="test"))
    assert with_bearer(pushing, f"Bearer {token.reveal()}").status_code == 401


def test_the_bearer_of_one_provider_never_touches_another_s_people(pushing: Pushing) -> None:
    company = pushing.company
    user = pushing.user("mine", "mine")
    section = company.heart.settings.providers[0]
    other = ProviderSection(
        name="other", issuer="https://other.example", client_id="x", scim=ScimSection(match="userName=sub")
    )
    roles = [replace(each, provider="idp") for each in company.heart.settings.roles]
    operators = [replace(each, provider="idp") for each in company.heart.settings.operators]
    company.wait(company.heart.publish(providers=[section, other], roles=roles, operators=operators))
    company.wait(company.heart.authority.force.look())
    token, _ = company.wait(company.heart.authority.scim_tokens.make("other", 600, "test"))
    headers = {"Authorization": f"Bearer {token.reveal()}"}
    with httpx2.Client(base_url=f"{company.url}/scim/v2/", verify=company.web_context, headers=headers) as web:
        assert web.get("Users").json()["totalResults"] == 0
        where = f"Users/{user['id']}"
        body = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}
        for answer in (web.get(where), web.delete(where), web.patch(where, json=body), web.put(where, json=user)):
            assert answer.status_code == 404, answer.text
        theirs = web.post("Users", json={"schemas": [USER], "userName": "mine", "externalId": "mine"})
        assert theirs.status_code == 201
        assert web.delete(f"Users/{theirs.json()['id']}").status_code == 204
    found = company.wait(company.heart.authority.directory.find("idp", Looked(types=("User",), id=user["id"])))
    assert found[0].active


def test_a_large_group_fits_and_what_nobody_sends_is_refused(pushing: Pushing) -> None:
    members = [{"value": f"{each:032x}"} for each in range(2_000)]
    body = {"schemas": [GROUP], "displayName": "everybody", "members": members}
    assert pushing.web.post("Groups", json=body).status_code == 201
    answer = pushing.web.post("Users", content=b'{"x":"' + b"x" * MAX_BODY + b'"}')
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"  # else its next request would meet a line that goes away
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


def test_passwords_and_extensions_are_dropped_unread(pushing: Pushing, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    more = {"password": SECRET, "PassWord": SECRET, "apiKey": SECRET, enterprise: {"employeeNumber": SECRET}}
    user = pushing.user("secretive", "secretive", **{**more, "schemas": [USER, enterprise]})
    where = f"Users/{user['id']}"
    pushing.patch(where, {"op": "replace", "path": "password", "value": SECRET})
    pushing.patch(where, {"op": "add", "value": {"password": SECRET, "displayName": "S"}})
    pushing.patch(where, {"op": "add", "path": f"{enterprise}:department", "value": SECRET})
    bad = pushing.web.patch(
        where, json={"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active[", "value": SECRET}]}
    )
    broken = pushing.web.post("Users", content=json.dumps({"password": SECRET})[:-1])
    assert broken.status_code == 400
    found = pushing.web.get(where)
    assert found.json()["displayName"] == "S"
    rows = pushing.company.wait(pushing.company.heart.store.ledger(0, 100_000))
    ledger = b"".join(row.entry for row in rows).decode()
    for said in (found.text, bad.text, broken.text, ledger, caplog.text):
        assert SECRET not in said
    assert pushing.token not in caplog.text + ledger


def test_single_members_are_taken_out_the_way_entra_says_it(pushing: Pushing) -> None:
    users = [pushing.user(f"e{each}", f"e{each}")["id"] for each in range(3)]
    where = f"Groups/{pushing.group('team', *users)['id']}"
    pushing.patch(where, {"op": "Remove", "path": "members", "value": [{"value": users[0]}]})
    left = {each["value"] for each in pushing.web.get(where).json()["members"]}
    assert left == set(users[1:])
    pushing.patch(where, {"op": "Remove", "path": "members", "value": [{"value": "nobody"}]})
    assert len(pushing.web.get(where).json()["members"]) == 2


def test_a_search_by_post_keeps_its_question(pushing: Pushing) -> None:
    pushing.user("found", "found")
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": 'userName eq "FOUND"'}
    for where in ("Users/.search", ".search"):
        assert pushing.done("POST", where, body, 200)["totalResults"] == 1


def test_an_old_etag_changes_nothing(pushing: Pushing) -> None:
    user = pushing.user("etag", "etag")
    where, old = f"Users/{user['id']}", {"If-Match": user["meta"]["version"]}
    assert pushing.web.put(where, json={**user, "displayName": "A"}, headers=old).status_code == 200
    assert pushing.web.put(where, json={**user, "active": False}, headers=old).status_code == 412
    assert pushing.web.delete(where, headers=old).status_code == 412
    assert pushing.web.get(where).json()["active"] is True


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["User", USER, PATCH]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["schemas", "userName", "externalId", "active", "emails", "value", "Operations", "op", "path",
                         "members", "password", "id", "meta", "filter", "name", "displayName", "data", "method"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
WHERE = st.sampled_from(
    ["Users", "Groups", "Bulk", "Users/x", "Groups/x", "Users/.search", ".search", "Me", "Users/%00"]
)


@FUZZ
@given(method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "GET"]), where=WHERE, body=JSON)
def test_whatever_comes_the_answer_is_no_fault_of_ours(pushing: Pushing, method: str, where: str, body: Any) -> None:
    answer = pushing.web.request(method, where, content=json.dumps(body))
    assert answer.status_code < 500 or answer.status_code == 501, (method, where, body, answer.text)


@FUZZ
@given(query=st.text(max_size=40))
def test_whatever_is_asked_for_the_answer_is_no_fault_of_ours(pushing: Pushing, query: str) -> None:
    sent = query.encode("utf-8", "ignore").decode()
    for name in ("filter", "sortBy", "attributes", "startIndex", "count"):
        answer = pushing.web.get("Users", params={name: sent})
        assert answer.status_code < 500, (name, query, answer.text)


@FUZZ
@given(method=st.sampled_from(["POST", "PUT", "PATCH"]), where=WHERE, body=JSON)
def test_no_password_gets_past_the_body(method: str, where: str, body: Any) -> None:
    if where.endswith(".search") or where in ("Me",):
        return
    sent = {"password": SECRET, "Operations": [{"op": "add", "path": "password", "value": SECRET},
                                               {"op": "add", "value": {"password": SECRET}}], "x": body}  # fmt: skip
    if where == "Bulk":
        sent = {"Operations": [{"method": method, "path": "/Users", "data": sent}]}
    assert SECRET.encode() not in known_part(method, where, json.dumps(sent).encode())


def test_an_operator_s_unlock_stands_above_the_directory_until_it_says_something_new(pushing: Pushing) -> None:
    user = pushing.user("mistaken", "mistaken")
    where = f"Users/{user['id']}"
    assert sign_in(pushing, "mistaken", groups=["engineers"]).status_code == 201
    pushing.patch(where, {"op": "replace", "path": "active", "value": False})
    assert sign_in(pushing, "mistaken", groups=["engineers"]).status_code == 403
    answer = pushing.company.local.post("/v1/admin/unlock", json={"person": "idp:mistaken", "reason": "mistake"})
    assert answer.status_code == 200, answer.text
    pushing.patch(where, {"op": "replace", "path": "active", "value": False})  # nothing new
    assert sign_in(pushing, "mistaken", groups=["engineers"], **later(pushing)).status_code == 201
    pushing.delete(where)
    assert not any(held(pushing, "mistaken"))
    assert sign_in(pushing, "mistaken", groups=["engineers"]).status_code == 403
