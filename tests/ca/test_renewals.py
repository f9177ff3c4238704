"""What a host gets for the certificate it holds, and never more than that (trust 5.1; "Renewal widened")."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.ca import pace
from daypass.ca.authority import Issuance
from daypass.config import HostsSection, LifetimeSection
from daypass.errors import DaypassError, Denied, Invalid, Throttled, Unauthenticated
from daypass.model import Credential, HostFacts, Request, Secret
from daypass.wire import Certificate, CertType, Krl, PublicKey
from tests.ca.heart import Heart, Scenario, heart, new_key
from tests.parts.op import Op
from tests.parts.sshpop import Holder
from tests.store.ends import revoke as end_these

NAME, ALIAS = "web-1.example.com", "www.example.com"
DAY = 86400
Play = Callable[..., None]


@pytest.fixture
def play(op: Op, tmp_path: Path) -> Play:
    def run(scenario: Scenario, **changes: Any) -> None:
        async def whole() -> None:
            async with heart(op, tmp_path / "ca.sqlite", **changes) as built:
                await scenario(built)

        asyncio.run(whole())

    return run


async def enrolled(ca: Heart, name: str = NAME, *aliases: str, private: Ed25519PrivateKey | None = None) -> Holder:
    private = private or Ed25519PrivateKey.generate()
    token, _ = await ca.authority.make_join_token(HostFacts(name, aliases), 600, "root")
    return holder(private, await ca.enrol(Secret(token), PublicKey.from_cryptography(private.public_key())))


def holder(private: Ed25519PrivateKey, issuance: Issuance) -> Holder:
    return Holder(private, Certificate.parse(issuance.certificates[0].certificate))


def token(ca: Heart, host: Holder, act: str, **changes: Any) -> Secret:
    return Secret(host.token(act, **({"now": ca.clock.now()} | changes)))


async def renewed(ca: Heart, host: Holder) -> Holder:
    return holder(host.private, await ca.authority.renewals.renew(token(ca, host, "renew")))


async def revoke(ca: Heart, host: Holder, serial: str = "") -> None:
    await ca.authority.renewals.revoke(token(ca, host, "revoke"), serial or str(host.serial), {"reason_code": 1})


async def entries(ca: Heart) -> list[dict[str, Any]]:
    return [json.loads(row.entry) for row in await ca.store.ledger(0, 1000)]


def test_a_renewal_is_the_same_anew(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca, NAME, ALIAS)
        ca.clock.later += 10 * DAY
        new = (await renewed(ca, host)).certificate
        old, now = host.certificate, int(ca.clock.now())
        new.verify_signature()
        assert (new.public_key, new.type, new.key_id, new.principals) == (
            old.public_key, CertType.HOST, NAME, (NAME, ALIAS),
        )  # fmt: skip
        assert new.serial != old.serial and new.nonce != old.nonce
        assert abs(new.valid_after - (now - 60)) <= 1 and abs(new.valid_before - (now + 30 * DAY)) <= 1
        assert not new.critical_options and not new.extensions
        assert await ca.acts() == ["config.publish", "token.create", "certificate.issue", "certificate.issue"]
        assert (await entries(ca))[-1]["renews"] == old.serial

    play(scenario)


@pytest.mark.parametrize(("lifetime", "days"), [("30d", 30), ("60d", 30), ("7d", 7)])
def test_a_renewal_is_never_longer_than_the_certificate_nor_than_today_s_policy(
    play: Play, lifetime: str, days: int
) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        await ca.publish(lifetimes=LifetimeSection(host=lifetime))
        for _ in range(2):
            host = await renewed(ca, host)
        length = host.certificate.valid_before - host.certificate.valid_after
        assert length == days * DAY + 60

    play(scenario)


def test_a_name_that_the_ca_speaks_for_no_longer_is_left_out(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca, NAME, ALIAS)
        await ca.publish(hosts=HostsSection(domains=[NAME]))
        assert (await renewed(ca, host)).certificate.principals == (NAME,)
        await ca.publish(hosts=HostsSection(domains=[ALIAS]))
        with pytest.raises(Denied, match="outside the domains"):
            await renewed(ca, host)

    play(scenario)


def test_an_alias_that_the_host_has_no_longer_is_left_out(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca, NAME, ALIAS)
        await enrolled(ca, NAME, "new.example.com", private=host.private)
        assert (await renewed(ca, host)).certificate.principals == (NAME,)

    play(scenario)


def test_a_name_that_is_another_host_s_now_is_not_renewed(play: Play) -> None:
    """As an operator's replacement of a host will leave the records: one name, another machine."""

    async def scenario(ca: Heart) -> None:
        host, other = await enrolled(ca), await enrolled(ca, "db-1.example.com")
        found = await ca.store.on_record(other.serial)
        assert found is not None
        with ca.store._database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE hosts SET name = ? WHERE id = ?", (NAME, found.host))
            connection.exec_driver_sql("UPDATE host_names SET host_id = ? WHERE name = ?", (found.host, NAME))
        with pytest.raises(Denied, match="no longer the name of the host"):
            await renewed(ca, host)

    play(scenario)


@pytest.mark.parametrize("what", ["revoked", "removed"])
def test_an_end_that_races_a_renewal_leaves_no_certificate(play: Play, what: str) -> None:
    async def scenario(ca: Heart) -> None:
        host, sign = await enrolled(ca), ca.keys["host"].sign

        async def end_first(data: bytes) -> bytes:
            if what == "revoked":
                await end_these(ca.store, [host.serial], reason="stolen", actor="root", now=int(ca.clock.now()))
            else:  # as an operator's removal of a host will leave the records
                with ca.store._database.engine.begin() as connection:
                    connection.exec_driver_sql("UPDATE hosts SET removed_at = 1")
            return await sign(data)

        object.__setattr__(ca.keys["host"], "sign", end_first)
        before = (await ca.acts()).count("certificate.issue")
        with pytest.raises(DaypassError):
            await renewed(ca, host)
        assert (await ca.acts()).count("certificate.issue") == before

    play(scenario)


def test_an_honest_retry_gets_the_same_certificate_and_a_used_token_no_other(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host, fresh = await enrolled(ca), new_key()
        shown = token(ca, host, "renew")
        first, again = [await ca.authority.renewals.renew(shown) for _ in range(2)]
        assert first.certificates == again.certificates and again.again
        moving = token(ca, host, "rekey")
        one = await ca.authority.renewals.rekey(moving, fresh, possessed=True)
        assert (await ca.authority.renewals.rekey(moving, fresh, possessed=True)).certificates == one.certificates
        with pytest.raises(Unauthenticated, match="used before, for another key"):
            await ca.authority.renewals.rekey(moving, new_key(), possessed=True)
        assert (await ca.acts())[-1] == "credential.reused"
        found = await ca.store.on_record(one.certificates[0].serial)
        assert found is not None and found.revoked_at is None  # docs/adr/reused-join-token.md

    play(scenario)


def test_ten_with_one_token_get_one_certificate(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        shown = token(ca, host, "renew")
        found = await asyncio.gather(*(ca.authority.renewals.renew(shown) for _ in range(10)))
        assert len({each.certificates[0].serial for each in found}) == 1

    play(scenario)


def test_a_host_that_never_stops_renewing_waits_and_no_other_does(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every certificate stays on record: one host must not be able to fill the database."""
    monkeypatch.setattr(pace, "RENEWALS", 3)

    async def scenario(ca: Heart) -> None:
        host, other = await enrolled(ca), await enrolled(ca, "db-1.example.com")
        for _ in range(2):
            await renewed(ca, host)
        await ca.authority.renewals.rekey(token(ca, host, "rekey"), new_key(), possessed=True)
        issued = (await ca.acts()).count("certificate.issue")
        for work in (
            renewed(ca, host),
            ca.authority.renewals.rekey(token(ca, host, "rekey"), new_key(), possessed=True),
        ):
            with pytest.raises(Throttled) as slow:
                await work
            assert slow.value.code == "renew.many" and slow.value.retry_after and slow.value.retry_after > 3500
        assert (await ca.acts()).count("certificate.issue") == issued
        await renewed(ca, other)
        ca.clock.later += 3601
        await renewed(ca, host)
        await revoke(ca, host)

    play(scenario)


@pytest.mark.parametrize("possessed", [True, False])
def test_a_rekey_moves_the_name_and_is_an_event(play: Play, possessed: bool) -> None:
    async def scenario(ca: Heart) -> None:
        host, fresh = await enrolled(ca, NAME, ALIAS), Ed25519PrivateKey.generate()
        public = PublicKey.from_cryptography(fresh.public_key())
        moved = holder(
            fresh, await ca.authority.renewals.rekey(token(ca, host, "rekey"), public, possessed=possessed)
        )
        assert (moved.certificate.public_key, moved.certificate.principals) == (public, (NAME, ALIAS))
        last = (await entries(ca))[-1]
        assert (last["act"], last["actor"], last["proven"]) == ("host.rekey", f"sshpop:{host.serial}", possessed)
        assert (last["from"], last["to"]) == (host.certificate.public_key.fingerprint, public.fingerprint)
        assert (last["renews"], last["serial"]) == (host.serial, moved.serial)
        assert (await renewed(ca, moved)).certificate.public_key == public
        assert (await renewed(ca, host)).certificate.public_key == host.certificate.public_key  # until it ends

    play(scenario)


def test_another_host_s_key_needs_that_key_s_word(play: Play) -> None:
    """docs/adr/rekey-without-proof.md"""

    async def scenario(ca: Heart) -> None:
        host, victim = await enrolled(ca), await enrolled(ca, "db-1.example.com")
        key = victim.certificate.public_key
        with pytest.raises(Denied, match="another host"):
            await ca.authority.renewals.rekey(token(ca, host, "rekey"), key, possessed=False)
        assert "host.rekey" not in await ca.acts()
        assert (await ca.authority.renewals.rekey(token(ca, host, "rekey"), key, possessed=True)).certificates
        own = host.certificate.public_key
        before = (await ca.acts()).count("host.rekey")
        assert (await ca.authority.renewals.rekey(token(ca, host, "rekey"), own, possessed=False)).certificates
        assert (await ca.acts()).count("host.rekey") == before  # nothing moved

    play(scenario)


@pytest.mark.parametrize("use", ["user", "host", "bundle"])
def test_a_key_of_the_ca_is_never_a_host_s(play: Play, use: str) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        with pytest.raises(Invalid, match="key of the CA"):
            key = ca.keys[use].public_key
            await ca.authority.renewals.rekey(token(ca, host, "rekey"), key, possessed=True)

    play(scenario)


def test_a_host_revokes_what_it_shows_and_laptops_hear_of_it(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host, other = await enrolled(ca), await enrolled(ca, "db-1.example.com")
        with pytest.raises(Denied, match="do not match"):
            await revoke(ca, host, str(other.serial))
        await revoke(ca, host)
        document, _ = await ca.authority.client_bundle()
        (section,) = Krl.parse(base64.b64decode(json.loads(document)["host_krl"])).sections
        assert section.serials == ((host.serial, host.serial),)
        last = (await entries(ca))[-1]
        assert (last["act"], last["serials"], last["reason_code"]) == ("certificate.revoke", [host.serial], 1)
        with pytest.raises(Invalid, match=f"'{host.serial}' is already revoked"):
            await revoke(ca, host)
        for act in (
            renewed(ca, host),
            ca.authority.renewals.rekey(token(ca, host, "rekey"), new_key(), possessed=True),
        ):
            with pytest.raises(Unauthenticated, match="revoked"):
                await act
        assert (await renewed(ca, other)).certificate.principals == ("db-1.example.com",)

    play(scenario)


def test_expiry_is_looked_at_when_the_certificate_is_shown(play: Play) -> None:
    """CVE-2026-115362: expiry that only a cleaning job enforced."""

    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        ca.clock.later += 30 * DAY + 5
        for act in (renewed(ca, host), revoke(ca, host)):
            with pytest.raises(Unauthenticated, match="expired"):
                await act

    play(scenario)


def test_a_renewal_token_is_worth_nothing_where_others_sign_in(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host, key = await enrolled(ca), new_key()
        for kind in (CertType.USER, CertType.HOST):
            for act in ("renew", "rekey", "revoke"):
                credential = Credential(token(ca, host, act), (key,), possessed=True)
                with pytest.raises(Unauthenticated):
                    await ca.authority.issue(Request(kind, (key,)), credential)

    play(scenario)


def test_a_host_that_has_given_up_its_certificate_itself_may_come_back_with_the_same_key(play: Play) -> None:
    """`daypass host leave`, and later another token. It is otherwise where somebody else has revoked it."""

    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        await revoke(ca, host)
        again = await enrolled(ca, private=host.private)
        await end_these(ca.store, [again.serial], reason="stolen", actor="root", now=int(ca.clock.now()))
        with pytest.raises(Denied, match="needs new host keys"):
            await enrolled(ca, private=host.private)

    play(scenario)
