"""A provider, tried: each thing that would keep people from signing in is named, with what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from email.utils import formatdate

import pytest
from tests.parts.op import DISCOVERY, DOWN, JWKS, Answer, Op, redirect
from tests.provisioners.desk import open_desk

from daypass.ca.ports import Finding


def tried(op: Op, **section: object) -> Sequence[Finding]:
    with open_desk(op, **section) as desk:
        desk.clock.time = time.time()
        return desk.runner.run(desk.provisioner.test())


def test_a_provider_that_is_well_is_told_as_such(op: Op) -> None:
    found = tried(op)
    assert [each.what for each in found if not each.ok] == []
    said = "\n".join(each.what for each in found)
    for word in (f"it calls itself {op.issuer}", "signs by RS256", "1 key(s) for RS256", "its clock"):
        assert word in said


def metadata(**change: object) -> Callable[[Op], None]:
    return lambda op: op.metadata.update(change)


def answers(path: str, answer: Answer) -> Callable[[Op], None]:
    return lambda op: op.answers.update({path: answer})


WRONG: dict[str, tuple[Callable[[Op], None], dict[str, object], str]] = {
    "down": (answers(DISCOVERY, DOWN), {}, "can't be had"),
    "an error": (answers(DISCOVERY, Answer(status=503, body=b"")), {}, "answered with status 503"),
    "elsewhere": (answers(DISCOVERY, redirect("https://evil.example.com/")), {}, "answered with status 302"),
    "no JSON": (answers(DISCOVERY, Answer(body=b"<html>")), {}, "not well-formed JSON"),
    "another issuer": (metadata(issuer="https://other.example.com"), {}, 'calls itself "https://other.example.com"'),
    "no token endpoint": (metadata(token_endpoint=None), {}, "its token_endpoint is missing"),
    "an unsafe endpoint": (metadata(token_endpoint="http://192.0.2.1/t"), {}, "no https URL"),
    "no userinfo": (metadata(), {"groups_from": "userinfo"}, "its userinfo_endpoint is missing"),
    "no device grant": (
        metadata(device_authorization_endpoint=None), {"device_client_id": "d"}, "its device_authorization_endpoint",
    ),
    "other signatures": (
        metadata(id_token_signing_alg_values_supported=["HS256", "RS512"]), {}, "none of that is in algorithms",
    ),
    "PKCE in plain": (metadata(code_challenge_methods_supported=["plain"]), {}, "it knows PKCE by plain only"),
    "a scope it has not": (
        metadata(scopes_supported=["openid", "email", "profile"]),
        {"scopes": ["openid", "email", "groups"]}, "scopes has groups",
    ),
    "a class it has not": (metadata(acr_values_supported=["1"]), {"acr_values": ["2"]}, "acr_values has 2"),
    "no keys": (answers(JWKS, DOWN), {}, "its keys can't be had"),
    "no usable key": (answers(JWKS, Answer(body=b'{"keys": []}')), {}, "has no key for RS256"),
    "nowhere for keys": (metadata(jwks_uri="file:///etc/passwd"), {}, "its jwks_uri is"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_the_one_thing_that_is_named(op: Op, what: str) -> None:
    change, section, said = WRONG[what]
    change(op)
    (problem,) = [each for each in tried(op, **section) if not each.ok]
    assert said in problem.what and problem.hint


@pytest.mark.parametrize(
    ("ahead", "ok", "said"),
    [(0, True, "agrees"), (30, True, "30 s ahead"), (120, False, "120 s ahead"), (-120, False, "120 s behind")],
)
def test_a_clock_that_is_off_is_told_by_how_much(op: Op, ahead: int, ok: bool, said: str) -> None:
    now = int(time.time())
    op.answers[DISCOVERY] = Answer(headers={"Date": formatdate(now + ahead, usegmt=True)})
    with open_desk(op) as desk:
        desk.clock.time = now
        found = desk.runner.run(desk.provisioner.test())
    assert (found[-1].ok, said in found[-1].what) == (ok, True)


def test_a_date_that_is_none_is_no_clock(op: Op) -> None:
    op.answers[DISCOVERY] = Answer(headers={"Date": "yesterday"})
    assert all(each.ok and "clock" not in each.what for each in tried(op))


def test_a_test_keeps_nothing_and_asks_anew_each_time(op: Op) -> None:
    with open_desk(op) as desk:
        desk.clock.time = time.time()
        for times in (1, 2):
            desk.runner.run(desk.provisioner.test())
            assert op.hits[JWKS] == times
