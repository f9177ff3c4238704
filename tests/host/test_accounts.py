"""How many may lose their accounts at once: a CA that forgot everybody is no reason to lock a fleet."""

from __future__ import annotations

import pytest

from daypass.api import HostBundle, HostPerson
from daypass.host.accounts import COMMENT, FEW, Made, Memory, Plan, plan
from daypass.host.passwd import Account
from daypass.host.settings import Settings
from daypass.model import HostRole, NewAccounts

DEV = HostRole("dev", "restrict,pty", own_account=True, new_accounts=NewAccounts("/bin/sh"))


def planned(
    listed: int, locked: int, dropped: int, *, lock_many: bool = False, gone: int = 0, closed_before: int = 0
) -> Plan:
    """Of people with accounts made here; `gone`: accounts that the owner has deleted since."""
    here = [f"p{number}" for number in range(listed + locked + dropped)]
    before = [f"c{number}" for number in range(closed_before)]
    people = [
        HostPerson(login=each, roles=["dev"], locked=at >= listed) for at, each in enumerate(here[: listed + locked])
    ]
    bundle = HostBundle(
        ca_id="", host_id="h", name="h", version=1, issued_at=0, expires=1, digest="", user_ca=[], roles=[DEV],
        krl_digest="", people=people,
    )  # fmt: skip
    names = [*here, *before, *(f"g{number}" for number in range(gone))]
    memory = Memory({each: Made(uid=1000 + at, locked=each in before) for at, each in enumerate(names)})
    accounts = {each: Account(each, 1000 + at, "", "/") for at, each in enumerate([*here, *before])}
    return plan(bundle, accounts, {}, Settings(), memory, lock_many=lock_many)


CASES = [
    ("nobody", planned(9, 0, 0), 0, 0),
    ("the few of a small host, though they are all", planned(0, 0, FEW), FEW, 0),
    ("one more than a few, and all", planned(0, 0, FEW + 1), 0, FEW + 1),
    ("one more than a few, and half", planned(FEW + 1, 0, FEW + 1), FEW + 1, 0),
    ("one more than half", planned(FEW, 0, FEW + 1), 0, FEW + 1),
    ("all, and the operator says so", planned(0, 0, 9, lock_many=True), 9, 0),
    ("locked by somebody, one by one", planned(0, 9, 0), 9, 0),
    ("some locked, the rest forgotten", planned(0, 2, 7), 2, 7),
    ("those that the owner has deleted do not count", planned(0, 0, 9, gone=50), 0, 9),
    ("those that were closed before do not count, and stay closed", planned(0, 0, 4, closed_before=9), 0, 4),
]


@pytest.mark.parametrize(("found", "locks", "held"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_so_many_go_at_once(found: Plan, locks: int, held: int) -> None:
    assert (len(found.lock), len(found.held)) == (locks, held)
    assert not set(found.held) & {*found.lock, *found.closed}
    assert set(found.lock) <= set(found.closed)


def test_what_was_closed_before_stays_closed_while_others_are_held() -> None:
    assert len(planned(0, 0, 4, closed_before=9).closed) == 9


@pytest.mark.parametrize(
    ("uid", "comment", "ours"), [(1000, COMMENT, True), (999, COMMENT, False), (0, COMMENT, False), (1000, "", False)]
)
def test_after_a_power_cut_only_what_can_be_ours_is_taken_for_it(uid: int, comment: str, ours: bool) -> None:
    bundle = HostBundle(
        ca_id="", host_id="h", name="h", version=1, issued_at=0, expires=1, digest="", user_ca=[], roles=[DEV],
        krl_digest="",
    )  # fmt: skip
    accounts = {"alice": Account("alice", uid, comment, "/")}
    found = plan(bundle, accounts, {}, Settings(), Memory({"alice": Made()}))
    assert (found.adopt, found.lock) == (({"alice": uid}, ["alice"]) if ours else ({}, []))
