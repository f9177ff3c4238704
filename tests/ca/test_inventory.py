"""Hosts that are listed, removed, replaced, copied or forgotten (trust 5.1)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from daypass.ca.asked_ends import Asked
from daypass.ca.authority import Issuance
from daypass.ca.host_calls import LAST_SECOND, HostSaid
from daypass.ca.host_ports import HostAbout
from daypass.ca.token_ports import Terms
from daypass.config import HostsSection
from daypass.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated
from daypass.model import Credential as Shown
from daypass.model import HostFacts, Request, Secret
from daypass.wire import CertType, PublicKey
from tests.ca.conftest import Play
from tests.ca.heart import Heart, MovingClock, new_key

DAY = 86400
WEB, ALIAS = "web-1.example.com", "www.example.com"
ONE, TWO = "1" * 64, "2" * 64


async def joined(ca: Heart, token: str, *keys: PublicKey, name: str = "") -> Issuance:
    keys = keys or (new_key(),)
    shown = Shown(Secret(token), keys, act=b"enrol", possessed=True, name=name)
    return await ca.authority.issue(Request(CertType.HOST, keys), shown)


async def enrol(ca: Heart, name: str = WEB, *keys: PublicKey, alias: str = ALIAS) -> Issuance:
    facts = HostFacts(name, (alias,) if alias else (), {"tier": "gold"})
    token, _ = await ca.authority.tokens.make(facts, 600, "uid:0")
    return await joined(ca, token, *keys)


async def marks(ca: Heart) -> dict[str, tuple[str, ...]]:
    return {each.host.name: each.marks for each in await ca.authority.inventory.every()}


async def events(ca: Heart, act: str) -> list[dict[str, Any]]:
    return [json.loads(row.entry) for row in await ca.store.ledger(0, 10_000) if row.act == act]


def said(machine: str) -> HostSaid:
    return HostSaid("", 0, (), (), about=HostAbout(machine=machine))


def test_a_host_is_listed_and_shown_by_any_of_its_names(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        issued = await enrol(ca)
        await enrol(ca, "web-2.example.com", alias="")
        assert await marks(ca) == {WEB: ("live",), "web-2.example.com": ("live",)}
        for word in (WEB, ALIAS, "web-1", "www"):
            listed, certificates = await ca.authority.inventory.show(word)
            assert listed.host.name == WEB
            assert [each.serial for each in certificates] == [issued.certificates[0].serial]
        with pytest.raises(NotFound):
            await ca.authority.inventory.show("db-1")

    play(scenario)


def test_a_word_that_may_be_several_hosts_is_none(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await enrol(ca, "web.eu.example.com", alias="")
        await enrol(ca, "web.us.example.com", alias="")
        with pytest.raises(Conflict, match=r"web\.eu\.example\.com"):
            await ca.authority.inventory.show("web")

    play(scenario)


def test_a_removed_host_has_nothing_and_its_names_are_free(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        issued = await enrol(ca)
        host, serials = await ca.authority.inventory.remove(WEB, reason="sold", actor="uid:0")
        assert serials == tuple(each.serial for each in issued.certificates)
        assert (host.name, host.aliases) == (WEB, (ALIAS,))
        assert await marks(ca) == {}
        assert list(await ca.store.enrolled(ca.authority.clock.now())) == []
        (told,) = await events(ca, "host.remove")
        assert (told["name"], told["serials"], told["reason"], told["actor"]) == (WEB, list(serials), "sold", "uid:0")
        assert [each["serials"] for each in await events(ca, "certificate.revoke")] == [list(serials)]
        for name in (WEB, ALIAS):
            await enrol(ca, name, alias="")

    play(scenario)


def test_a_host_is_removed_by_its_own_name_and_for_a_reason(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await enrol(ca)
        remove = ca.authority.inventory.remove
        for name, reason, kind in ((ALIAS, "x", NotFound), ("web-1", "x", NotFound), (WEB, " ", Invalid)):
            with pytest.raises(kind):
                await remove(name, reason=reason, actor="uid:0")
        assert await marks(ca) == {WEB: ("live",)}
        await remove(WEB, reason="x", actor="uid:0")
        with pytest.raises(NotFound):
            await remove(WEB, reason="x", actor="uid:0")

    play(scenario)


def test_another_machine_takes_a_host_s_place_by_a_token_for_that_alone(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        old = await enrol(ca)
        before, _ = await ca.authority.inventory.show(WEB)
        with pytest.raises(Conflict):
            await enrol(ca)
        _, token, _ = await ca.authority.inventory.replace(WEB, 600, (), "uid:0")
        assert await marks(ca) == {WEB: ("live",)}
        found = await ca.store.on_record(old.certificates[0].serial)
        assert found is not None
        assert found.revoked_at is None  # the old one works until the new one is there
        new = await joined(ca, token)
        after, certificates = await ca.authority.inventory.show(WEB)
        assert after.host.id != before.host.id
        assert (after.host.aliases, after.host.labels) == ((ALIAS,), {"tier": "gold"})
        assert [each.serial for each in certificates] == [new.certificates[0].serial]
        found = await ca.store.on_record(old.certificates[0].serial)
        assert found is not None
        assert found.revoked_at is not None
        assert len(await events(ca, "host.replace")) == 1

    play(scenario)


def test_a_token_to_replace_a_host_that_has_gone_makes_a_new_one_and_takes_nobody_s_name(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await enrol(ca)
        _, first, _ = await ca.authority.inventory.replace(WEB, 600, (), "uid:0")
        _, second, _ = await ca.authority.inventory.replace(WEB, 600, (), "uid:0")
        await joined(ca, first)
        with pytest.raises(Conflict):  # the host that it was to replace is not this one
            await joined(ca, second)
        await ca.authority.inventory.remove(WEB, reason="x", actor="uid:0")
        assert await joined(ca, second)

    play(scenario)


def test_a_stale_host_leaves_by_itself_and_not_before(play: Play) -> None:
    clock = MovingClock()

    async def scenario(ca: Heart) -> None:
        await enrol(ca)
        lasts = 30 * DAY
        clock.later = lasts - 60
        assert await ca.authority.inventory.sweep() == ()
        clock.later = lasts + 60
        assert (await marks(ca))[WEB] == ("expired",)
        (listed,) = await ca.authority.inventory.every()
        assert listed.leaves_at == listed.host.ends + 10 * DAY
        clock.later = lasts + 10 * DAY - 60
        assert await ca.authority.inventory.sweep() == ()
        clock.later = lasts + 10 * DAY + 60
        assert await ca.authority.inventory.sweep() == (WEB,)
        assert await ca.authority.inventory.sweep() == ()
        assert await marks(ca) == {}
        assert [each["name"] for each in await events(ca, "host.stale")] == [WEB]
        await enrol(ca, ALIAS, alias="")

    play(scenario, clock=clock, hosts=HostsSection(domains=["*.example.com"], stale_after="10d"))


def test_an_autoscaled_name_goes_round_with_every_machine_another_host(play: Play) -> None:
    clock = MovingClock()

    async def scenario(ca: Heart) -> None:
        terms, ids = Terms(("web-*.example.com",), (), 1), set()
        for way in ("expired", "removed", "again"):
            token, _ = await ca.authority.tokens.make(HostFacts(""), 600, "uid:0", terms)
            issued = await joined(ca, token, name=WEB)
            assert issued.host is not None
            ids.add(issued.host.id)
            if way == "expired":
                clock.later += 31 * DAY
            if way == "removed":
                await ca.authority.inventory.remove(WEB, reason="scaled down", actor="uid:0")
        assert len(ids) == 3
        assert [each["replaces"] != "" for each in await events(ca, "host.replace")] == [True]

    play(scenario, clock=clock)


def test_two_machines_under_one_certificate_are_an_event_and_a_mark(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await enrol(ca)
        for machine in (ONE, ONE, TWO, ONE, TWO):
            (host,) = await ca.store.hosts()
            await ca.authority.host_calls.sync(host, said(machine))
        assert await marks(ca) == {WEB: ("live", "cloned")}
        (told,) = await events(ca, "host.clone")
        assert (told["name"], told["machines"]) == (WEB, [ONE, TWO])

    play(scenario)


@pytest.mark.parametrize("machine", ["", "x" * 64, "1" * 63, "A" * 64, ONE + "\n"])
def test_what_is_no_machine_is_no_clone(play: Play, machine: str) -> None:
    async def scenario(ca: Heart) -> None:
        await enrol(ca)
        for each in (ONE, machine):
            (host,) = await ca.store.hosts()
            await ca.authority.host_calls.sync(host, said(each))
        assert await marks(ca) == {WEB: ("live",)}

    play(scenario)


def test_a_hostile_host_s_facts_are_cut_to_what_a_list_can_show(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await enrol(ca)
        (host,) = await ca.store.hosts()
        good = "SHA256:" + "a" * 43
        about = HostAbout(
            agent="\x1b[2J\0\ud800é" + "x" * 5000,
            openssh="9.2\nforged",
            expires=2**70,
            krl_version=-5,
            keys=(good, "<script>", good + "x", *[good] * 100),
        )
        await ca.authority.host_calls.sync(host, HostSaid("", 0, (), (), trust_version=2**70, about=about))
        (host,) = await ca.store.hosts()
        assert host.about is not None
        assert host.about.agent == "?[2J???" + "x" * 73
        assert host.about.openssh == "9.2?forged"
        assert (host.about.expires, host.about.krl_version, host.trust_version) == (LAST_SECOND, 0, 2**62)
        assert set(host.about.keys) == {good}
        assert len(host.about.keys) <= 16

    play(scenario)


def test_a_host_that_enrols_anew_is_asked_anew_which_machine_it_is(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        mine = new_key()
        await enrol(ca, WEB, mine)
        for machine in (ONE, TWO):
            (host,) = await ca.store.hosts()
            await ca.authority.host_calls.sync(host, said(machine))
        await enrol(ca, WEB, mine)
        assert await marks(ca) == {WEB: ("live",)}

    play(scenario)


def test_a_host_that_is_silent_is_marked_so(play: Play) -> None:
    clock = MovingClock()

    async def scenario(ca: Heart) -> None:
        await enrol(ca)
        clock.later = DAY - 60
        assert await marks(ca) == {WEB: ("live",)}
        clock.later = DAY + 60
        assert await marks(ca) == {WEB: ("live", "quiet")}
        (host,) = await ca.store.hosts()
        await ca.authority.host_calls.sync(host, said(ONE))
        assert await marks(ca) == {WEB: ("live",)}

    play(scenario, clock=clock)


def test_the_sweep_goes_on_by_itself_and_ends_with_the_process(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        watching = asyncio.create_task(ca.authority.inventory.watch())
        await asyncio.sleep(0.05)
        assert not watching.done()
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching

    play(scenario)


def test_a_live_name_is_another_machine_s_once_its_host_is_removed_and_once_only(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        mine = new_key()
        await enrol(ca, WEB, mine)
        token, _ = await ca.authority.tokens.make(HostFacts(WEB), 600, "uid:0")
        with pytest.raises(Conflict):
            await joined(ca, token)
        await ca.authority.inventory.remove(WEB, reason="x", actor="uid:0")
        assert await joined(ca, token)
        with pytest.raises(Unauthenticated):
            await joined(ca, token)

    play(scenario)


def test_a_host_whose_certificate_was_revoked_comes_back_with_another_key_alone(play: Play) -> None:
    """Whoever has stolen the key would be shown the new certificate by the host itself."""

    async def scenario(ca: Heart) -> None:
        stolen, fresh = new_key(), new_key()
        await enrol(ca, WEB, stolen)
        await ca.authority.endings.revoke(Asked(host=WEB), reason="broken into", actor="uid:0")
        with pytest.raises(Denied, match="needs new host keys"):
            await enrol(ca, WEB, stolen)
        _, replacing, _ = await ca.authority.inventory.replace(WEB, 600, (), "uid:0")
        with pytest.raises(Denied, match="needs new host keys"):
            await joined(ca, replacing, fresh, stolen)
        await joined(ca, replacing, fresh)

    play(scenario)


def test_a_host_that_was_removed_may_come_back_with_the_same_key(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        same = new_key()
        await enrol(ca, WEB, same)
        await ca.authority.inventory.remove(WEB, reason="scaled down", actor="uid:0")
        await enrol(ca, WEB, same)

    play(scenario)
