"""Two processes of one CA on one database: what races through both ends as it would in one (trust 3.5, 3.6)."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.ca.calls import Call
from daypass.errors import DaypassError
from daypass.model import Credential, HostFacts, Secret
from daypass.wire import Certificate, PublicKey, SshSignature, sign_blob, sshsig
from daypass.wire.binding import REQUEST_NAMESPACE, request_message
from tests.ca.heart import CA_ID, Heart, MovingClock, heart, new_key
from tests.parts.op import Op
from tests.parts.sshpop import Holder
from tests.store.ends import lock_person

TIMES = 8


def raced(op: Op, database: str, scenario: Callable[[Heart, Heart], Awaitable[None]]) -> None:
    async def go() -> None:
        clock = MovingClock()
        async with heart(op, database, clock=clock) as one, heart(op, database, clock=clock, like=one) as two:
            for _ in range(TIMES):
                await scenario(one, two)

    asyncio.run(go())


async def enrolled(ca: Heart) -> Holder:
    private = Ed25519PrivateKey.generate()
    token, _ = await ca.authority.make_join_token(HostFacts(f"h{os.urandom(4).hex()}.example.com"), 600, "root")
    issuance = await ca.enrol(Secret(token), PublicKey.from_cryptography(private.public_key()))
    return Holder(private, Certificate.parse(issuance.certificates[0].certificate))


async def both(*works: Awaitable[Any]) -> list[Any]:
    """Results and refusals; whatever is no refusal fails the test."""
    found = await asyncio.gather(*works, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException) and not isinstance(each, DaypassError):
            raise each
    return found


def failed(found: list[Any]) -> list[DaypassError]:
    return [each for each in found if isinstance(each, DaypassError)]


async def entries(ca: Heart) -> list[dict[str, Any]]:
    return [json.loads(row.entry) for row in await ca.store.ledger(0, 1000)]


def test_a_host_that_gives_up_its_certificate_gets_none_for_it_any_more(op: Op, database: str) -> None:
    async def scenario(one: Heart, two: Heart) -> None:
        host = await enrolled(one)
        renewal, rekeying, end = (Secret(host.token(act)) for act in ("renew", "rekey", "revoke"))
        *issued, ended = await both(
            one.authority.renewals.renew(renewal),
            one.authority.renewals.rekey(rekeying, new_key(), possessed=True),
            two.authority.renewals.revoke(end, str(host.serial), {}),
        )
        assert ended is None
        acts = await entries(one)
        over = next(at for at, entry in enumerate(acts) if host.serial in entry.get("serials", ()))
        came = [at for at, entry in enumerate(acts) if entry.get("renews") == host.serial]
        assert all(at < over for at in came)
        assert bool(came) == (len(failed(issued)) < 2)

    raced(op, database, scenario)


def test_a_token_that_is_shown_to_both_is_good_for_one_key(op: Op, database: str) -> None:
    async def scenario(one: Heart, two: Heart) -> None:
        host = await enrolled(one)
        shown = Secret(host.token("renew"))
        same = await asyncio.gather(*(ca.authority.renewals.renew(shown) for ca in (one, two, one, two)))
        assert len({each.certificates[0].certificate for each in same}) == 1
        moving = Secret(host.token("rekey"))
        found = await both(*(ca.authority.renewals.rekey(moving, new_key(), possessed=True) for ca in (one, two)))
        assert [error.code for error in failed(found)] == ["token.spent"]

    raced(op, database, scenario)


def test_a_call_that_is_shown_to_both_gets_in_once(op: Op, database: str) -> None:
    async def scenario(one: Heart, two: Heart) -> None:
        private, salt = Ed25519PrivateKey.generate(), os.urandom(32)
        public = PublicKey.from_cryptography(private.public_key())
        issuance = await one.issue(Credential(one.token(public, salt), (public,), salt=salt))
        at, nonce = int(one.clock.now()), os.urandom(16)
        message = request_message(CA_ID, "GET", "/v1/me/certificates", b"", at, nonce)
        signature = sign_blob(private, sshsig.to_be_signed(REQUEST_NAMESPACE, message))
        proof = SshSignature(public, REQUEST_NAMESPACE, "sha512", signature).encode()
        certificate = issuance.certificates[0].certificate
        call = Call("GET", "/v1/me/certificates", b"", certificate, at, nonce, proof)
        found = await both(*(ca.authority.calls.admit(call) for ca in (one, two, one, two)))
        assert [error.code for error in failed(found)] == ["pass.replay"] * 3

    raced(op, database, scenario)


def test_a_lock_that_races_a_sign_in_leaves_nothing_live(op: Op, database: str) -> None:
    async def scenario(one: Heart, two: Heart) -> None:
        person = f"p{os.urandom(4).hex()}"
        await one.sign_in(sub=person, email=f"{person}@example.com")
        now = int(one.clock.now())
        await both(
            two.sign_in(sub=person, email=f"{person}@example.com"),
            lock_person(one.store, one.op.issuer, person, reason="left", actor="root", now=now),
            two.sign_in(sub=person, email=f"{person}@example.com"),
        )
        issued = [each for each in await entries(one) if each["act"] == "certificate.issue"]
        mine = [each for each in issued if each.get("subject") == person]
        assert mine
        for each in mine:
            found = await two.store.on_record(each["serial"])
            assert found is not None and found.revoked_at is not None
        refused = await both(two.sign_in(sub=person, email=f"{person}@example.com"))
        assert [error.code for error in failed(refused)] == ["policy.locked"]

    raced(op, database, scenario)
