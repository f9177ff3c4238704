"""Calls by the day pass: whose they are, and every way they are nobody's (trust 4.2)."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from daypass.api import PassProof
from daypass.ca.calls import Call, Caller
from daypass.errors import Invalid, NotFound, Unauthenticated
from daypass.model import Credential, HostFacts, Secret
from daypass.wire import Certificate, CertType, PublicKey, sign_blob
from tests.ca.heart import Heart, Scenario, heart
from tests.parts.op import Op
from tests.parts.sshpop import Holder
from tests.store.ends import revoke

PATH = "/v1/me/certificates"
Play = Callable[[Scenario], None]


@pytest.fixture
def play(op: Op, tmp_path: Path) -> Play:
    def run(scenario: Scenario) -> None:
        async def whole() -> None:
            async with heart(op, tmp_path / "ca.sqlite") as built:
                await scenario(built)

        asyncio.run(whole())

    return run


async def sign_in(ca: Heart, sub: str = "alice-1", valid_after: int | None = None, **claims: Any) -> Holder:
    private, salt = Ed25519PrivateKey.generate(), os.urandom(32)
    key = PublicKey.from_cryptography(private.public_key())
    who = {} if sub == "alice-1" else {"sub": sub, "email": f"{sub}@example.com"}
    credential = Credential(ca.token(key, salt, **who, **claims), (key,), salt=salt)
    issuance = await ca.issue(credential, valid_after=valid_after)
    return Holder(private, Certificate.parse(issuance.certificates[0].certificate))


def call(ca: Heart, by: Holder, method: str = "GET", path: str = PATH, body: bytes = b"", **changes: Any) -> Call:
    shown = PassProof.from_header(by.header(method, path, body, **({"now": ca.clock.now()} | changes)))
    return Call(method, path, body, shown.certificate, shown.time, shown.nonce, shown.proof)


async def admitted(ca: Heart, by: Holder, **changes: Any) -> Caller:
    return await ca.authority.calls.admit(call(ca, by, **changes))


async def refused(ca: Heart, shown: Call, code: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await ca.authority.calls.admit(shown)
    assert refusal.value.code == f"pass.{code}", refusal.value.message
    assert refusal.value.hint


def test_a_live_pass_speaks_for_its_person(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        mine = await sign_in(ca)
        caller = await admitted(ca, mine)
        assert (caller.owner.issuer, caller.owner.subject, caller.serial) == (ca.op.issuer, "alice-1", mine.serial)
        assert not caller.owner.locked

    play(scenario)


def test_a_proof_is_for_one_call_at_one_ca_once(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        mine = await sign_in(ca)
        good = call(ca, mine, method="POST", body=b"{}")
        changes: list[dict[str, Any]] = [
            {"method": "GET"}, {"path": "/v1/me/revoke"}, {"body": b"{ }"}, {"body": b""}, {"time": good.time + 1},
            {"nonce": bytes(16)}, {"proof": good.proof[:-1] + bytes([good.proof[-1] ^ 1])}, {"proof": b""},
        ]  # fmt: skip
        for change in changes:
            await refused(ca, replace(good, **change), "proof")
        await refused(ca, call(ca, mine, ca_id=bytes(32)), "proof")
        await refused(ca, call(ca, mine, namespace="file"), "proof")
        await refused(ca, call(ca, mine, private=Ed25519PrivateKey.generate()), "proof")
        await ca.authority.calls.admit(good)
        await refused(ca, good, "replay")

    play(scenario)


def test_of_many_at_once_with_one_nonce_one_gets_in(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        shown = call(ca, await sign_in(ca))
        found = await asyncio.gather(*(ca.authority.calls.admit(shown) for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(each, Caller) for each in found) == 1

    play(scenario)


@pytest.mark.parametrize(("ahead", "good"), [(-62, False), (-59, True), (0, True), (59, True), (62, False)])
def test_a_caller_s_clock_may_be_a_minute_off(play: Play, ahead: int, good: bool) -> None:
    async def scenario(ca: Heart) -> None:
        mine = await sign_in(ca)
        shown = call(ca, mine, now=ca.clock.now() + ahead)
        if good:
            await ca.authority.calls.admit(shown)
        else:
            await refused(ca, shown, "time")

    play(scenario)


def test_a_nonce_passes_no_second_time_however_late(play: Play) -> None:
    """It is forgotten only when its time could pass no more."""

    async def scenario(ca: Heart) -> None:
        mine = await sign_in(ca)
        shown = call(ca, mine, now=ca.clock.now() + 58)
        await ca.authority.calls.admit(shown)
        for _ in range(12):
            ca.clock.later += 10
            await admitted(ca, mine)
            with pytest.raises(Unauthenticated):
                await ca.authority.calls.admit(shown)

    play(scenario)


def test_what_is_refused_writes_nothing(play: Play) -> None:
    """The one-time id is spent after the signature held, or anybody could spend another's."""

    async def scenario(ca: Heart) -> None:
        mine, nonce = await sign_in(ca), os.urandom(16)
        thief = Holder(Ed25519PrivateKey.generate(), mine.certificate)
        before = ca.store._database.engine.connect().exec_driver_sql("SELECT count(*) FROM once_ids").scalar()
        await refused(ca, call(ca, thief, nonce=nonce), "proof")
        after = ca.store._database.engine.connect().exec_driver_sql("SELECT count(*) FROM once_ids").scalar()
        assert before == after
        await admitted(ca, mine, nonce=nonce)

    play(scenario)


def test_hundreds_of_calls_leave_nothing_behind(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        mine = await sign_in(ca)
        for _ in range(10):
            await asyncio.gather(*(admitted(ca, mine) for _ in range(20)))
            ca.clock.later += 200
        await admitted(ca, mine)
        rows = ca.store._database.engine.connect().exec_driver_sql(
            "SELECT count(*) FROM once_ids WHERE provider = 'pass'"
        )
        assert rows.scalar() == 1

    play(scenario)


async def expired(ca: Heart, mine: Holder) -> Holder:
    ca.clock.later += 17 * 3600
    return mine


async def early(ca: Heart, _mine: Holder) -> Holder:
    """Asked for by its person, on record, and not valid before the afternoon."""
    return await sign_in(ca, valid_after=int(ca.clock.now()) + 3600)


async def revoked(ca: Heart, mine: Holder) -> Holder:
    await revoke(ca.store, [mine.serial], reason="lost", actor="root", now=int(ca.clock.now()))
    return mine


async def locked(ca: Heart, mine: Holder) -> Holder:
    with ca.store._database.engine.begin() as connection:  # a lock revokes, too: look at the lock alone
        connection.exec_driver_sql("UPDATE persons SET locked_at = 1")
    return mine


async def unrecorded(ca: Heart, mine: Holder) -> Holder:
    return await forged(ca, mine, nonce=bytes(32))


async def foreign(_ca: Heart, mine: Holder) -> Holder:
    ca_key = Ed25519PrivateKey.generate()
    draft = changed(mine.certificate, signature_key=PublicKey.from_cryptography(ca_key.public_key()))
    return Holder(mine.private, draft.with_signature(sign_blob(ca_key, draft.to_be_signed())))


async def unsigned(_ca: Heart, mine: Holder) -> Holder:
    made = changed(mine.certificate, principals=("root",))
    return Holder(mine.private, made.with_signature(mine.certificate.signature))


async def host_s(ca: Heart, mine: Holder) -> Holder:
    key = mine.certificate.public_key
    token, _ = await ca.authority.make_join_token(HostFacts("web-1.example.com"), 600, "root")
    issued = await ca.enrol(Secret(token), key)
    return Holder(mine.private, Certificate.parse(issued.certificates[0].certificate))


async def host_by_user_ca(ca: Heart, mine: Holder) -> Holder:
    return await forged(ca, mine, type=CertType.HOST, extensions=())


async def narrow(ca: Heart, mine: Holder) -> Holder:
    return await forged(ca, mine, critical_options=(("force-command", "true"),))


async def next_serial(ca: Heart, mine: Holder) -> Holder:
    return await forged(ca, mine, serial=2**64 - 1)


def changed(certificate: Certificate, **changes: Any) -> Certificate:
    fields = {name: getattr(certificate, name) for name in Certificate.__dataclass_fields__ if name != "_body"}
    return Certificate(**(fields | {"signature": b""} | changes))


async def forged(ca: Heart, mine: Holder, **changes: Any) -> Holder:
    """Signed by the user CA's own key, and never recorded."""
    draft = changed(mine.certificate, **changes)
    return Holder(mine.private, draft.with_signature(await ca.keys["user"].sign(draft.to_be_signed())))


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (expired, "expired"),
        (early, "expired"),
        (revoked, "revoked"),
        (locked, "locked"),
        (foreign, "certificate"),
        (unsigned, "proof"),
        (host_s, "certificate"),
        (unrecorded, "unknown"),
        (host_by_user_ca, "certificate"),
        (narrow, "narrow"),
        (next_serial, "unknown"),
    ],
)
def test_a_pass_that_does_not_count(play: Play, state: Any, code: str) -> None:
    async def scenario(ca: Heart) -> None:
        holder = await state(ca, await sign_in(ca))
        await refused(ca, call(ca, holder), code)

    play(scenario)


def test_one_s_own_are_told_and_nobody_else_s(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        mine, other = [await sign_in(ca) for _ in range(2)], await sign_in(ca, "bob")
        told = await ca.authority.calls.certificates(await admitted(ca, mine[0]))
        assert [each.serial for each in told] == [mine[1].serial, mine[0].serial]
        told = await ca.authority.calls.certificates(await admitted(ca, other))
        assert [each.serial for each in told] == [other.serial]

    play(scenario)


def test_giving_up_ends_it_and_says_so_again(play: Play) -> None:
    """docs/adr/giving-up-twice.md"""

    async def scenario(ca: Heart) -> None:
        mine, spare = await sign_in(ca), await sign_in(ca)
        caller = await admitted(ca, mine)
        first = await ca.authority.calls.revoke(caller, spare.serial, "left the laptop on a train")
        ca.clock.later += 5
        again = await ca.authority.calls.revoke(caller, spare.serial, "again")
        assert first == again and first.revoked_at is not None
        last = json.loads((await ca.store.ledger(0, 99))[-1].entry)
        assert (last["act"], last["serials"], last["actor"]) == ("certificate.revoke", [spare.serial], "pass:alice-1")
        assert (last["reason"], last["pass"]) == ("left the laptop on a train", mine.serial)
        await refused(ca, call(ca, spare), "revoked")
        await ca.authority.calls.revoke(caller, mine.serial, "")  # the one that is shown, too
        await refused(ca, call(ca, mine), "revoked")

    play(scenario)


def test_another_s_certificate_is_as_unknown_as_none(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        mine, other = await sign_in(ca), await sign_in(ca, "bob")
        token, _ = await ca.authority.make_join_token(HostFacts("web-1.example.com"), 600, "root")
        host = await ca.enrol(Secret(token), PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key()))
        caller, before = await admitted(ca, mine), await ca.acts()
        said = set()
        for serial in (other.serial, host.certificates[0].serial, 1, 0, -1, 2**63, 2**70):
            with pytest.raises(NotFound) as refusal:
                await ca.authority.calls.revoke(caller, serial, "")
            said.add((refusal.value.code, refusal.value.message.replace(str(serial), "N"), refusal.value.hint))
        assert len(said) == 1
        assert await ca.acts() == before

    play(scenario)


@pytest.mark.parametrize("reason", ["x" * 257, "two\nlines", "\x1b[31m", "\0"])
def test_a_reason_is_one_plain_line(play: Play, reason: str) -> None:
    async def scenario(ca: Heart) -> None:
        mine = await sign_in(ca)
        with pytest.raises(Invalid):
            await ca.authority.calls.revoke(await admitted(ca, mine), mine.serial, reason)

    play(scenario)
