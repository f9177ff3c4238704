"""Who may administer, by a sign-in for the very call: and every way in which it is nobody (trust 4.1, 4.3, 4.5)."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from daypass.api import ActProof
from daypass.ca.acts import Act, Operator
from daypass.ca.few import PER_PERSON, WINDOW
from daypass.config import ProviderSection
from daypass.errors import Denied, Unauthenticated, Unavailable
from daypass.wire.binding import admin_act
from tests.ca.acting import BODY, OPERATORS, PATH, heard, operator, possessed, shown, unlock
from tests.ca.heart import Heart, MovingClock, Scenario, heart
from tests.parts.op import Op
from tests.store.ends import lock_person

Play = Callable[[Scenario], None]
NOW = int(time.time())


@pytest.fixture
def play(op: Op, tmp_path: Path) -> Play:
    """With operators, a provider whose tokens need no binding, and one device grant."""
    provider = ProviderSection(
        name="idp", issuer=op.issuer, client_id=op.client_id, device_client_id="device", allow_unbound=True,
        max_age="", require_auth_time=False,
    )  # fmt: skip

    def run(scenario: Scenario) -> None:
        async def whole() -> None:
            async with heart(op, tmp_path / "ca.sqlite", providers=[provider], operators=OPERATORS) as built:
                await scenario(built)

        asyncio.run(whole())

    return run


async def entries(ca: Heart, act: str) -> list[dict[str, Any]]:
    return [json.loads(row.entry) for row in await ca.store.ledger(0, 1000) if row.act == act]


def test_an_operator_who_signed_in_for_it_is_admitted_once(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        proof = shown(ca.op, groups=["oncall"])
        admitted = await ca.authority.acts.admit(heard(proof), PATH, BODY)
        assert (admitted.actor, admitted.local) == ("idp:alice-1", False)
        with pytest.raises(Unauthenticated) as refusal:
            await ca.authority.acts.admit(heard(proof), PATH, BODY)
        assert refusal.value.code == "act.replay"

    play(scenario)


def test_of_many_at_once_with_one_sign_in_one_is_admitted(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        proof = heard(shown(ca.op, groups=["oncall"]))
        calls = [ca.authority.acts.admit(proof, PATH, BODY) for _ in range(10)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(each, Operator) for each in answers) == 1

    play(scenario)


def test_a_join_token_is_nobodys_sign_in(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        token, proof = (await ca.join_token()).reveal(), shown(ca.op, private=MINE)
        with pytest.raises(Unauthenticated) as refusal:
            await ca.authority.acts.admit(
                heard(replace(proof, token=token, proof=possessed(token, MINE))), PATH, BODY
            )
        assert refusal.value.code == "act.person"

    play(scenario)


MINE, ANOTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
WRONG: dict[str, tuple[Callable[[Op], ActProof], str]] = {
    "for another path": (lambda op: shown(op, "/v1/admin/lock"), "oidc.nonce"),
    "for another body": (lambda op: shown(op, body=b'{"person":"mallory"}'), "oidc.nonce"),
    "for the same body with a space": (lambda op: shown(op, body=BODY + b" "), "oidc.nonce"),
    "for a login": (lambda op: shown(op, act=b"login"), "oidc.nonce"),
    "for no act": (lambda op: shown(op, act=b""), "oidc.nonce"),
    "for an act that only begins so": (lambda op: shown(op, act=admin_act(PATH, BODY)[:-1]), "oidc.nonce"),
    "for another CA": (lambda op: shown(op, ca_id=b"x" * 32), "act.possession"),
    "with another salt": (lambda op: replace(shown(op), salt=os.urandom(32)), "oidc.nonce"),
    "without a salt": (lambda op: replace(shown(op), salt=b""), "oidc.salt"),
    "with another's key named": (lambda op: shown(op, signs=ANOTHER), "act.possession"),
    "with a key of the attacker's own": (
        lambda op: _stolen(shown(op, private=MINE), ANOTHER), "oidc.nonce",
    ),
    "with a proof for another token": (
        lambda op: replace(shown(op, private=MINE), proof=shown(op, private=MINE).proof), "act.possession",
    ),
    "with a key that is none": (lambda op: replace(shown(op), key=b"ssh-ed25519"), "act.possession"),
    "bound to nothing": (lambda op: shown(op, nonce="a nonce of step's", groups=["oncall"]), "oidc.nonce"),
    "on another device": (lambda op: shown(op, aud="device"), "act.remote"),
    "six minutes ago": (lambda op: shown(op, auth_time=NOW - 400), "act.stale"),
    "nobody knows when": (lambda op: shown(op, without=("auth_time",)), "act.auth-time"),
    "at another client": (lambda op: shown(op, aud="another"), "token.unknown"),
    "that has expired": (lambda op: shown(op, iat=NOW - 3600, exp=NOW - 3000, auth_time=NOW - 3600), "oidc.expired"),
}  # fmt: skip


def _stolen(proof: ActProof, thief: Ed25519PrivateKey) -> ActProof:
    """The token was seen; the thief names a key of theirs, and signs with it."""
    key = shown_key(thief)
    return replace(proof, key=key, proof=possessed(proof.token, thief))


def shown_key(key: Ed25519PrivateKey) -> bytes:
    from daypass.wire import PublicKey

    return PublicKey.from_cryptography(key.public_key()).blob


@pytest.mark.parametrize("how", WRONG)
def test_a_sign_in_that_was_not_for_this_very_call_is_nobodys(play: Play, how: str) -> None:
    make, code = WRONG[how]

    async def scenario(ca: Heart) -> None:
        proof = make(ca.op)
        with pytest.raises(Unauthenticated) as refusal:
            await ca.authority.acts.admit(heard(proof), PATH, BODY)
        assert refusal.value.code == code
        assert proof.token not in refusal.value.message
        assert not [act for act in await ca.acts() if act.startswith("admin.")]

    play(scenario)


def test_a_token_that_is_bound_to_nothing_administers_nothing_even_where_logins_may(play: Play) -> None:
    """`allow_unbound` is for step's clients; with no salt sent, a token of theirs would pass for a login."""

    async def scenario(ca: Heart) -> None:
        proof = heard(shown(ca.op, nonce="step's", groups=["oncall"]))
        with pytest.raises(Unauthenticated, match="bound"):
            await ca.authority.acts.admit(replace(proof, salt=None), PATH, BODY)

    play(scenario)


def test_a_sign_in_for_an_act_is_no_login(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        from daypass.model import Credential
        from daypass.wire import PublicKey

        proof = heard(shown(ca.op, groups=["engineers", "oncall"]))
        credential = Credential(proof.token, (PublicKey.parse(proof.key),), salt=proof.salt, possessed=True)
        with pytest.raises(Unauthenticated, match="another act"):
            await ca.issue(credential)

    play(scenario)


def test_a_token_of_a_host_is_no_operators(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        private = Ed25519PrivateKey.generate()
        token = await ca.join_token()
        proof = heard(shown(ca.op, private=private))
        proof = replace(proof, token=token, proof=possessed(token.reveal(), private))
        with pytest.raises(Unauthenticated):
            await ca.authority.acts.admit(proof, PATH, BODY)

    play(scenario)


def test_whoever_is_locked_administers_nothing(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in(groups=["engineers", "oncall"])
        await lock_person(ca.store, ca.op.issuer, "alice-1", reason="left", actor="uid:0", now=int(ca.clock.now()))
        with pytest.raises(Denied, match="alice is locked"):
            await ca.authority.acts.admit(heard(shown(ca.op, groups=["oncall"])), PATH, BODY)

    play(scenario)


def test_a_process_without_the_published_policy_admits_nobody(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.store.publish("{}", b"x" * 32, actor="uid:0", now=int(ca.clock.now()))
        with pytest.raises(Unavailable):
            await ca.authority.acts.admit(heard(shown(ca.op, groups=["oncall"])), PATH, BODY)

    play(scenario)


def test_what_they_may_stands_in_the_ledger_before_its_effect(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        act = unlock()
        await ca.authority.acts.begin(await operator(ca, "olga"), act)
        (entry,) = await entries(ca, "admin.unlock")
        assert (entry["actor"], entry["needs"], entry["digest"]) == ("idp:olga", ["unlock"], act.digest.hex())
        assert entry["policy"] == ca.authority.force.current.policy.hash.hex()

    play(scenario)


@pytest.mark.parametrize(
    ("group", "needs", "code"),
    [
        ("oncall", ("lock",), "operator.capability"),
        ("oncall", ("unlock", "lock"), "operator.capability"),
        ("oncall", ("token:web-1.example.com", "token:db-1.example.com"), "operator.capability"),
        ("oncall", ("token:NAME",), "operator.capability"),
        ("auditors", ("unlock",), "operator.capability"),
        ("engineers", ("unlock",), "operator.nobody"),
        ("engineers", (), "operator.nobody"),
    ],
)
def test_what_they_may_not_is_on_record_once_and_says_why(
    play: Play, group: str, needs: tuple[str, ...], code: str
) -> None:
    async def scenario(ca: Heart) -> None:
        asks = await operator(ca, "olga", group)
        with pytest.raises(Denied) as refusal:
            await ca.authority.acts.begin(asks, Act("unlock", PATH, BODY, needs))
        assert refusal.value.code == code and refusal.value.hint
        (entry,) = await entries(ca, "admin.deny")
        assert (entry["refused"], entry["code"], entry["actor"]) == ("unlock", code, "idp:olga")
        assert not await entries(ca, "admin.unlock")

    play(scenario)


def test_without_a_capability_any_operator_will_do(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        for group in ("oncall", "approvers", "auditors"):
            asks = await operator(ca, f"{group}-1", group)
            await ca.authority.acts.begin(asks, Act("approvals", PATH, BODY, ()))

    play(scenario)


@pytest.mark.parametrize(("reads", "written"), [(True, 0), (False, 1)])
def test_root_may_everything_and_only_changes_are_written_down(play: Play, reads: bool, written: int) -> None:
    async def scenario(ca: Heart) -> None:
        root = Operator.at_socket(0)
        await ca.authority.acts.begin(root, Act("unlock", PATH, BODY, ("unlock",), reads))
        assert [entry["actor"] for entry in await entries(ca, "admin.unlock")] == ["uid:0"] * written

    play(scenario)


def test_who_is_no_operator_fills_no_ledger_however_often_they_sign_in(op: Op, tmp_path: Path) -> None:
    """A provider gives whoever is signed in there token after token. What one is refused hides no other refusal."""

    async def whole() -> None:
        clock = MovingClock()
        async with heart(op, tmp_path / "ca.sqlite", operators=OPERATORS, clock=clock) as ca:
            mallory = await operator(ca, "mallory", "engineers")
            for _ in range(PER_PERSON + 5):
                with pytest.raises(Denied):
                    await ca.authority.acts.begin(mallory, unlock())
            told = await entries(ca, "admin.deny")
            assert len(told) == PER_PERSON and [each for each in told if "more" in each] == told[-1:]
            with pytest.raises(Denied):
                await ca.authority.acts.begin(await operator(ca, "bob", "engineers"), unlock())
            clock.later = WINDOW + 1
            with pytest.raises(Denied):
                await ca.authority.acts.begin(mallory, unlock())
            assert len(await entries(ca, "admin.deny")) == PER_PERSON + 2

    asyncio.run(whole())
