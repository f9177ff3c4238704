"""Persons over a whole authority: linked identities, names that nobody gets, what operators are told."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.ca.host_ports import HostAccounts
from daypass.ca.person_ports import SYSTEM_ACCOUNT, ConflictRecord, NameRecord
from daypass.ca.persons import settling, told
from daypass.ca.policy import Policy
from daypass.config import RoleSection
from daypass.errors import Conflict, DaypassError, Denied, Invalid, NotFound, Unauthenticated
from daypass.model import Identity, Kind, OnceId, Proof, is_login_name
from tests.ca.heart import ENGINEERS, Heart, new_key
from tests.ca.samples import config

Play = Callable[..., None]
SAID: Any = {"reason": "she asked", "actor": "uid:0"}
ALICE: Any = {"sub": "alice-1", "email": "alice@example.com"}
OTHER: Any = {"sub": "alice-2", "email": "alice@example.com"}


def test_a_second_identity_is_refused_until_it_is_linked_and_then_has_the_same_login(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        first, _ = await ca.sign_in(**ALICE)
        with pytest.raises(Conflict) as caught:
            await ca.sign_in(**OTHER)
        assert caught.value.code == "policy.name-taken"
        (conflict,) = (await ca.authority.persons.overview()).conflicts
        assert settling(conflict)[0] == "daypass person link '#1' idp:alice-2"
        changed = await ca.authority.persons.link("#1", "idp:alice-2", merge=False, **SAID)
        assert changed.person is not None and len(changed.person.identities) == 2
        second, credential = await ca.sign_in(**OTHER)
        assert (second.login, second.certificates[0].principals) == ("alice", first.certificates[0].principals)
        assert (await ca.issue(credential)).again, "an honest retry, by the linked identity"
        assert not (await ca.authority.persons.overview()).conflicts

    play(scenario)


@pytest.mark.parametrize("who", [ALICE, OTHER], ids=["the first", "the linked"])
def test_who_is_locked_signs_in_by_no_identity_until_unlocked(play: Play, who: dict[str, object]) -> None:
    async def scenario(ca: Heart) -> None:
        issued, credential = await ca.sign_in(**ALICE)
        persons = ca.authority.persons
        await persons.link("alice", "idp:alice-2", merge=False, **SAID)
        locked = await ca.authority.endings.lock("idp:alice-2", **SAID)
        assert locked.ended.serials == (issued.certificates[0].serial,)
        with pytest.raises(Denied) as caught:
            await ca.sign_in(**who)
        assert caught.value.code == "policy.locked"
        await ca.authority.endings.unlock("alice", **SAID)
        with pytest.raises(Unauthenticated):
            await ca.issue(credential)  # what was revoked stays so
        ca.clock.later += 2
        now = int(ca.clock.now())
        assert (await ca.sign_in(**who, iat=now, auth_time=now))[0].login == "alice"

    play(scenario)


def test_a_retry_by_another_s_token_is_not_his(play: Play) -> None:
    """The same nonce, so the same one-time id and key; but it is somebody else who signed in."""

    async def scenario(ca: Heart) -> None:
        _, credential = await ca.sign_in(**ALICE)
        key, salt = credential.keys[0], credential.salt
        assert salt is not None
        other = ca.token(key, salt, sub="bob-1", email="bob@example.com")
        with pytest.raises(Unauthenticated, match="holds no longer"):
            await ca.issue(type(credential)(other, (key,), salt=salt))

    play(scenario, roles=[RoleSection(name="ops", hosts=["*"], groups=["engineers"], accounts=["deploy"])])


def test_after_a_rename_the_same_sign_in_has_the_new_name(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        issued, credential = await ca.sign_in(**ALICE)
        changed = await ca.authority.persons.rename("alice", "asmith", **SAID)
        assert changed.serials == (issued.certificates[0].serial,)
        with pytest.raises(Unauthenticated):
            await ca.issue(credential)
        again, _ = await ca.sign_in(**ALICE)
        assert again.login == "asmith"
        assert "role:engineers:asmith" in again.certificates[0].principals
        assert not any("alice" in each for each in again.certificates[0].principals)
        with pytest.raises(NotFound) as caught:
            await ca.authority.persons.find("alice")
        assert caught.value.hint == "it was the name of #1: daypass person show '#1'"

    play(scenario)


def test_a_rename_during_issuances_leaves_nothing_alive_with_the_old_name(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in(**ALICE)
        logins = [ca.sign_in(**ALICE) for _ in range(8)]
        await asyncio.gather(*logins[:4], ca.authority.persons.rename("alice", "asmith", **SAID), *logins[4:])
        for each in await ca.store.certificates_of(1, int(ca.clock.now())):
            assert each.revoked_at is not None or "role:engineers:alice" not in each.principals

    play(scenario)


def test_whoever_was_made_in_advance_signs_in_by_that_name(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in(**ALICE)
        await ca.authority.persons.reserve("alice2", "idp:alice-2", **SAID)
        assert (await ca.sign_in(**OTHER))[0].login == "alice2"

    play(scenario)


def test_what_an_operator_has_reserved_nobody_gets(play: Play) -> None:
    listing = RoleSection(name="listed", hosts=["*"], emails=["alice@example.com"], accounts=["{login}"])

    async def scenario(ca: Heart) -> None:
        await ca.authority.persons.reserve("alice", "", **SAID)
        with pytest.raises(Denied, match="she asked") as caught:
            await ca.sign_in(**ALICE)
        assert caught.value.code == "policy.reserved"

    play(scenario, roles=[ENGINEERS, listing])


@pytest.mark.parametrize(("listed", "gets"), [("reports@example.com", True), ("other@example.com", False)])
def test_a_system_account_s_name_is_had_by_the_very_person_a_role_lists(play: Play, listed: str, gets: bool) -> None:
    role = RoleSection(name="listed", hosts=["*"], emails=[listed, "x@example.com"], accounts=["{login}"])

    async def scenario(ca: Heart) -> None:
        await ca.enrol(await ca.join_token(), new_key())
        (host,) = await ca.store.hosts()
        await ca.store.host_synced(host.id, HostAccounts(("reports",)), 1, int(ca.clock.now()))
        if gets:
            assert (await ca.sign_in(sub="g", email="reports@example.com"))[0].login == "reports"
            assert (await ca.authority.persons.show("reports")).clashes == ("web-1.example.com",)
        else:
            with pytest.raises(Denied, match="system account on web-1"):
                await ca.sign_in(sub="g", email="reports@example.com")

    play(scenario, roles=[ENGINEERS, role])


WRONG = {
    "no login name": (lambda p: p.rename("alice", "Alice", **SAID), Invalid, "person.login-name"),
    "an option": (lambda p: p.rename("alice", "-r", **SAID), Invalid, "person.login-name"),
    "root": (lambda p: p.rename("alice", "root", **SAID), Denied, "policy.reserved"),
    "root in advance": (lambda p: p.reserve("root", "idp:x", **SAID), Denied, "policy.reserved"),
    "no such person": (lambda p: p.rename("nobody", "x", **SAID), NotFound, "person.unknown"),
    "no identity": (lambda p: p.link("alice", "idp", merge=False, **SAID), Invalid, "person.identity-word"),
    "no provider": (lambda p: p.link("alice", "nope:x", merge=False, **SAID), NotFound, "person.provider"),
    "a reason of two lines": (lambda p: p.rename("alice", "al", reason="a\nb", actor="x"), Invalid, "person.reason"),
}


@pytest.mark.parametrize(("attempt", "error", "code"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_refused_before_anything_changes(
    play: Play, attempt: Callable[[Any], Any], error: type[DaypassError], code: str
) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in(**ALICE)
        before = await ca.acts()
        with pytest.raises(error) as caught:
            await attempt(ca.authority.persons)
        assert caught.value.code == code
        assert await ca.acts() == before

    play(scenario)


def test_who_is_meant_must_be_one(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in(sub="a", email="both@example.com")
        await ca.authority.persons.rename("both", "one", **SAID)
        await ca.authority.persons.reserve("two", "idp:b", **SAID)
        await ca.sign_in(sub="b", email="both@example.com")
        with pytest.raises(Conflict, match=r"one \(#1\), two \(#2\)"):
            await ca.authority.endings.lock("both@example.com", **SAID)
        assert (await ca.authority.persons.find("#2")).login == "two"

    play(scenario)


@given(subject=st.text(min_size=1), provider=st.sampled_from(["idp", "okta"]), name=st.text())
def test_a_command_that_settles_is_one_word_for_each_argument_whatever_the_subject(
    subject: str, provider: str, name: str
) -> None:
    wanted = ConflictRecord("https://i", subject, provider, None, name, 1, 2, NameRecord(name, 7))
    link, reserve = map(shlex.split, settling(wanted))
    assert link == ["daypass", "person", "link", "#7", f"{provider}:{subject}"]
    assert reserve == ["daypass", "person", "reserve", "NEW", "--for", f"{provider}:{subject}"]


@given(
    st.dictionaries(st.sampled_from(["act", "from", "to", "serials", "name"]), st.text() | st.lists(st.integers()))
)
def test_any_entry_is_told_in_some_words(entry: dict[str, object]) -> None:
    assert isinstance(told(entry), str)


@given(st.text())
def test_only_login_names_are_ever_given(text: str) -> None:
    """Whatever unicode looks like: one of `[a-z_][a-z0-9._-]{0,31}`, as it stands."""
    if is_login_name(text):
        assert text.isascii() and text == text.lower() and 0 < len(text) <= 32 and text[0] not in "-.0123456789"


@pytest.mark.parametrize(("email", "may"), [("svcx@example.com", True), ("bob@example.com", False)])
def test_a_role_gives_a_system_account_s_name_to_that_address_alone(email: str, may: bool) -> None:
    """Whoever can edit another claim would be `svcx` by it (trust 1.2)."""
    listed = ["svcx@example.com", "bob@example.com"]
    role = RoleSection(name="listed", hosts=["*"], emails=listed, accounts=["{login}"])
    who = Identity(Kind.PERSON, "idp", "https://idp.example.com", "7", email=email, login="svcx", names=("svcx",))
    proof = Proof(who, OnceId("idp", "n"), 0, 100, bound=True)
    policy = Policy(config(roles=[role]))
    assert policy.may_take(proof, "svcx", f"{SYSTEM_ACCOUNT}web-1.example.com", 50) is may
    assert not policy.may_take(proof, "svcx", "kept by an operator", 50)
