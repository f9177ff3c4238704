"""Hosts at two processes of one CA: whichever is asked, a token, a name and a removal count once (trust 5.1, 5.4)."""

from __future__ import annotations

import os

from daypass.ca.authority import Issuance
from daypass.ca.token_ports import Terms
from daypass.errors import DaypassError
from daypass.model import HostFacts, Secret
from tests.ca.heart import Heart, new_key
from tests.ca.test_tokens import enrol
from tests.ca.test_two_processes import both, enrolled, failed, raced
from tests.parts.op import Op

NETWORKS = ("10.0.0.0/8",)


def some_name() -> str:
    return f"h{os.urandom(4).hex()}.example.com"


async def live(ca: Heart, host_id: str) -> int:
    now = int(ca.clock.now())
    return sum(each.revoked_at is None for each in await ca.store.host_certificates(host_id, now))


def test_a_token_of_three_uses_is_three_hosts_at_both_together(op: Op, database: str) -> None:
    async def scenario(one: Heart, two: Heart) -> None:
        token, _ = await one.authority.tokens.make(HostFacts(""), 600, "root", Terms(("h*",), NETWORKS, 3))
        found = await both(*(enrol(ca, Secret(token), name=some_name()) for ca in (one, two) * 5))
        assert sum(isinstance(each, Issuance) for each in found) == 3
        assert {error.code for error in failed(found)} == {"join.token"}

    raced(op, database, scenario)


def test_one_name_that_two_propose_is_one_s(op: Op, database: str) -> None:
    async def scenario(one: Heart, two: Heart) -> None:
        name, terms = some_name(), Terms(("h*",), NETWORKS, 9)
        token, _ = await one.authority.tokens.make(HostFacts(""), 600, "root", terms)
        found = await both(*(enrol(ca, Secret(token), name=name) for ca in (one, two, one, two)))
        assert [error.code for error in failed(found)] == ["policy.name-taken"] * 3
        (host,) = await one.store.hosts_called(name)
        assert await live(one, host.id) == 1

    raced(op, database, scenario)


def test_a_removal_that_races_renewals_leaves_nothing_live(op: Op, database: str) -> None:
    async def scenario(one: Heart, two: Heart) -> None:
        holder = await enrolled(one)
        (host,) = await one.store.hosts_called(holder.certificate.principals[0])
        works = [ca.authority.renewals.renew(Secret(holder.token("renew"))) for ca in (one, two, one)]
        *_, removed = await both(*works, two.authority.inventory.remove(host.name, reason="sold", actor="root"))
        assert not isinstance(removed, DaypassError)
        assert await live(one, host.id) == 0
        assert await one.store.host(host.id) is None

    raced(op, database, scenario)


def test_whoever_takes_a_host_s_place_leaves_the_old_one_nothing(op: Op, database: str) -> None:
    async def scenario(one: Heart, two: Heart) -> None:
        holder = await enrolled(one)
        (host,) = await one.store.hosts_called(holder.certificate.principals[0])
        _, token, _ = await one.authority.inventory.replace(host.name, 600, (), "root")
        renewals = [ca.authority.renewals.renew(Secret(holder.token("renew"))) for ca in (one, two, one, two)]
        taken, *_ = await both(enrol(two, Secret(token), new_key()), *renewals)
        assert isinstance(taken, Issuance)
        assert await live(one, host.id) == 0
        (now,) = await one.store.hosts_called(host.name)
        assert now.id != host.id and await live(one, now.id) == 1

    raced(op, database, scenario)


def test_a_token_that_is_revoked_meanwhile_is_a_host_s_before_or_nobody_s(op: Op, database: str) -> None:
    async def scenario(one: Heart, two: Heart) -> None:
        name = some_name()
        token, _ = await one.authority.tokens.make(HostFacts(name), 600, "root")
        joined, ended = await both(
            enrol(one, Secret(token)), two.authority.tokens.revoke("", name, reason="lost", actor="root")
        )
        on_record = bool(await one.store.hosts_called(name))
        assert on_record == isinstance(joined, Issuance)
        if not on_record:
            assert failed([joined, ended])[0].code == "join.token"

    raced(op, database, scenario)
