"""`daypass person`, `lock`, `unlock` on a real CA with a real provider: by its socket, and by a sign-in."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.test_administration import Firm

from daypass.api import PersonConflict, PersonIdentity, PersonLine
from daypass.cli.exits import Exit
from daypass.cli.person_show import conflict_lines, person_line
from daypass.demo.idp import run_idp
from daypass.demo.people import PEOPLE

ALICE = f"demo:{PEOPLE['alice'].subject}"
OPERATORS = """
[[operators]]
name = "desk"
groups = ["oncall"]
can = ["audit", "persons", "lock", "unlock"]

[[operators]]
name = "watch"
groups = ["contractors"]
can = ["audit", "approve:unlock"]
"""


class Desk(Firm):
    operators = OPERATORS


@pytest.fixture(scope="module")
def firm() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory(prefix="daypass-person-") as home, run_idp() as idp:
        built = Desk(Path(home), idp)
        try:
            for step in (built.found_ca, built.start_ca, built.join):
                step()
            built.administer("alice", "login")
            yield built
        finally:
            built.close()


def test_everybody_is_listed_and_shown_both_ways(firm: Desk) -> None:
    here = firm.here("person", "list")
    assert "#1  alice" in here and "alice@example.com" in here and ALICE in here
    listed = json.loads(firm.administer("bob", "person", "list", "--json")[1])
    assert [each["login"] for each in listed["people"]] == ["alice"]
    assert listed["people"][0]["created_at"].endswith("Z")
    shown = firm.here("person", "show", "alice")
    assert "groups: engineers, oncall" in shown and "last sign-in" in shown and "certificate" in shown


def test_who_may_only_read_changes_nothing(firm: Desk) -> None:
    code, _, err = firm.administer("bob", "person", "rename", "alice", "eve", check=False)
    assert code == Exit.DENIED and 'may not "persons"' in err


def test_a_person_is_renamed_locked_and_let_in_again(firm: Desk) -> None:
    changed = json.loads(firm.here("person", "rename", "alice", "asmith", "--reason", "married", "--json"))
    assert changed["person"]["login"] == "asmith"
    out, err = firm.administer("alice", "lock", ALICE, "--reason", "laptop stolen")[1:]
    assert "asmith" in out and "LOCKED" in out and "to lock demo:" in err
    code, _, err = firm.administer("alice", "login", "--force", check=False)
    assert code == Exit.DENIED and "asmith is locked" in err
    assert "LOCKED" not in firm.here("unlock", "asmith", "--reason", "laptop found")
    code, _, err = firm.administer("alice", "login", "--force", check=False)
    while "this sign-in is over" in err:  # until the second of the lock has passed
        code, _, err = firm.administer("alice", "login", "--force", check=False)
    assert code == 0, err
    history = firm.here("person", "show", "#1")
    told = (
        "renamed from alice to asmith (married), by uid:",
        "access ended; 1 certificate revoked (laptop stolen), by demo:",
        "locked (laptop stolen), by demo:",
        "unlocked (laptop found), by uid:",
    )
    for line in told:
        assert line in history
    firm.here("person", "rename", "asmith", "alice")


def test_unlocking_by_a_sign_in_takes_two_and_neither_alone(firm: Desk) -> None:
    firm.here("person", "reserve", "dora", "--for", "demo:dora-1")
    firm.here("lock", "dora", "--reason", "left")
    code, out, _ = firm.administer("alice", "unlock", "dora", "--reason", "came back", "--json", check=False)
    assert code == Exit.WAITING
    asked = json.loads(out)
    approve = ("approvals", "approve", asked["pending"], "--digest", asked["digest"])
    assert firm.administer("alice", *approve, check=False)[0] == Exit.DENIED
    assert "LOCKED" in firm.here("person", "show", "dora")
    firm.administer("bob", *approve)
    shown = firm.here("person", "show", "dora")
    assert "unlocked (came back)" in shown and "LOCKED" not in shown


def test_a_reserved_name_is_listed_with_its_reason_and_goes_to_nobody(firm: Desk) -> None:
    firm.here("person", "reserve", "backup2", "--reason", "an old account")
    assert "backup2              reserved: an old account" in firm.here("person", "list")
    failed = firm.daypass("person", "reserve", "backup2", "--root", str(firm.ca_root), check=False)
    assert failed.returncode == Exit.CONFLICT and "daypass person reserve backup2 --for" in failed.stderr


def test_system_accounts_names_do_not_scroll_people_away(firm: Desk) -> None:
    database = firm.ca_root / "var/lib/daypass/ca.sqlite"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        rows = [(f"sys{number}", 1, "system account on web-1.example.com") for number in range(40)]
        connection.executemany("INSERT INTO names (name, claimed_at, reason) VALUES (?, ?, ?)", rows)
    short = firm.daypass("person", "list", "--root", str(firm.ca_root))
    assert "sys7" not in short.stdout and "40 names are those of hosts' system accounts" in short.stderr
    assert firm.here("person", "list", "--reserved").count("system account on web-1.example.com") == 40


def test_a_lock_takes_a_reason(firm: Desk) -> None:
    assert firm.daypass("lock", "alice", "--root", str(firm.ca_root), check=False).returncode == Exit.USAGE


HOSTILE = "x\x1b[2J\nalice \u202e'; rm -rf /"


def test_what_others_wrote_moves_no_cursor_and_forges_no_line() -> None:
    identity = PersonIdentity(
        provider="idp", issuer="i", subject=HOSTILE, email=HOSTILE, groups=[], linked_at=1, linked_by=None
    )
    line = PersonLine(id=1, login="", names=[], locked_at=None, created_at=1, identities=[identity])
    conflict = PersonConflict(
        name="alice", provider="idp", issuer="i", subject=HOSTILE, email=HOSTILE, first_at=1, last_at=2, person=1,
        login=HOSTILE, released=False, reason="", commands=[f"daypass person link '#1' {HOSTILE}"],
    )  # fmt: skip
    lines = [person_line(line), *conflict_lines(conflict)]
    assert len(lines) == 4
    assert all(each.isprintable() for each in lines)
