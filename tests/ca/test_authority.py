"""The issuance cycle, step by step, on real parts: OIDC, signers, SQLite."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.api import BUNDLE_NAMESPACE, HostBundle
from daypass.config import LifetimeSection, ProviderSection, RoleSection
from daypass.errors import Conflict, DaypassError, Denied, Invalid, Unauthenticated
from daypass.ledger.chain import verify
from daypass.model import Credential, Request, Secret
from daypass.signers.file import FileSigner
from daypass.wire import Certificate, CertType, PublicKey, SshSignature
from tests.ca.heart import CA_ID, ENGINEERS, Heart, MovingClock, new_key, sign_with
from tests.parts.op import Op
from tests.store.ends import lock_person, revoke

Play = Callable[..., None]


def test_a_sign_in_becomes_a_certificate_that_is_on_record(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        issuance, credential = await ca.sign_in()
        (issued,) = issuance.certificates
        cert = Certificate.parse(issued.certificate)
        cert.verify_signature()
        assert cert.public_key == credential.keys[0] and cert.signature_key == ca.keys["user"].public_key
        assert (cert.type, cert.key_id, cert.principals) == (
            CertType.USER,
            "alice@example.com",
            ("role:engineers:alice",),
        )
        assert cert.valid_before - cert.valid_after == 16 * 3600 + 60
        assert [name for name, _ in cert.extensions] == ["permit-port-forwarding", "permit-pty"]
        rows = await ca.store.ledger(0, 100)
        assert verify((row.seq, row.entry, row.hash) for row in rows)[0] == len(rows)
        assert str(cert.serial).encode() in rows[-1].entry

    play(scenario)


def test_a_retry_gets_the_recorded_certificate_and_no_second_one(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        first, credential = await ca.sign_in()
        again = await ca.issue(credential)
        assert again.again and again.certificates[0].certificate == first.certificates[0].certificate
        assert (await ca.acts()).count("certificate.issue") == 1

    play(scenario)


def test_many_at_once_with_one_token_get_one_certificate_and_disturb_no_one(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        key, salt = new_key(), os.urandom(32)
        credential = Credential(ca.token(key, salt), (key,), salt=salt)
        same = [ca.issue(credential) for _ in range(20)]
        others = [ca.sign_in(sub=f"p{n}", email=f"p{n}@example.com") for n in range(20)]
        results = await asyncio.gather(*same)
        assert len(await asyncio.gather(*others)) == 20
        assert len({issuance.certificates[0].certificate for issuance in results}) == 1
        assert (await ca.acts()).count("certificate.issue") == 21

    play(scenario)


@pytest.mark.parametrize("why", ["revoked", "locked", "group gone"])
def test_a_retry_gets_nothing_once_access_has_ended(play: Play, why: str) -> None:
    async def scenario(ca: Heart) -> None:
        first, credential = await ca.sign_in()
        if why == "revoked":
            serials = [each.serial for each in first.certificates]
            await revoke(ca.store, serials, reason="left", actor="root", now=int(ca.clock.now()))
        if why == "locked":
            await lock_person(ca.store, ca.op.issuer, "alice-1", reason="left", actor="root", now=int(ca.clock.now()))
        if why == "group gone":
            await ca.publish(roles=[])
        with pytest.raises((Unauthenticated, Denied)):
            await ca.issue(credential)

    play(scenario)


def test_a_retry_gets_nothing_once_the_certificate_has_expired(play: Play) -> None:
    """Expiry is looked at when it is used (CVE-2026-115362)."""

    async def scenario(ca: Heart) -> None:
        key, salt = new_key(), os.urandom(32)
        credential = Credential(ca.token(key, salt), (key,), salt=salt)
        await ca.issue(credential, lifetime=120)
        ca.clock.later = 60
        assert (await ca.issue(credential, lifetime=120)).again
        ca.clock.later = 121
        with pytest.raises(Unauthenticated) as caught:
            await ca.issue(credential, lifetime=120)
        assert caught.value.code == "token.spent"

    play(scenario, clock=MovingClock(), lifetimes=LifetimeSection(floor="1m"))


def test_a_retry_gets_nothing_with_a_principal_that_today_s_policy_would_not_give(play: Play) -> None:
    """One of two roles is gone: what is left is a grant, but not for this certificate (trust 3.4)."""
    operators = RoleSection(name="operators", hosts=["*"], groups=["engineers"], accounts=["deploy"])

    async def scenario(ca: Heart) -> None:
        _, credential = await ca.sign_in()
        await ca.publish(roles=[ENGINEERS])
        with pytest.raises(Unauthenticated) as caught:
            await ca.issue(credential)
        assert caught.value.code == "token.spent"
        assert (await ca.sign_in())[0].certificates[0].principals == ("role:engineers:alice",)

    play(scenario, roles=[ENGINEERS, operators])


def test_a_retry_gets_nothing_with_a_name_at_a_git_server_that_today_s_policy_would_not_give(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        issuance, credential = await ca.sign_in()
        assert ("login@github.com", "alice") in Certificate.parse(issuance.certificates[0].certificate).extensions
        assert (await ca.issue(credential)).again
        await ca.publish(roles=[ENGINEERS])
        with pytest.raises(Unauthenticated) as caught:
            await ca.issue(credential)
        assert caught.value.code == "token.spent"

    play(scenario, roles=[msgspec.structs.replace(ENGINEERS, git={"github.com": "login"})])


def test_a_sign_in_by_the_provider_s_own_device_grant_is_remote_on_record(play: Play, op: Op) -> None:
    """RFC 8628 section 5.4; the binding to the key stays whole (trust 3.1)."""
    provider = ProviderSection(
        name="idp", issuer=op.issuer, client_id=op.client_id, device_client_id="tv", max_age=""
    )
    careful = RoleSection(name="careful", hosts=["*"], groups=["engineers"], accounts=["deploy"], refuse_remote=True)

    async def scenario(ca: Heart) -> None:
        for audience, marked, roles in (("tv", True, ("engineers",)), ("daypass", None, ("engineers", "careful"))):
            issuance, credential = await ca.sign_in(aud=audience)
            assert issuance.roles == roles
            assert json.loads((await ca.store.ledger(0, 100))[-1].entry).get("remote") is marked
            with pytest.raises(Unauthenticated):
                await ca.issue(Credential(credential.token, (new_key(),), salt=credential.salt))

    play(scenario, providers=[provider], roles=[ENGINEERS, careful])


def test_a_bound_token_is_good_for_its_own_key_alone(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        key, thief, salt = new_key(), new_key(), os.urandom(32)
        token = ca.token(key, salt)
        for salted in (salt, None, bytes(32)):
            with pytest.raises(Unauthenticated):
                await ca.issue(Credential(token, (thief,), salt=salted))
        assert (await ca.issue(Credential(token, (key,), salt=salt))).certificates

    play(scenario)


def test_a_certificate_is_told_again_to_its_own_person_alone(play: Play) -> None:
    """The same key and salt make the same nonce, whoever signs in; and both may have what the role gives."""
    shared = RoleSection(name="dba", hosts=["*"], groups=["engineers"], accounts=["postgres"])

    async def scenario(ca: Heart) -> None:
        key, salt = new_key(), os.urandom(32)
        alice = Credential(ca.token(key, salt), (key,), salt=salt)
        bob = Credential(ca.token(key, salt, sub="bob-1", email="bob@example.com"), (key,), salt=salt)
        assert (await ca.issue(alice)).login == "alice"
        with pytest.raises(Unauthenticated) as caught:
            await ca.issue(bob)
        assert caught.value.code == "token.spent"
        assert (await ca.issue(alice)).again

    play(scenario, roles=[shared])


def test_an_unbound_token_that_comes_back_with_another_key_revokes_the_first_certificate(play: Play, op: Op) -> None:
    provider = ProviderSection(name="idp", issuer=op.issuer, client_id=op.client_id, max_age="", allow_unbound=True)

    async def scenario(ca: Heart) -> None:
        token, mine, thief = Secret(ca.op.mint(nonce="n1")), new_key(), new_key()
        await ca.issue(Credential(token, (mine,)))
        with pytest.raises(Unauthenticated) as caught:
            await ca.issue(Credential(token, (thief,)))
        assert caught.value.code == "token.spent"
        assert (await ca.acts())[-2:] == ["credential.reused", "certificate.revoke"]
        with pytest.raises(Unauthenticated):
            await ca.issue(Credential(token, (mine,)))
        before = await ca.acts()
        for _ in range(3):  # what is on record already grows no longer, whoever shows the token again and again
            with pytest.raises(Unauthenticated):
                await ca.issue(Credential(token, (new_key(),)))
        assert await ca.acts() == before

    play(scenario, providers=[provider])


def test_a_revocation_that_races_an_issuance_ends_without_access(play: Play) -> None:
    """Between the decision and the record, the person is locked: nothing is recorded, nothing leaves (trust 3.5)."""

    async def scenario(ca: Heart) -> None:
        await ca.sign_in()
        sign = ca.keys["user"].sign

        async def lock_first(data: bytes) -> bytes:
            now = int(ca.clock.now())
            await lock_person(ca.store, ca.op.issuer, "alice-1", reason="left", actor="root", now=now)
            return await sign(data)

        sign_with(ca, _with_sign(ca, lock_first))
        with pytest.raises(Denied) as caught:
            await ca.sign_in()
        assert caught.value.code == "policy.locked"
        assert (await ca.acts()).count("certificate.issue") == 1

    play(scenario)


def _with_sign(ca: Heart, sign: Any) -> Any:
    class Racing:
        public_key = ca.keys["user"].public_key
        local = True

        def __init__(self) -> None:
            self.sign = sign

    return Racing()


@pytest.mark.parametrize(("ahead", "code"), [(-30, "clock.behind"), (400, "clock.moved"), (-400, "clock.behind")])
def test_a_clock_that_was_moved_stops_the_ca(play: Play, ahead: float, code: str) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in()
        ca.clock.ahead = ahead
        with pytest.raises(DaypassError) as caught:
            ca.authority.clock.now((await ca.store.ledger(0, 99))[-1].time)
        assert caught.value.code == code
        with pytest.raises(DaypassError):
            await ca.sign_in()

    play(scenario, clock=MovingClock())


def test_a_second_person_with_the_same_login_name_is_a_conflict(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in()
        with pytest.raises(Conflict) as caught:
            await ca.sign_in(sub="alice-2", email="alice@example.com")
        assert caught.value.code == "policy.name-taken" and caught.value.hint

    play(scenario)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "dpj1.x", "e30.e30.e30"])
def test_what_no_provider_made_is_unauthenticated(play: Play, token: str) -> None:
    async def scenario(ca: Heart) -> None:
        with pytest.raises(Unauthenticated):
            await ca.issue(Credential(Secret(token), (new_key(),), possessed=True))

    play(scenario)


class Lying:
    """A signer in another process that answers with somebody else's signature."""

    local = False

    def __init__(self) -> None:
        self._one, self._two = (FileSigner(Ed25519PrivateKey.generate()) for _ in range(2))

    @property
    def public_key(self) -> PublicKey:
        return self._one.public_key

    async def sign(self, data: bytes) -> bytes:
        return await self._two.sign(data)


def test_a_signature_from_elsewhere_is_verified_before_it_is_believed(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        with pytest.raises(Invalid):
            await ca.sign_in()
        assert "certificate.issue" not in await ca.acts()

    play(scenario, user=Lying())


def test_a_ca_key_is_never_certified(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        key, salt = ca.keys["user"].public_key, os.urandom(32)
        with pytest.raises(Invalid):
            await ca.issue(Credential(ca.token(key, salt), (key,), salt=salt))
        assert "certificate.issue" not in await ca.acts()

    play(scenario)


def test_a_host_enrols_all_its_keys_with_one_token_and_again_with_the_same(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        token, keys = await ca.join_token(), (new_key(), new_key())
        issuance = await ca.enrol(token, *keys)
        certs = [Certificate.parse(each.certificate) for each in issuance.certificates]
        assert [cert.public_key for cert in certs] == list(keys)
        assert {cert.principals for cert in certs} == {("web-1.example.com",)}
        assert issuance.host is not None and len(issuance.host.id) == 32
        again = await ca.enrol(token, *keys)
        assert [e.certificate for e in again.certificates] == [e.certificate for e in issuance.certificates]
        assert again.host == issuance.host

    play(scenario)


def test_an_old_join_token_in_other_hands_is_refused_and_takes_nobody_off_the_air(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        token, key = await ca.join_token(), new_key()
        await ca.enrol(token, key)
        for keys in ((new_key(),), (key, new_key())):
            with pytest.raises(Unauthenticated):
                await ca.enrol(token, *keys)
        assert (await ca.enrol(token, key)).again
        acts = await ca.acts()
        assert acts.count("credential.reused") == 1 and "certificate.revoke" not in acts

    play(scenario)


def test_a_name_with_a_live_certificate_does_not_pass_to_another_key(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.enrol(await ca.join_token(), new_key())
        with pytest.raises(Conflict):
            await ca.enrol(await ca.join_token(), new_key())

    play(scenario)


def test_a_host_token_yields_no_user_certificate_and_a_person_no_host_certificate(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        key, salt = new_key(), os.urandom(32)
        with pytest.raises(Denied):
            await ca.issue(Credential(await ca.join_token(), (key,), possessed=True))
        with pytest.raises(Denied):
            credential = Credential(ca.token(key, salt), (key,), salt=salt)
            await ca.authority.issue(Request(CertType.HOST, (key,)), credential)

    play(scenario)


def test_the_group_taken_away_is_not_in_the_next_certificate(play: Play) -> None:
    """Teleport 16.4.6: a removed group still counted."""
    ops = RoleSection(name="ops", hosts=["*"], groups=["ops"], accounts=["deploy"])

    async def scenario(ca: Heart) -> None:
        both, _ = await ca.sign_in(groups=["engineers", "ops"])
        assert both.roles == ("engineers", "ops")
        one, _ = await ca.sign_in(groups=["engineers"])
        assert one.roles == ("engineers",)
        with pytest.raises(Denied):
            await ca.sign_in(groups=[])

    play(scenario, roles=[ENGINEERS, ops])


def test_the_bundle_says_what_a_host_needs_and_is_signed(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        issuance = await ca.enrol(await ca.join_token(), new_key())
        assert issuance.host is not None
        (document, signature), _ = await ca.authority.bundle(issuance.host)
        SshSignature.from_armor(signature).verify(BUNDLE_NAMESPACE, document.encode(), ca.keys["bundle"].public_key)
        bundle = msgspec.json.decode(document, type=HostBundle)
        assert (bundle.ca_id, bundle.name) == (CA_ID.hex(), "web-1.example.com")
        (role,) = bundle.roles
        assert (role.name, role.own_account, role.accounts) == ("engineers", True, ())
        assert (role.options, bundle.people) == ("restrict,pty,port-forwarding", [])

    play(scenario)
