"""`revoke`, `lock`, `unlock` and `logout --everywhere` as they are typed, on a real CA with a real provider."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.kit import converse, on_terminal
from tests.cli.test_administration import Firm

from daypass.cli.exits import Exit
from daypass.demo.idp import run_idp

WHY = ("--reason", "left")


@pytest.fixture(scope="module")
def firm() -> Iterator[Firm]:
    with tempfile.TemporaryDirectory(prefix="daypass-ending-") as home, run_idp() as idp:
        built = Firm(Path(home), idp)
        try:
            for step in (built.found_ca, built.start_ca, built.join):
                step()
            yield built
        finally:
            built.close()


def sign_in(firm: Firm, person: str = "alice") -> list[int]:
    """Serials of theirs that hold, the newest first."""
    _, _, err = firm.administer(person, "login", "--force", check=False)
    while "this sign-in is over" in err:  # of the very second in which another test has ended all: one from before
        _, _, err = firm.administer(person, "login", "--force", check=False)
    held = json.loads(firm.daypass("list", "--remote", "--json").stdout)
    return [each["serial"] for each in held if each["revoked_at"] is None]


def told(firm: Firm, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(firm.here(*arguments, "--json"))
    return found


def test_each_way_to_name_certificates_ends_them_and_says_by_which_ending(firm: Firm) -> None:
    sign_in(firm)
    shown = told(firm, "person", "show", "alice")["certificates"][0]
    public = next(firm.home.rglob("id-cert.pub"))
    ways = [["--signin", shown["signin"]], ["--role", "engineers", "--person", "alice"]]
    ways += [["--key", str(public)]]
    for way in ways:
        serial = sign_in(firm)[0]
        if way[0] == "--signin":
            way[1] = told(firm, "person", "show", "alice")["certificates"][0]["signin"]
        dry = told(firm, "revoke", *way, "--dry-run")
        assert not dry["ending"] and serial in [each["serial"] for each in dry["certificates"]]
        done = told(firm, "revoke", *way, *WHY)
        assert done["ending"].startswith("e") and serial in [each["serial"] for each in done["certificates"]]
        assert done["people"] == [{"id": 1, "login": "alice"}]


def test_a_dry_run_takes_no_reason_and_says_that_nothing_changed(firm: Firm) -> None:
    sign_in(firm)
    for command in (["revoke", "alice"], ["lock", "alice"]):
        done = firm.daypass(*command, "--dry-run", "--root", str(firm.ca_root))
        assert "would end; nothing was changed" in done.stderr
        refused = firm.daypass(*command, "--root", str(firm.ca_root), check=False)
        assert refused.returncode == Exit.USAGE and "--reason TEXT" in refused.stderr
    assert told(firm, "person", "show", "alice")["person"]["locked_at"] is None


def test_at_a_terminal_one_is_asked_why_and_whether(firm: Firm) -> None:
    sign_in(firm)
    command = ("revoke", "alice", "--root", str(firm.ca_root))
    no = converse(*on_terminal(*command), {"Why": "lost", "Revoke all that alice has?": "n"})
    assert "ended by" not in no
    yes = converse(*on_terminal(*command), {"Why": "lost", "Revoke all that alice has?": "y"})
    assert "ended by e" in yes
    assert "?" not in converse(*on_terminal(*command, "--reason", "lost", "--yes"), {})


def test_everywhere_takes_back_what_is_on_other_machines_too(firm: Firm) -> None:
    serials = sign_in(firm)
    done = firm.daypass("logout", "--everywhere", "--reason", "left it on a train", "--wait")
    assert "taken back by" in done.stderr and "logged out of" in done.stderr
    assert "in force on 0 of 0 hosts by their own word" in done.stderr, "this company has none"
    held = told(firm, "person", "show", "alice")["certificates"]
    assert not set(serials) & {each["serial"] for each in held}
    entries = [json.loads(line) for line in firm.here("ledger", "show", "--json", "--limit", "1000").splitlines()]
    last = next(each for each in reversed(entries) if each["act"] == "certificate.revoke")
    assert (last["source"], last["reason"]) == ("self", "left it on a train")
    again = firm.daypass("logout", "--everywhere", check=False)
    assert again.returncode == Exit.UNAUTHENTICATED and "daypass login" in again.stderr
    assert "what you hold on other machines was NOT taken back" in again.stderr


@pytest.mark.parametrize(
    "arguments",
    [("logout", "--everywhere", "--role", "x"), ("logout", "--reason", "x"), ("logout", "--wait"), ("unlock",)],
)
def test_what_does_not_go_together_is_said(firm: Firm, arguments: tuple[str, ...]) -> None:
    assert firm.daypass(*arguments, check=False).returncode == Exit.USAGE


def test_everybody_whom_an_ending_locked_is_back_by_one_command(firm: Firm) -> None:
    sign_in(firm)
    ending = told(firm, "lock", "alice", *WHY)["ending"]
    assert told(firm, "person", "show", "alice")["person"]["locked_at"] is not None
    back = told(firm, "unlock", "--ending", ending, "--reason", "a mistake")
    assert [(each["login"], each["locked_at"]) for each in back["people"]] == [("alice", None)]
    assert sign_in(firm)
    gone = firm.daypass("unlock", "--ending", "e0", *WHY, "--root", str(firm.ca_root), check=False)
    assert gone.returncode == Exit.NOT_FOUND and sys.executable not in gone.stderr
