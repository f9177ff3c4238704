"""Join tokens on a whole CA: what may be made, what each lets in, and what it never does (trust 5.1, 5.4)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from daypass.ca.authority import Issuance
from daypass.ca.few import PER_PERSON
from daypass.ca.host_ports import KnownHost
from daypass.ca.token_ports import Terms
from daypass.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated
from daypass.model import Credential, HostFacts, Request, Secret
from daypass.wire import CertType, PublicKey
from tests.ca.conftest import Play
from tests.ca.heart import Heart, MovingClock, new_key

HOUR, DAY = 3600, 86400
WEB = HostFacts("web-1.example.com", ("www.example.com",), {"tier": "bronze"})
MANY = Terms(("web-*.example.com",), ("10.0.0.0/8", "2001:db8::/32"), 10)
ONCE = Terms()
NOBODY = HostFacts("")
HERE = "10.1.2.3"


async def made(ca: Heart, facts: HostFacts = WEB, terms: Terms = ONCE, lifetime: int = HOUR) -> Secret:
    token, _ = await ca.authority.tokens.make(facts, lifetime, "uid:0", terms)
    return Secret(token)


async def enrol(
    ca: Heart, token: Secret, *keys: PublicKey, name: str = "", address: str = HERE, possessed: bool = True
) -> Issuance:
    keys = keys or (new_key(),)
    credential = Credential(token, keys, act=b"enrol", possessed=possessed, name=name, address=address)
    return await ca.authority.issue(Request(CertType.HOST, keys), credential)


async def only(ca: Heart, name: str) -> KnownHost:
    (found,) = [host for host in await ca.store.hosts() if host.name == name]
    return found


async def events(ca: Heart, act: str) -> list[dict[str, Any]]:
    return [json.loads(row.entry) for row in await ca.store.ledger(0, 10_000) if row.act == act]


@pytest.mark.parametrize(
    ("facts", "terms", "lifetime", "code"),
    [
        (NOBODY, Terms(), HOUR, "token.names"),
        (WEB, Terms(("web-*.example.com",)), HOUR, "token.names"),
        (HostFacts("", ("www.example.com",)), Terms(("web-*.example.com",)), HOUR, "token.names"),
        (HostFacts("", addresses=("10.0.0.1",)), Terms(("web-*.example.com",)), HOUR, "token.names"),
        (NOBODY, Terms(("web-*.example.com",), replaces="a" * 32), HOUR, "token.names"),
        (NOBODY, Terms(tuple(f"web-{n}.example.com" for n in range(101))), HOUR, "token.names"),
        (WEB, Terms(), HOUR + 1, "token.lifetime"),
        (WEB, Terms(), 0, "token.lifetime"),
        (NOBODY, MANY, DAY + 1, "token.lifetime"),
        (NOBODY, Terms(("web-*.example.com",)), HOUR + 1, "token.lifetime"),
        (NOBODY, Terms(MANY.patterns, (), 2), HOUR, "token.uses"),
        (WEB, Terms((), MANY.networks, 2), HOUR, "token.uses"),
        (NOBODY, Terms(MANY.patterns, MANY.networks, 1001), HOUR, "token.uses"),
        (NOBODY, Terms(MANY.patterns, MANY.networks, 0), HOUR, "token.uses"),
        (NOBODY, Terms(("WEB-*",)), HOUR, "token.pattern"),
        (NOBODY, Terms(("web-*,db-*",)), HOUR, "token.pattern"),
        (NOBODY, Terms(("web-*.example.org",)), HOUR, "policy.host-domain"),
        (HostFacts("web-1.example.org"), Terms(), HOUR, "policy.host-domain"),
        (HostFacts("web-1.example.com", ("*.example.com",)), Terms(), HOUR, "policy.host-name"),
        (WEB, Terms((), ("10.0.0.1/8",)), HOUR, "token.network"),
        (WEB, Terms((), ("0.0.0.0/0",)), HOUR, "token.network"),
        (WEB, Terms((), ("fe80::1%eth0",)), HOUR, "token.network"),
        (HostFacts("web-1.example.com", addresses=("10.0.0.7",)), Terms(), HOUR, "policy.host-address"),
        (HostFacts("web-1.example.com", addresses=("10.0.0.07",)), Terms(), HOUR, "policy.host-address"),
        (HostFacts("web-1.example.com", addresses=("2001:DB8::7",)), Terms(), HOUR, "policy.host-address"),
        (HostFacts("web-1.example.com", addresses=("fe80::1%x",)), Terms(), HOUR, "policy.host-address"),
    ],
)
def test_a_token_that_would_open_more_than_it_says_is_not_made(
    play: Play, facts: HostFacts, terms: Terms, lifetime: int, code: str
) -> None:
    async def scenario(ca: Heart) -> None:
        with pytest.raises((Invalid, Denied)) as refusal:
            await made(ca, facts, terms, lifetime)
        assert refusal.value.code == code
        assert await events(ca, "token.create") == []

    play(scenario)


def test_hosts_of_one_token_say_their_names_and_have_its_labels(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        token = await made(ca, HostFacts("", (), {"tier": "gold"}), MANY, DAY)
        for number in (1, 2):
            issued = await enrol(ca, token, name=f"web-{number}.example.com")
            assert issued.certificates[0].principals == (f"web-{number}.example.com",)
        host = await only(ca, "web-2.example.com")
        assert (host.labels, host.enrolled_from) == ({"tier": "gold"}, HERE)
        ((token_line, state),) = await ca.authority.tokens.every(ended=False)
        assert (token_line.uses, state) == (2, "open")

    play(scenario)


@pytest.mark.parametrize("address", ["192.0.2.1", "11.0.0.1", "2001:db9::1", "", "10.0.0.1%x", "unknown"])
def test_a_token_is_good_from_its_networks_only(play: Play, address: str) -> None:
    async def scenario(ca: Heart) -> None:
        single = await made(ca, WEB, Terms((), ("10.0.0.0/8",)))
        for token, name in ((await made(ca, NOBODY, MANY), "web-9.example.com"), (single, "")):
            with pytest.raises(Denied) as refusal:
                await enrol(ca, token, name=name, address=address)
            assert refusal.value.code == "join.address"
        assert await ca.store.hosts() == []
        assert await enrol(ca, single)

    play(scenario)


def test_the_ipv6_side_of_a_network_counts(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        assert await enrol(ca, await made(ca, NOBODY, MANY), name="web-1.example.com", address="2001:db8::9")

    play(scenario)


def test_a_host_claims_no_name_beyond_the_pattern_and_no_live_one(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await enrol(ca, await made(ca))
        token = await made(ca, HostFacts("", (), {"tier": "gold"}), Terms(("w*.example.com",), ("10.0.0.0/8",), 10))
        for name, kind in (
            ("db-1.example.com", Denied),
            ("", Denied),
            ("web-1.example.com", Conflict),
            ("www.example.com", Conflict),
        ):
            with pytest.raises(kind):
                await enrol(ca, token, name=name)
        assert (await only(ca, "web-1.example.com")).labels == {"tier": "bronze"}
        assert len(await ca.store.hosts()) == 1

    play(scenario)


def test_a_host_gives_itself_no_better_labels_with_its_own_live_name(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        mine = new_key()
        await enrol(ca, await made(ca), mine)
        token = await made(ca, HostFacts("", (), {"tier": "gold"}), MANY)
        with pytest.raises(Conflict):
            await enrol(ca, token, mine, name=WEB.name)
        assert (await only(ca, WEB.name)).labels == {"tier": "bronze"}

    play(scenario)


def test_the_same_keys_get_the_same_answer_and_count_once(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        token, mine = await made(ca, NOBODY, MANY), (new_key(), new_key())
        first = await enrol(ca, token, *mine, name="web-1.example.com")
        again = await enrol(ca, token, *mine, name="web-1.example.com")
        assert again.again
        assert {each.serial for each in again.certificates} == {each.serial for each in first.certificates}
        ((line, _),) = await ca.authority.tokens.every(ended=False)
        assert line.uses == 1
        with pytest.raises(Unauthenticated):
            await enrol(ca, token, *mine, name="web-2.example.com")
        with pytest.raises(Conflict):
            await enrol(ca, token, mine[0], name="web-1.example.com")

    play(scenario)


def test_a_single_token_shared_by_two_lets_one_in_and_is_told_of(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        token, mine = await made(ca), new_key()
        await enrol(ca, token, mine)
        with pytest.raises(Unauthenticated):
            await enrol(ca, token)
        assert len(await events(ca, "credential.reused")) == 1
        assert (await only(ca, WEB.name)).keys == (mine.blob,)
        assert (await enrol(ca, token, mine)).again

    play(scenario)


def test_a_thousand_at_once_with_a_token_of_ten_uses_are_ten_hosts(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        token = await made(ca, NOBODY, MANY)
        asked = [enrol(ca, token, name=f"web-{number}.example.com") for number in range(1000)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(each, Issuance) for each in found) == 10
        refused = [each for each in found if not isinstance(each, Issuance)]
        assert {(type(each), getattr(each, "code", "")) for each in refused} == {(Unauthenticated, "join.token")}
        assert len(await ca.store.hosts()) == 10
        ((line, state),) = await ca.authority.tokens.every(ended=True)
        assert (line.uses, state) == (10, "used")

    play(scenario)


@pytest.mark.parametrize("keep", [True, False], ids=["a host that has enrolled", "a new host"])
def test_a_revoked_token_opens_nothing_and_takes_nothing_away(play: Play, keep: bool) -> None:
    async def scenario(ca: Heart) -> None:
        token, mine = await made(ca, NOBODY, MANY), new_key()
        await enrol(ca, token, mine, name="web-1.example.com")
        await ca.authority.tokens.revoke("", "web-*.example.com", reason="leaked", actor="uid:0")
        with pytest.raises(Unauthenticated):
            await enrol(ca, token, mine if keep else new_key(), name="web-1.example.com")
        assert (await only(ca, "web-1.example.com")).live_until > 0

    play(scenario)


def test_an_expired_token_and_one_without_proof_open_nothing(play: Play) -> None:
    clock = MovingClock()

    async def scenario(ca: Heart) -> None:
        token = await made(ca, NOBODY, MANY)
        with pytest.raises(Unauthenticated, match="every key"):
            await enrol(ca, token, name="web-1.example.com", possessed=False)
        clock.later = HOUR
        with pytest.raises(Unauthenticated, match="expired"):
            await enrol(ca, token, name="web-1.example.com")
        ((_, state),) = await ca.authority.tokens.every(ended=True)
        assert state == "expired"
        assert await ca.authority.tokens.every(ended=False) == []

    play(scenario, clock=clock)


def test_tokens_are_taken_back_by_id_or_by_what_they_are_for_alone(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        tokens = ca.authority.tokens
        await made(ca)
        await made(ca, NOBODY, Terms((WEB.name, "web-2.example.com")))
        wrong = (("", "", Invalid), ("a", "b", Invalid), ("", "web-2.example.com", NotFound), ("00", "", NotFound))
        for id_, name, kind in wrong:
            with pytest.raises(kind):
                await tokens.revoke(id_, name, reason="lost", actor="uid:0")
        with pytest.raises(Invalid, match="reason"):
            await tokens.revoke("", WEB.name, reason="a\nb", actor="uid:0")
        ((gone, state),) = await tokens.revoke("", WEB.name, reason="lost", actor="uid:0")
        assert (gone.names, state) == ((WEB.name,), "revoked")
        ((left, _),) = await tokens.every(ended=False)
        ((gone, state),) = await tokens.revoke(left.id, "", reason="lost", actor="uid:0")
        assert (gone.id, state) == (left.id, "revoked")
        assert [each["reason"] for each in await events(ca, "token.revoke")] == ["lost", "lost"]

    play(scenario)


def test_no_secret_of_a_token_is_in_the_ledger_or_the_list(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        token = (await made(ca)).reveal()
        text = json.dumps(await events(ca, "token.create")) + repr(await ca.authority.tokens.every(ended=True))
        assert token not in text
        assert token[-40:] not in text

    play(scenario)


def test_a_token_lets_nobody_in_as_a_person(play: Play) -> None:
    """`/v1/ssh/sign` takes any token that some provisioner knows."""

    async def scenario(ca: Heart) -> None:
        for facts, terms, name in ((WEB, ONCE, ""), (NOBODY, MANY, "web-2.example.com")):
            token, key = await made(ca, facts, terms), new_key()
            credential = Credential(token, (key,), act=b"", possessed=True, name=name, address=HERE)
            with pytest.raises(Denied) as refusal:
                await ca.authority.issue(Request(CertType.USER, (key,)), credential)
            assert refusal.value.code == "policy.kind"
        assert await events(ca, "certificate.issue") == []

    play(scenario)


def test_a_token_in_the_wrong_hands_is_on_the_record_once_a_reason_and_address(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await enrol(ca, await made(ca))
        token = await made(ca, NOBODY, MANY)
        for name, address in (
            ("web-9.example.com", "192.0.2.1"),
            ("db-1.example.com", HERE),
            ("web-9.example.com.evil.example", HERE),
            ("web-1.example.com", HERE),
            ("web-9.example.com", "192.0.2.2"),
        ):
            for _ in range(2):
                with pytest.raises((Denied, Conflict)):
                    await enrol(ca, token, name=name, address=address)
        told = await events(ca, "token.deny")
        assert [(each["code"], each["address"]) for each in told] == [
            ("join.address", "192.0.2.1"),
            ("join.name", HERE),
            ("policy.name-taken", HERE),
            ("join.address", "192.0.2.2"),
        ]
        assert told[1]["why"] == "this join token is not for db-1.example.com, but for web-*.example.com"
        assert {each["actor"] for each in told} == {f"join:{told[0]['token']}"}
        assert token.reveal().rpartition(".")[2] not in json.dumps(told)
        assert [host.name for host in await ca.store.hosts()] == ["web-1.example.com"]

    play(scenario)


def test_who_shows_a_used_up_token_is_on_the_record_and_a_thousand_addresses_fill_no_ledger(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        token = await made(ca, NOBODY, Terms(MANY.patterns, MANY.networks, 2))
        for number in range(2):
            await enrol(ca, token, name=f"web-{number}.example.com")
        for number in range(PER_PERSON * 2):
            with pytest.raises(Unauthenticated):
                await enrol(ca, token, name="web-3.example.com", address=f"10.0.0.{number}")
        told = await events(ca, "token.deny")
        assert ({each["code"] for each in told}, len(told)) == ({"join.token"}, PER_PERSON)

    play(scenario)


def test_a_single_token_that_is_shared_is_told_of_once(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        token = await made(ca)
        await enrol(ca, token)
        with pytest.raises(Unauthenticated):
            await enrol(ca, token)
        assert (len(await events(ca, "credential.reused")), await events(ca, "token.deny")) == (1, [])

    play(scenario)
