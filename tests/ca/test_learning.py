"""Taken out of a group: what was given for it ends as soon as the provider says so (trust 2.5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from daypass.ca.person_ports import NewIdentity
from daypass.config import ProviderSection, RoleSection
from daypass.errors import Denied
from daypass.model import Issued
from tests.ca.heart import Heart

Play = Callable[..., None]


def role(name: str, **conditions: object) -> RoleSection:
    return RoleSection(name=name, hosts=["*"], accounts=["{login}"], **conditions)  # type: ignore[arg-type]


ROLES = [role("staff", domains=["example.com"]), role("dba", groups=["dba"]), role("ops", groups=["ops"])]


async def is_revoked(heart: Heart, issued: Issued) -> bool:
    found = await heart.store.on_record(issued.serial)
    assert found is not None
    return found.revoked_at is not None


def test_who_left_a_group_keeps_nothing_of_it_once_they_sign_in_again(play: Play) -> None:
    async def scenario(heart: Heart) -> None:
        before, _ = await heart.sign_in(groups=["dba", "ops"])
        (held,) = before.certificates
        assert "role:dba:alice" in held.principals
        after, _ = await heart.sign_in(groups=["ops"])
        assert await is_revoked(heart, held) and not await is_revoked(heart, after.certificates[0])
        assert after.certificates[0].principals == ("role:staff:alice", "role:ops:alice")
        (entry,) = [row.entry for row in await heart.store.ledger(0, 100) if row.act == "certificate.revoke"]
        assert b'"reason":"no longer in role dba, says idp"' in entry and str(held.serial).encode() in entry

    play(scenario, roles=ROLES)


def test_who_is_denied_now_keeps_nothing_either_and_what_is_known_of_them_is_todays(play: Play) -> None:
    async def scenario(heart: Heart) -> None:
        before, _ = await heart.sign_in(groups=["ops"])
        with pytest.raises(Denied):
            await heart.sign_in(groups=["sales"])
        assert await is_revoked(heart, before.certificates[0])
        (person,) = await heart.store.people()
        facts = person.identities[0].facts
        assert facts is not None and facts.groups == {"sales"}

    play(scenario, roles=ROLES[1:])


def test_who_joined_a_group_or_signs_in_another_way_loses_nothing(play: Play) -> None:
    async def scenario(heart: Heart) -> None:
        before, _ = await heart.sign_in(groups=["ops"], amr=["mfa"])
        await heart.sign_in(groups=["ops", "dba"], amr=["pwd"])
        assert not await is_revoked(heart, before.certificates[0])

    play(scenario, roles=[*ROLES, role("strong", groups=["ops"], amr=["mfa"])])


def test_a_role_that_is_gone_from_the_policy_revokes_nothing(play: Play) -> None:
    """Hosts no longer list it: it admits nobody."""

    async def scenario(heart: Heart) -> None:
        before, _ = await heart.sign_in(groups=["ops", "dba"])
        await heart.publish(roles=ROLES[:2])
        await heart.sign_in(groups=["dba"])
        assert not await is_revoked(heart, before.certificates[0])

    play(scenario, roles=ROLES)


def test_another_providers_word_takes_nothing_away(play: Play) -> None:
    async def scenario(heart: Heart) -> None:
        before, _ = await heart.sign_in(groups=["ops"])
        other = [
            role("ops", groups=["ops"], provider="other"),
            role("staff", domains=["example.com"], provider="idp"),
        ]
        second = ProviderSection(name="other", issuer="https://other.example.com", client_id="x")
        await heart.publish(roles=other, providers=[*heart.settings.providers, second])
        await heart.sign_in(groups=[])
        assert not await is_revoked(heart, before.certificates[0])

    play(scenario, roles=[*ROLES])


def test_what_one_account_of_theirs_is_not_in_takes_nothing_from_another_at_the_same_provider(play: Play) -> None:
    async def scenario(heart: Heart) -> None:
        await heart.sign_in(groups=["ops"])
        (person,) = await heart.store.people()
        admin = NewIdentity("idp", heart.op.issuer, "alice-admin")
        await heart.store.link(person.id, admin, merge=False, reason="", actor="uid:0", now=int(heart.clock.now()))
        given, _ = await heart.sign_in(sub="alice-admin", email="a@example.com", groups=["dba"])
        await heart.sign_in(groups=["ops", "sales"])
        assert not await is_revoked(heart, given.certificates[0])
        await heart.sign_in(sub="alice-admin", email="a@example.com", groups=["sales"])
        assert await is_revoked(heart, given.certificates[0])

    play(scenario, roles=ROLES)
