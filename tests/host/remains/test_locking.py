"""A gone person's own account is locked, and opened again as it was, by the system's own programs (trust 6.7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.host.test_useradd import ALIVE, EXPIRES, RUN
from tests.host.test_useradd import machine as machine
from tests.host.test_useradd import played as run
from tests.parts.openssh import make_key

KEY = "ssh-ed25519 AAAA mine"
MAKE = [
    "useradd -m alice", "useradd -m deploy",
    f"install -d -o alice -m 700 /home/alice/.ssh && echo {KEY} >/home/alice/.ssh/authorized_keys",
    "chown -R alice /home/alice/.ssh; echo role:dev:alice >/etc/ssh/daypass/principals/alice",
]  # fmt: skip
LOOK = [EXPIRES, ALIVE, "cat /home/alice/.ssh/authorized_keys 2>/dev/null", "ls /etc/ssh/daypass/principals"]
OPEN, SHUT = ["", "1", KEY, "alice"], ["1", "0", "", ""]


def played(machine: Path, *steps: dict[str, Any]) -> list[dict[str, Any]]:
    (machine / "etc/ssh").mkdir()
    make_key(machine / "etc/ssh/ssh_host_ed25519_key")
    (machine / "etc/ssh/sshd_config").write_text("HostKey /etc/ssh/ssh_host_ed25519_key\n")
    return run(machine, *steps, module="tests.host.remains.inside")


def done(played: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(each["account"], each["kind"], each["done"]) for each in played["remains"]}


UNDONE = {"ending": {"undone": True}}


def test_an_own_account_is_locked_and_opened_again_as_it_was(machine: Path) -> None:
    locked, again, back = played(
        machine, {"before": [*MAKE, *RUN], "after": LOOK}, {"after": LOOK[:1]}, UNDONE | {"after": LOOK[:3]}
    )
    assert locked["after"] == SHUT
    assert done(locked) == {
        ("alice", "account", "locked"), ("alice", "authorized_keys", "quarantined"), ("alice", "process", "ended"),
    }  # fmt: skip
    assert (again["after"], again["locked"]) == (["1"], locked["locked"])
    assert done(back) == {("alice", "account", "restored"), ("alice", "authorized_keys", "restored")}
    assert (back["after"], back["locked"]) == (["", "0", KEY], {})


def test_a_shared_account_is_never_locked_and_what_runs_in_it_goes_on(machine: Path) -> None:
    works = RUN[0].replace("alice", "deploy")
    look = ["getent shadow deploy | cut -d: -f8", ALIVE.replace("alice", "deploy")]
    (locked,) = played(machine, {"before": [*MAKE, works], "after": look})
    assert locked["after"] == ["", "1"]
    assert not any(each["account"] == "deploy" for each in locked["remains"])


DAYS = [("a day of its own", "usermod -e 30000 alice", "30000"), ("a day that is over", "usermod -e 9 alice", "9")]


@pytest.mark.parametrize(("command", "day"), [row[1:] for row in DAYS], ids=[row[0] for row in DAYS])
def test_an_account_expires_again_when_it_did(machine: Path, command: str, day: str) -> None:
    locked, back = played(machine, {"before": [*MAKE, command], "after": [EXPIRES]}, UNDONE | {"after": [EXPIRES]})
    assert (locked["after"], back["after"]) == (["1"], [day])


def test_what_the_owner_had_locked_stays_locked(machine: Path) -> None:
    locked, back = played(machine, {"before": [*MAKE, "usermod -e 1 alice"]}, UNDONE | {"after": [EXPIRES]})
    assert locked["locked"] == {}
    assert back["after"] == ["1"]


def test_what_the_sync_had_locked_is_the_syncs_to_open(machine: Path) -> None:
    """It goes by what the CA says of the person."""
    made = {"made": {"alice": {"uid": 1000, "locked": True}}}
    locked, back = played(machine, {"before": MAKE}, UNDONE | made | {"after": [EXPIRES]})
    assert locked["locked"]["alice"]["before"] == ""
    assert (back["after"], back["locked"]) == (["1"], {})


def test_another_account_of_that_name_is_left_alone(machine: Path) -> None:
    new = "userdel alice && useradd -u 4711 -M -e 1 alice"
    _, back = played(machine, {"before": MAKE}, UNDONE | {"before": [new], "after": [EXPIRES]})
    assert back["after"] == ["1"]
    assert ("alice", "account", "failed") in done(back)


def test_what_can_not_be_locked_is_said_and_the_keys_are_taken_all_the_same(machine: Path) -> None:
    busy, locked = played(
        machine, {"before": [*MAKE, "echo 1 >/etc/shadow.lock"], "after": LOOK[:3:2]},
        {"before": ["rm /etc/shadow.lock"], "after": LOOK[:1]},
    )  # fmt: skip
    assert {("alice", "account", "failed"), ("alice", "authorized_keys", "quarantined")} <= done(busy)
    assert busy["after"] == ["", ""]
    assert locked["after"] == ["1"]
    assert locked["locked"]["alice"]["before"] == ""


def test_what_ignores_term_is_killed(machine: Path) -> None:
    as_alice = "setpriv --reuid=alice --regid=alice --clear-groups"
    stubborn = f"""{as_alice} setsid -f sh -c 'trap "" TERM; while :; do sleep 1; done' >/dev/null 2>&1"""
    (locked,) = played(machine, {"before": [*MAKE, stubborn], "after": [ALIVE]})
    assert locked["after"] == ["0"]
