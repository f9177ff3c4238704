"""Every refusal of a person is on the record, once, by the rule that they were shown and that explain names."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from daypass.ca.asking import askers
from daypass.ca.explain import explain
from daypass.ca.few import PER_PERSON, WINDOW
from daypass.errors import DaypassError, Denied, Invalid
from daypass.model import Credential
from tests.ca.heart import ENGINEERS, Heart, MovingClock, new_key
from tests.ca.people import asker, host

Play = Callable[..., None]
LONG_AGO = ["sun 00:00-00:05 UTC"]


async def refusals(ca: Heart) -> list[dict[str, Any]]:
    rows = [json.loads(row.entry) for row in await ca.store.ledger(0, 1000)]
    return [row for row in rows if row["act"] == "certificate.deny"]


async def refused(ca: Heart, role: str = "", **claims: Any) -> Denied:
    key, salt = new_key(), os.urandom(32)
    with pytest.raises(Denied) as raised:
        await ca.issue(Credential(ca.token(key, salt, **claims), (key,), salt=salt), role=role)
    return raised.value


NARROW = replace(ENGINEERS, name="narrow", groups=["dba"], accounts=["sql"], day_pass=False)
CASES: list[tuple[str, dict[str, Any], dict[str, Any], str, str, str]] = [
    ("no group", {}, {"groups": ["sales"]}, "policy.no-role", "engineers", "groups"),
    ("no acr", {"acr": ["gold"]}, {}, "policy.role.acr", "engineers", "acr"),
    ("no amr", {"amr": ["hwk"]}, {"amr": ["pwd"]}, "policy.role.amr", "engineers", "amr"),
    ("no claim", {"claims": {"team": ["a"]}}, {"team": "b"}, "policy.no-role", "engineers", "claims.team"),
    ("too old", {"max_auth_age": "1m"}, {"auth_time": 1_000_000_000}, "policy.role.age", "engineers", "max_auth_age"),
]


@pytest.mark.parametrize(("_name", "role", "claims", "code", "name", "key"), CASES, ids=[case[0] for case in CASES])
def test_answer_ledger_and_explain_name_the_same_rule(
    play: Play, _name: str, role: dict[str, Any], claims: dict[str, Any], code: str, name: str, key: str
) -> None:
    async def scenario(ca: Heart) -> None:
        error = await refused(ca, **claims)
        [entry] = await refusals(ca)
        assert (error.code, error.role, error.condition) == (code, name, key)
        assert (entry["code"], entry["role"], entry["condition"]) == (code, name, key)
        assert entry["why"] == error.message and entry["actor"] == "idp:alice-1"
        policy = ca.authority.force.current.policy
        facts: dict[str, Any] = {each: claims[each] for each in ("auth_time",) if each in claims}
        facts |= {"amr": tuple(claims.get("amr", ())), "claims": {"team": claims.get("team", "")}}
        who = asker(*claims.get("groups", ["engineers"]), issuer=ca.op.issuer, **facts)
        answer = explain(policy, who, "alice", "web-1", host(), int(ca.clock.now()))
        assert answer.missed is not None
        assert (answer.code, answer.missed.role, answer.missed.key) == (code, name, key)
        assert answer.message == error.message and answer.hint == error.hint

    play(scenario, roles=[replace(ENGINEERS, **role)])


def test_a_role_that_is_asked_for_alone_is_the_one_that_is_named(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        error = await refused(ca, role="narrow")
        [entry] = await refusals(ca)
        assert (entry["code"], entry["role"], entry["asked"]) == (error.code, "narrow", "narrow")
        assert error.code == "policy.role.groups"
        await refused(ca, role="x" * 60)
        assert "asked" not in (await refusals(ca))[1]

    play(scenario, roles=[ENGINEERS, NARROW])


def test_a_locked_person_stands_there_as_themselves(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in()
        [person] = await ca.store.people()
        found = person.identities[0]
        await ca.store.lock_person(found.issuer, found.subject, reason="x", actor="uid:0", now=int(ca.clock.now()))
        error = await refused(ca)
        [entry] = await refusals(ca)
        assert entry["code"] == error.code == "policy.locked"
        [person] = await ca.store.people()
        [who] = askers(person, int(ca.clock.now()))
        policy = ca.authority.force.current.policy
        assert explain(policy, who, "alice", "web-1", host(), int(ca.clock.now())).code == "policy.locked"

    play(scenario)


def test_one_sign_in_is_refused_on_the_record_once(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        key, salt = new_key(), os.urandom(32)
        credential = Credential(ca.token(key, salt, groups=[]), (key,), salt=salt)
        for _ in range(3):
            with pytest.raises(Denied):
                await ca.issue(credential)
        assert len(await refusals(ca)) == 1

    play(scenario)


def test_whoever_signs_in_again_and_again_fills_no_ledger(play: Play) -> None:
    clock = MovingClock()

    async def scenario(ca: Heart) -> None:
        for _ in range(PER_PERSON + 3):
            await refused(ca, groups=[])
        noted = await refusals(ca)
        assert len(noted) == PER_PERSON and "more" in noted[-1] and "more" not in noted[-2]
        await refused(ca, groups=[], sub="bob", email="bob@example.com")
        assert len(await refusals(ca)) == PER_PERSON + 1
        clock.later = WINDOW + 1
        now = int(ca.clock.now())
        await refused(ca, groups=[], iat=now, auth_time=now, exp=now + 300)
        assert len(await refusals(ca)) == PER_PERSON + 2

    play(scenario, clock=clock)


def test_what_a_provider_says_makes_no_entry_long(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await refused(ca, groups=[f"\x1b[2J{n}" + "x" * 200 for n in range(20)], email=f"{'a' * 60}@example.com")
        [row] = [row for row in await ca.store.ledger(0, 100) if row.act == "certificate.deny"]
        assert len(row.entry) < 1500 and b"\\u001b" not in row.entry

    play(scenario)


def test_a_request_that_is_nonsense_is_no_refusal(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        key, salt = new_key(), os.urandom(32)
        with pytest.raises(Invalid):
            await ca.issue(Credential(ca.token(key, salt), (key,), salt=salt), lifetime=-5)
        assert await refusals(ca) == []

    play(scenario)


def test_a_refusal_is_told_even_where_it_can_not_be_written(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(ca: Heart) -> None:
        async def down(*_: object, **__: object) -> None:
            raise DaypassError("the database is down")

        monkeypatch.setattr(ca.store, "spend", down)
        assert (await refused(ca, groups=[])).code == "policy.no-role"

    play(scenario)
