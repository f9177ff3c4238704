"""A credential shown again, where roles are narrow: the same certificate, or none (trust 2.3, 3.4)."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from msgspec.structs import replace

from daypass.config import RoleSection
from daypass.errors import DaypassError, Unauthenticated
from daypass.model import Credential
from daypass.wire import Certificate
from tests.ca.conftest import Play
from tests.ca.heart import ENGINEERS, Heart, MovingClock, new_key

DBA = RoleSection(name="dba", hosts=["*"], groups=["engineers"], accounts=["postgres"], day_pass=False)
NEAR = replace(DBA, source_address=["192.0.2.0/24"])
FRESH = RoleSection(name="fresh", hosts=["*"], groups=["engineers"], accounts=["{login}"], max_auth_age="1h")


def credential(ca: Heart) -> Credential:
    key, salt = new_key(), os.urandom(32)
    return Credential(ca.token(key, salt, auth_time=int(time.time())), (key,), salt=salt)


def test_a_narrow_role_is_on_record_and_retried_as_itself(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        shown = credential(ca)
        first = await ca.issue(shown, role="dba")
        cert = Certificate.parse(first.certificates[0].certificate)
        assert (first.roles, cert.principals) == (("dba",), ("role:dba",))
        assert cert.critical_options == (("source-address", "192.0.2.0/24"),)
        again = await ca.issue(shown, role="dba")
        assert (again.again, again.certificates) == (True, first.certificates)
        (entry,) = [row.entry for row in await ca.store.ledger(0, 100) if row.act == "certificate.issue"]
        assert b'"roles":["dba"]' in entry

    play(scenario, roles=[ENGINEERS, NEAR])


@pytest.mark.parametrize(("first", "then"), [("dba", ""), ("", "dba"), ("dba", "engineers")])
def test_one_sign_in_is_good_for_one_layout(play: Play, first: str, then: str) -> None:
    async def scenario(ca: Heart) -> None:
        shown = credential(ca)
        await ca.issue(shown, role=first)
        with pytest.raises(Unauthenticated) as caught:
            await ca.issue(shown, role=then)
        assert caught.value.code == "token.spent"

    play(scenario, roles=[ENGINEERS, DBA])


@pytest.mark.parametrize(("before", "after"), [(DBA, NEAR), (NEAR, replace(NEAR, source_address=["192.0.2.0/25"]))])
def test_a_certificate_that_today_would_be_bound_by_more_is_not_given_again(
    play: Play, before: RoleSection, after: RoleSection
) -> None:
    async def scenario(ca: Heart) -> None:
        shown = credential(ca)
        await ca.issue(shown, role="dba")
        await ca.publish(roles=[after])
        with pytest.raises(Unauthenticated) as caught:
            await ca.issue(shown, role="dba")
        assert caught.value.code == "token.spent"

    play(scenario, roles=[before])


def test_an_extension_that_today_s_role_does_not_bring_is_not_given_again(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        shown = credential(ca)
        await ca.issue(shown)
        await ca.publish(roles=[replace(ENGINEERS, extensions=["permit-pty"])])
        with pytest.raises(Unauthenticated):
            await ca.issue(shown)

    play(scenario, roles=[ENGINEERS])


@pytest.mark.parametrize("asked", [{}, {"lifetime": 3600}, {"lifetime": 3600, "role": "fresh"}])
def test_a_retry_some_minutes_later_still_fits_a_role_that_ends(play: Play, asked: dict[str, Any]) -> None:
    """Counted from the retry, an hour would reach beyond the hour that the role has."""

    async def scenario(ca: Heart) -> None:
        shown = credential(ca)
        first = await ca.issue(shown, **asked)
        ca.clock.later = 150
        again = await ca.issue(shown, **asked)
        assert (again.again, again.certificates) == (True, first.certificates)

    play(scenario, roles=[FRESH], clock=MovingClock())


@pytest.mark.parametrize("asked", [{"role": "dba"}, {}])
def test_a_certificate_longer_than_today_s_role_gives_is_not_given_again(play: Play, asked: dict[str, Any]) -> None:
    async def scenario(ca: Heart) -> None:
        shown = credential(ca)
        await ca.issue(shown, **asked)
        await ca.publish(roles=[replace(each, lifetime="1h") for each in (ENGINEERS, DBA)])
        with pytest.raises(DaypassError) as caught:
            await ca.issue(shown, **asked)
        assert caught.value.code in ("token.spent", "policy.lifetime")

    play(scenario, roles=[ENGINEERS, DBA])
