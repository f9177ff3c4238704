"""Every refusal of a person is on the record, once, by the rule that they were shown and that explain names."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from daypass.ca.asking import askers
from daypass.ca.explain import Asker, explain
from daypass.ca.few import PER_PERSON, WINDOW
from daypass.config import RoleSection
from daypass.errors import Conflict, DaypassError, Denied, Invalid
from daypass.model import Credential
from daypass.provisioners.oidc import OidcProvisioner
from tests.ca.heart import ENGINEERS, Heart, MovingClock, new_key
from tests.ca.people import asker, host
from tests.store.ends import lock_person

Play = Callable[..., None]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOSED = [f"{DAYS[(time.gmtime().tm_wday + 3) % 7]} 10:00-11:00 UTC"]  # neither today nor tomorrow


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


MANY = [replace(ENGINEERS, name=f"r{index}") for index in range(257)]
GIT = [replace(ENGINEERS, name=name, git={"git.example.com": f"name:{name}"}) for name in ("one", "two")]
RULES: list[tuple[str, list[RoleSection], dict[str, Any], str, str, str]] = [
    ("outside the window", [replace(ENGINEERS, windows=CLOSED)], {}, "policy.role.window", "engineers", "windows"),
    ("on another device", [replace(ENGINEERS, refuse_remote=True)], {"aud": "tv"},
     "policy.role.remote", "engineers", "refuse_remote"),
    ("a reserved name", [ENGINEERS], {"email": "root@example.com"}, "policy.reserved", "", ""),
    ("no login name", [ENGINEERS], {"email": "9lives@example.com"}, "policy.login-name", "", ""),
    ("a role's rest is too short", [replace(ENGINEERS, max_auth_age="1h")], {"auth_time": -3500},
     "policy.lifetime", "engineers", ""),
    ("a sign-in's rest is too short", [ENGINEERS], {"auth_time": -20 * 3600 + 60}, "policy.lifetime", "", ""),
    ("too many principals", MANY, {}, "policy.principals", "", ""),
    ("two names at a Git server", GIT, {}, "policy.git-names", "two", 'git."git.example.com"'),
    ("a name that is none there", [replace(ENGINEERS, git={"git.example.com": "claim:nick"})], {"nick": "a b"},
     "policy.git-name", "engineers", 'git."git.example.com"'),
]  # fmt: skip


@pytest.mark.parametrize(("_name", "roles", "claims", "code", "role", "key"), RULES, ids=[case[0] for case in RULES])
def test_whatever_the_rule_answer_ledger_and_explain_name_it(
    play: Play, _name: str, roles: list[RoleSection], claims: dict[str, Any], code: str, role: str, key: str
) -> None:
    """Explain is asked about the very person that signed in."""

    async def scenario(ca: Heart) -> None:
        now = int(ca.clock.now())
        said = claims | ({"auth_time": now + claims["auth_time"]} if "auth_time" in claims else {})
        error = await refused(ca, **said)
        [entry] = await refusals(ca)
        assert (error.code, error.role, error.condition) == (code, role, key)
        assert (entry["code"], entry["role"], entry["condition"], entry["why"]) == (code, role, key, error.message)
        who = await signed_in(ca, **said)
        answer = explain(ca.authority.force.current.policy, who, who.login or "x", "web-1", host(), now)
        if answer.yes:  # by one role alone
            assert answer.notes[0] == f"plain daypass login is refused: {error.message} ({code})"
            return
        assert (answer.code, answer.message, answer.hint) == (error.code, error.message, error.hint)
        if answer.missed is not None:
            assert (answer.missed.role, answer.missed.key) == (role, key)

    play(scenario, roles=roles, device_client_id="tv")


async def signed_in(ca: Heart, **claims: Any) -> Asker:
    key, salt = new_key(), os.urandom(32)
    [provisioner] = [each for each in ca.authority.force.current.provisioners if isinstance(each, OidcProvisioner)]
    return Asker(await provisioner.authenticate(Credential(ca.token(key, salt, **claims), (key,), salt=salt)))


def test_a_name_that_is_anothers_is_on_the_record_once_a_sign_in(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in()
        key, salt = new_key(), os.urandom(32)
        credential = Credential(ca.token(key, salt, sub="alice-2"), (key,), salt=salt)
        for _ in range(3):
            with pytest.raises(Conflict) as raised:
                await ca.issue(credential)
        [entry] = await refusals(ca)
        assert (entry["code"], entry["actor"], entry["role"]) == ("policy.name-taken", "idp:alice-2", "")
        assert entry["why"] == raised.value.message == 'the name "alice" belongs to someone else'
        assert "daypass person list --conflicts" in str(raised.value.hint)
        for _ in range(PER_PERSON + 3):
            with pytest.raises(Conflict):
                await ca.sign_in(sub="alice-2")
        assert len(await refusals(ca)) == PER_PERSON

    play(scenario)


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
        await lock_person(ca.store, found.issuer, found.subject, reason="x", actor="uid:0", now=int(ca.clock.now()))
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
