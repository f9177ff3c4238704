"""Two persons for one act (trust 4.3): another one, exactly that, once, within the hour, and both still allowed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from daypass.ca.acts import Act, Operator
from daypass.ca.approvals import MOST
from daypass.ca.few import PER_PERSON
from daypass.ca.pending_ports import PendingAct
from daypass.config.schema import OperatorSection
from daypass.errors import Conflict, DaypassError, Denied, NotFound, Throttled, Unavailable
from tests.ca.acting import OPERATORS, operator, unlock
from tests.ca.heart import Heart, MovingClock, Scenario, heart
from tests.parts.op import Op
from tests.store.ends import lock_person

Play = Callable[[Scenario], None]


@pytest.fixture
def play(op: Op, tmp_path: Path) -> Play:
    def run(scenario: Scenario) -> None:
        async def whole() -> None:
            async with heart(op, tmp_path / "ca.sqlite", operators=OPERATORS) as built:
                await scenario(built)

        asyncio.run(whole())

    return run


def read(asked: PendingAct) -> Act:
    return unlock(asked.body)


async def asked(ca: Heart, name: str = "olga") -> PendingAct:
    return await ca.authority.approvals.ask(await operator(ca, name), unlock())


async def approve(ca: Heart, by: Operator, request: PendingAct, **changes: Any) -> tuple[PendingAct, Operator]:
    given: dict[str, Any] = {"number": request.id, "digest": request.digest, "read": read} | changes
    return await ca.authority.approvals.approve(by, **given)


def test_a_second_operator_has_it_done_as_the_first_one_once(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        request, second = await asked(ca), await operator(ca, "otto")
        assert [each.id for each in await waiting(ca, second)] == [request.id]
        done, requester = await approve(ca, second, request)
        assert (done.body, requester.actor, requester.approved_by) == (request.body, "idp:olga", "idp:otto")
        with pytest.raises(Conflict) as refusal:
            await approve(ca, await operator(ca, "oscar"), request)
        assert refusal.value.code == "approval.decided"
        rows = [json.loads(row.entry) for row in await ca.store.ledger(0, 100)]
        request_entry, entry = rows[-2:]
        assert (request_entry["act"], request_entry["actor"]) == ("approval.request", "idp:olga")
        assert (entry["act"], entry["actor"], entry["approved_by"]) == ("admin.unlock", "idp:olga", "idp:otto")
        assert entry["digest"] == request_entry["digest"] == request.digest.hex()

    play(scenario)


async def waiting(ca: Heart, by: Operator) -> list[PendingAct]:
    return list(await ca.authority.approvals.waiting(by, read, int(ca.clock.now())))


def test_of_many_who_approve_at_once_one_has_it_done(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        request = await asked(ca)
        others = [await operator(ca, f"otto-{n}") for n in range(6)]
        answers = await asyncio.gather(*(approve(ca, by, request) for by in others), return_exceptions=True)
        assert sum(not isinstance(each, Exception) for each in answers) == 1
        assert all(isinstance(each, tuple | Conflict) for each in answers)

    play(scenario)


@pytest.mark.parametrize(
    ("name", "group", "code"),
    [
        ("olga", "oncall", "approval.self"),
        ("olga", "approvers", "approval.self"),
        ("bob", "auditors", "operator.capability"),
        ("bob", "engineers", "operator.capability"),
    ],
)
def test_who_can_not_be_the_second_person(play: Play, name: str, group: str, code: str) -> None:
    async def scenario(ca: Heart) -> None:
        request = await asked(ca)
        with pytest.raises(Denied) as refusal:
            await approve(ca, await operator(ca, name, group), request)
        assert refusal.value.code == code
        still = await ca.store.pending_act(request.id)
        assert still is not None and still.outcome is None
        assert (await ca.acts())[-1] == "admin.deny"

    play(scenario)


def test_the_capability_to_approve_is_enough_and_root_needs_none(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        for by in (await operator(ca, "anna", "approvers"), Operator.at_socket(0)):
            request = await asked(ca)
            assert (await approve(ca, by, request))[1].approved_by == by.actor

    play(scenario)


def test_the_capability_to_approve_does_not_let_one_ask(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        with pytest.raises(Denied):
            await ca.authority.approvals.ask(await operator(ca, "anna", "approvers"), unlock())
        assert await ca.store.pending_acts(0) == []

    play(scenario)


def test_two_linked_identities_are_one_person(play: Play) -> None:
    """The other identity's sign-in finds the same record, so it is not another person's."""

    async def scenario(ca: Heart) -> None:
        await ca.sign_in(sub="olga", email="olga@example.com", groups=["engineers"])
        request = await asked(ca)
        mine = await operator(ca, "olga")
        assert mine.person is not None
        other = Operator("idp2:o", subject=(await operator(ca, "olga-elsewhere")).subject, person=mine.person)
        with pytest.raises(Denied) as refusal:
            await approve(ca, other, request)
        assert refusal.value.code == "approval.self"

    play(scenario)


def test_one_account_without_an_address_or_a_record_is_one_person_still(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        olga = await operator(ca, "olga")
        assert olga.subject is not None and olga.person is None
        bare = replace(olga, subject=replace(olga.subject, email=None))
        request = await ca.authority.approvals.ask(bare, unlock())
        with pytest.raises(Denied) as refusal:
            await approve(ca, bare, request)
        assert refusal.value.code == "approval.self"

    play(scenario)


@pytest.mark.parametrize(("email", "same"), [("Olga@Example.com", True), ("olga@example.org", False), (None, False)])
def test_two_accounts_with_one_address_are_one_person_on_record_or_not(
    play: Play, email: str | None, same: bool
) -> None:
    """Of an account that never signed in for a certificate there is no record that could be linked."""

    async def scenario(ca: Heart) -> None:
        request, second = await asked(ca), await operator(ca, "o-admin")
        assert second.subject is not None
        other = replace(second, subject=replace(second.subject, email=email))
        if not same:
            assert (await approve(ca, other, request))[1].approved_by == "idp:o-admin"
            return
        with pytest.raises(Denied) as refusal:
            await approve(ca, other, request)
        assert refusal.value.code == "approval.self"

    play(scenario)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"digest": b"x" * 32}, Conflict),
        ({"digest": b""}, Conflict),
        ({"number": "0" * 16}, NotFound),
        ({"read": lambda asked: unlock(asked.body + b" ")}, Conflict),
    ],
)
def test_only_what_was_asked_for_is_approved(play: Play, changes: dict[str, Any], kind: type[DaypassError]) -> None:
    async def scenario(ca: Heart) -> None:
        request = await asked(ca)
        with pytest.raises(kind):
            await approve(ca, await operator(ca, "otto"), request, **changes)

    play(scenario)


def test_after_an_hour_nobody_can_approve_it(op: Op, tmp_path: Path) -> None:
    async def whole() -> None:
        clock = MovingClock()
        async with heart(op, tmp_path / "ca.sqlite", operators=OPERATORS, clock=clock) as ca:
            request, second = await asked(ca), await operator(ca, "otto")
            clock.later = 3601
            with pytest.raises(Conflict) as refusal:
                await approve(ca, second, request)
            assert refusal.value.code == "approval.decided"
            assert await waiting(ca, second) == []

    asyncio.run(whole())


def test_who_asked_must_not_have_been_locked_meanwhile(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in(sub="olga", email="olga@example.com", groups=["engineers"])
        request = await asked(ca)
        await lock_person(ca.store, ca.op.issuer, "olga", reason="left", actor="uid:0", now=int(ca.clock.now()))
        with pytest.raises(Denied, match=r"olga@example\.com, who asked for it, is locked"):
            await approve(ca, await operator(ca, "otto"), request)

    play(scenario)


def test_how_fresh_a_sign_in_must_be_counts_when_it_is_asked_for(op: Op, tmp_path: Path) -> None:
    """Whoever waits for a second person is not asked to sign in again for it."""
    fresh = [OperatorSection(name="fresh", groups=["oncall"], can=["unlock"], max_auth_age="10m")]

    async def whole() -> None:
        clock = MovingClock()
        async with heart(op, tmp_path / "ca.sqlite", operators=fresh, clock=clock) as ca:
            request = await asked(ca)
            clock.later = 1800
            assert (await approve(ca, Operator.at_socket(0), request))[1].actor == "idp:olga"

    asyncio.run(whole())


def test_who_asked_must_be_allowed_by_the_policy_in_force_at_the_approval(op: Op, tmp_path: Path) -> None:
    """Here olga's group has lost it; otto's operator is another one."""
    after = [OperatorSection(name="others", groups=["others"], can=["unlock"])]

    async def whole() -> None:
        async with heart(op, tmp_path / "ca.sqlite", operators=OPERATORS) as ca:
            request = await asked(ca)
            async with heart(op, tmp_path / "ca.sqlite", operators=after, like=ca) as later:
                with pytest.raises(Denied, match="may not unlock any more"):
                    await approve(later, await operator(later, "otto", "others"), request)
                with pytest.raises(Unavailable):
                    await approve(ca, await operator(later, "otto", "others"), request)

    asyncio.run(whole())


def test_it_is_refused_by_whoever_could_approve_it_or_withdrawn(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        approvals = ca.authority.approvals
        for name, group in (("otto", "oncall"), ("anna", "approvers"), ("olga", "oncall")):
            request = await asked(ca)
            await approvals.refuse(await operator(ca, name, group), request.id, request.digest, read)
            with pytest.raises(Conflict):
                await approve(ca, await operator(ca, "oscar"), request)
        request = await asked(ca)
        with pytest.raises(Denied):
            await approvals.refuse(await operator(ca, "bob", "auditors"), request.id, request.digest, read)
        assert (await ca.acts()).count("approval.refuse") == 3

    play(scenario)


def test_each_sees_what_concerns_them_and_an_auditor_all(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        request, gone = await asked(ca), await asked(ca)
        await approve(ca, await operator(ca, "otto"), gone)
        seen = {
            name: {each.id for each in await waiting(ca, await operator(ca, name, group))}
            for name, group in (("otto", "oncall"), ("olga", "oncall"), ("anna", "approvers"), ("aud", "auditors"))
        }
        both = {request.id, gone.id}
        assert seen == {"otto": {request.id}, "olga": both, "anna": {request.id}, "aud": both}
        assert {each.id for each in await waiting(ca, Operator.at_socket(0))} == both
        assert await waiting(ca, await operator(ca, "bob", "engineers")) == []

    play(scenario)


def test_one_person_can_not_fill_the_list(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        for _ in range(MOST):
            await asked(ca)
        with pytest.raises(Throttled):
            await asked(ca)
        await asked(ca, "otto")
        olga = await operator(ca, "olga")
        assert olga.subject is not None
        namesake = replace(olga, subject=replace(olga.subject, issuer="https://other.example.com"))
        await ca.authority.approvals.ask(namesake, unlock())

    play(scenario)


def test_who_may_not_approve_fills_no_ledger_by_trying(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        request = await asked(ca)
        for _ in range(PER_PERSON + 3):
            with pytest.raises(Denied):
                await approve(ca, await operator(ca, "bob", "auditors"), request)
        assert (await ca.acts()).count("admin.deny") == PER_PERSON

    play(scenario)


def test_how_it_went_is_kept(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        for error, outcome in ((None, "done"), (NotFound("no such person"), "failed: no such person")):
            request = await asked(ca)
            await approve(ca, await operator(ca, "otto"), request)
            await ca.authority.approvals.conclude(request, error)
            kept = await ca.store.pending_act(request.id)
            assert kept is not None and (kept.outcome, kept.decided_by) == (outcome, "idp:otto")

    play(scenario)
