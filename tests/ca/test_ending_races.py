"""What ends access, racing what gives it, at two processes of one CA: without access in the end (trust 3.5)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.ca.asked_ends import Asked
from daypass.ca.ending_ports import Source
from daypass.errors import DaypassError
from daypass.model import Credential, HostFacts, OnceId, Secret, sign_in
from daypass.wire import Certificate, PublicKey
from tests.ca.heart import Heart, MovingClock, heart, new_key
from tests.parts.op import Op
from tests.parts.sshpop import Holder

FEW, MANY = 6, 1000
WHY: dict[str, Any] = {"reason": "left", "actor": "uid:0"}


class Who(NamedTuple):
    """Somebody on record, signed in with `credential` within the provider's session `sid`."""

    number: int
    sub: str
    sid: str
    credential: Credential


End = Callable[[Heart, Who], Awaitable[object]]
Race = Callable[[Heart, Heart, Who, End], Awaitable[list[Credential]]]


def _session(ca: Heart, who: Who) -> str:
    return sign_in(ca.op.issuer, who.sid, OnceId("idp", ""))


ENDS: dict[str, End] = {
    "an operator takes all": lambda ca, who: ca.authority.endings.revoke(Asked(person=f"#{who.number}"), **WHY),
    "an operator locks": lambda ca, who: ca.authority.endings.lock(f"#{who.number}", **WHY),
    "a provider says they are out": lambda ca, who: ca.authority.endings.by_provider(
        Source.SCIM, "idp", reason="inactive", about=who.sub, persons=(who.number,), out=True
    ),
    "a provider ends all sessions": lambda ca, who: ca.authority.endings.by_provider(
        Source.LOGOUT, "idp", reason="logout", about=who.sub, persons=(who.number,)
    ),
    "a provider ends the session": lambda ca, who: ca.authority.endings.by_provider(
        Source.LOGOUT, "idp", reason="logout", about=who.sid, signins=(_session(ca, who),)
    ),
}


def asked(ca: Heart, who: Who) -> Credential:
    """One more sign-in of theirs, not shown to the CA yet."""
    key, salt = new_key(), os.urandom(32)
    token = ca.token(key, salt, sub=who.sub, email=f"{who.sub}@example.com", sid=who.sid)
    return Credential(token, (key,), salt=salt)


async def known(ca: Heart) -> Who:
    name = f"p{os.urandom(4).hex()}"
    _, credential = await ca.sign_in(sub=name, email=f"{name}@example.com", sid=f"s-{name}")
    person = await ca.authority.persons.find(name)
    return Who(person.id, name, f"s-{name}", credential)


async def settled(*works: Awaitable[object]) -> None:
    """Refusals are well; whatever else goes wrong fails the test."""
    for each in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(each, BaseException) and not isinstance(each, DaypassError):
            raise each


async def issuance(one: Heart, two: Heart, who: Who, end: End) -> list[Credential]:
    shown = [asked(one, who), asked(one, who)]
    await settled(two.issue(shown[0]), end(one, who), one.issue(shown[1]))
    return shown


async def retry(one: Heart, two: Heart, who: Who, end: End) -> list[Credential]:
    await settled(two.issue(who.credential), end(one, who), one.issue(who.credential))
    return [who.credential]


async def both(one: Heart, two: Heart, who: Who, end: End) -> list[Credential]:
    new = asked(one, who)
    await settled(end(two, who), one.issue(new), two.issue(new), one.issue(who.credential), end(one, who))
    return [new, who.credential]


RACES: dict[str, Race] = {"an issuance": issuance, "a retry": retry, "both": both}


async def without_access(one: Heart, two: Heart, who: Who, shown: list[Credential]) -> None:
    """Nothing of theirs holds, and nothing that was shown before gives anything any more."""
    now = int(one.clock.now())
    held = await two.store.certificates_of(who.number, now)
    assert held and all(each.revoked_at is not None for each in held)
    for credential in shown:
        for ca in (one, two):
            with pytest.raises(DaypassError):
                await ca.issue(credential)


def raced(op: Op, database: str, times: int, scenario: Callable[[Heart, Heart], Awaitable[None]]) -> None:
    async def go() -> None:
        clock = MovingClock()
        async with heart(op, database, clock=clock) as one, heart(op, database, clock=clock, like=one) as two:
            for _ in range(times):
                await scenario(one, two)

    asyncio.run(go())


def race(op: Op, database: str, times: int, kind: str, source: str) -> None:
    async def scenario(one: Heart, two: Heart) -> None:
        who = await known(one)
        shown = await RACES[kind](one, two, who, ENDS[source])
        await without_access(one, two, who, shown)

    raced(op, database, times, scenario)


def host_race(op: Op, database: str, times: int) -> None:
    async def scenario(one: Heart, two: Heart) -> None:
        private, name = Ed25519PrivateKey.generate(), f"h{os.urandom(4).hex()}.example.com"
        token, _ = await one.authority.make_join_token(HostFacts(name), 600, "root")
        issued = await one.enrol(Secret(token), PublicKey.from_cryptography(private.public_key()))
        host = Holder(private, Certificate.parse(issued.certificates[0].certificate))
        ends = one.authority.endings.revoke(Asked(host=name), **WHY)
        await settled(two.authority.renewals.renew(Secret(host.token("renew"))), ends)
        with pytest.raises(DaypassError):
            await two.authority.renewals.renew(Secret(host.token("renew")))
        record = await one.authority.inventory.named(name)
        found = await two.store.host_certificates(record.id, int(one.clock.now()))
        assert found and all(each.revoked_at is not None for each in found)

    raced(op, database, times, scenario)


@pytest.mark.parametrize("source", ENDS)
@pytest.mark.parametrize("kind", RACES)
def test_an_ending_that_races_what_gives_access_leaves_none(op: Op, database: str, kind: str, source: str) -> None:
    race(op, database, FEW, kind, source)


def test_a_revocation_that_races_a_host_s_renewal_leaves_nothing_live(op: Op, database: str) -> None:
    host_race(op, database, FEW)


@pytest.mark.exhaustive
@pytest.mark.parametrize("source", ENDS)
@pytest.mark.parametrize("kind", RACES)
def test_a_thousand_times(op: Op, database: str, kind: str, source: str) -> None:
    race(op, database, MANY, kind, source)


@pytest.mark.exhaustive
def test_a_thousand_renewals(op: Op, database: str) -> None:
    host_race(op, database, MANY)
