"""The contract of what waits for a second person: decided once, forgotten after its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from tests.store.build import ISSUER, NOW, verified_ledger
from tests.store.conftest import Scenario

from daypass.ca.pending_ports import PendingAct, Ruling
from daypass.ca.subject import Subject
from daypass.errors import Invalid, Throttled
from daypass.store import SqlStore

Run = Callable[[Scenario], None]
WHO = Subject("idp", ISSUER, "olga", groups=frozenset(("b", "a")), claims={"n": 1, "l": ["x"]}, auth_time=NOW)
ASKED = PendingAct("1f", "unlock", '{"a":"é\\u0000"}'.encode(), b"d" * 32, WHO, "idp:olga", NOW, NOW + 3600)
YES = Ruling("started", "idp:otto", NOW + 5, "admin.unlock", "idp:olga", {"request": "1f"})


def test_a_request_comes_back_as_it_was_put_in(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_pending(ASKED, most=5)
        assert await store.pending_act("1f") == ASKED
        assert await store.pending_act("2f") is None
        assert await verified_ledger(store) == ["config.publish", "approval.request"]

    run(scenario)


def test_a_request_is_decided_once_with_its_entry(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_pending(ASKED, most=5)
        verdicts = await asyncio.gather(*(store.decide_pending("1f", YES) for _ in range(8)))
        assert sorted(verdicts) == [False] * 7 + [True]
        assert (await verified_ledger(store)).count("admin.unlock") == 1
        await store.conclude_pending("1f", "done")
        decided = replace(ASKED, decided_at=NOW + 5, decided_by="idp:otto", outcome="done")
        assert await store.pending_act("1f") == decided
        assert not await store.decide_pending("1f", replace(YES, outcome="refused"))

    run(scenario)


@pytest.mark.parametrize(("number", "at"), [("1f", NOW + 3600), ("2f", NOW)])
def test_one_that_is_over_or_not_there_is_not_decided(run: Run, number: str, at: int) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_pending(ASKED, most=5)
        assert not await store.decide_pending(number, replace(YES, at=at))
        assert await verified_ledger(store) == ["config.publish", "approval.request"]

    run(scenario)


def test_those_that_are_over_are_listed_no_more_and_one_day_forgotten(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_pending(ASKED, most=5)
        await store.add_pending(replace(ASKED, id="2f", requested_at=NOW + 10, expires_at=NOW + 3610), most=5)
        assert [each.id for each in await store.pending_acts(NOW + 20)] == ["2f", "1f"]
        assert [each.id for each in await store.pending_acts(NOW + 3600)] == ["2f"]
        late = NOW + 3600 + 86400
        await store.add_pending(replace(ASKED, id="3f", requested_at=late, expires_at=late + 3600), most=5)
        assert await store.pending_act("1f") is None and await store.pending_act("2f") is not None

    run(scenario)


def test_only_so_many_of_one_person_wait(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        for number in range(2):
            await store.add_pending(replace(ASKED, id=str(number)), most=2)
        with pytest.raises(Throttled):
            await store.add_pending(replace(ASKED, id="2"), most=2)
        await store.add_pending(replace(ASKED, id="2", subject=replace(WHO, subject="otto")), most=2)
        await store.decide_pending("0", YES)
        await store.add_pending(replace(ASKED, id="3"), most=2)

    run(scenario)


def test_what_no_database_can_hold_is_refused(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        with pytest.raises(Invalid):
            await store.add_pending(replace(ASKED, actor="idp:\0"), most=5)
        with pytest.raises(Invalid):
            await store.add_pending(ASKED, most=5)
            await store.decide_pending("1f", replace(YES, details={"seq": 1}))

    run(scenario)
