"""People's own accounts, made and locked by the system's own programs on a machine of its own (trust 6.7)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.host.fake_ca import OPTIONS
from tests.parts.needs import need

ROOT = Path(__file__).parents[2]
EXPIRES = "getent shadow alice | cut -d: -f8"
_ENTER = """
mount --bind "$0/etc" /etc && mount --bind "$0/home" /home && mount -t tmpfs none /var/lib &&
mkdir -m 700 /var/lib/daypass && exec "$@"
"""


@pytest.fixture
def machine(safe_path: Path) -> Path:
    """Folders to stand in place of /etc and /home; only what `played` starts sees them."""
    for name in ("passwd", "group", "shadow", "gshadow", "login.defs", "nsswitch.conf", "shells"):
        (safe_path / "etc").mkdir(exist_ok=True)
        if Path("/etc", name).exists():
            shutil.copy(Path("/etc", name), safe_path / "etc" / name)
    shutil.copytree("/etc/pam.d", safe_path / "etc/pam.d")
    (safe_path / "etc/skel").mkdir()
    (safe_path / "etc/skel/.profile").write_text("# skel\n")
    with (safe_path / "etc/group").open("a") as file:
        file.write("developers:x:4001:\ndocker:x:4002:\nzero:x:0:\n")
    (safe_path / "home").mkdir()
    return safe_path


def played(machine: Path, *steps: dict[str, Any], module: str = "tests.host.inside") -> list[dict[str, Any]]:
    """What came of each step; a PID namespace keeps the steps from this machine's processes."""
    unshare = need("root with mount namespaces")
    inside = [sys.executable, "-m", module]
    ran = subprocess.run(
        [unshare, "-m", "-p", "-f", "--mount-proc", "sh", "-c", _ENTER, machine, *inside],
        input=json.dumps(steps), capture_output=True, text=True, check=False, timeout=120, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    answer: list[dict[str, Any]] = json.loads(ran.stdout)
    return answer


def role(
    name: str = "dev", *groups: str, privileged: tuple[str, ...] = (), new_shell: str = "/bin/sh"
) -> dict[str, Any]:
    new = {"shell": new_shell, "groups": groups, "privileged": privileged}
    return {"name": name, "options": OPTIONS, "own_account": True, "new_accounts": new}


def step(
    *people: str, roles: list[dict[str, Any]] | None = None, locked: bool = False, **more: Any
) -> dict[str, Any]:
    bundle = {
        "ca_id": "", "host_id": "h", "name": "h", "version": 1, "issued_at": 0, "expires": 0, "digest": "d",
        "user_ca": [], "krl_digest": "", "roles": [role()] if roles is None else roles,
        "people": [{"login": each, "roles": ["dev"], "locked": locked} for each in people],
    }  # fmt: skip
    return {"bundle": bundle, **more}


def test_an_account_is_made_once_with_home_groups_and_shell(machine: Path) -> None:
    look = ["id -nG alice", "getent passwd alice | cut -d: -f5-", "stat -c %U:%G /home/alice /home/alice/.profile"]
    first, again = played(machine, step("alice", roles=[role("dev", "developers")], after=look), step("alice"))
    assert (first["made"], first["said"]) == (["alice"], [])
    assert first["after"] == ["alice developers", "made by daypass:/home/alice:/bin/sh", "alice:alice\nalice:alice"]
    assert (again["made"], again["closed"]) == ([], [])
    assert first["memory"]["made"]["alice"]["uid"] >= 1000


def test_an_account_has_no_password(machine: Path) -> None:
    (made,) = played(machine, step("alice", after=["getent shadow alice | cut -d: -f2"]))
    assert made["after"] == ["!"]


NOBODY: list[tuple[str, dict[str, Any], str]] = [
    ("a role for nobody's own account", step("alice", roles=[]), ""),
    ("somebody locked", step("alice", locked=True), ""),
    ("a name that is an option", step("-o"), "no name for a person"),
    ("a name that is a path", step("../alice"), "no name for a person"),
    ("a name with a colon", step("a:b"), "no name for a person"),
    ("the owner makes none", step("alice", settings={"make_accounts": False}), "make_accounts is false"),
    ("the owner wants this one never", step("alice", settings={"never": ["alice"]}), "never in host.toml"),
    ("a group of that name", step("alice", before=["groupadd alice"]), "a group of that name"),
    ("a home of that name", step("alice", before=["mkdir /home/alice"]), "something at /home/alice"),
    ("a link laid out for it", step("alice", before=["ln -s /etc /home/alice"]), "something at /home/alice"),
    ("a dangling link", step("alice", before=["ln -s /nowhere /home/alice"]), "something at /home/alice"),
    ("a shell that is not there", step("alice", roles=[role(new_shell="/bin/none")]), "no shell"),
    ("a shell with arguments", step("alice", roles=[role(new_shell="/bin/sh -c")]), "no shell"),
    ("a home folder that others may write to", step("alice", before=["chmod 777 /home"]), "writable by others"),
]


@pytest.mark.parametrize(("played_step", "why"), [row[1:] for row in NOBODY], ids=[row[0] for row in NOBODY])
def test_nothing_is_made_and_it_is_said_why(machine: Path, played_step: dict[str, Any], why: str) -> None:
    before = (machine / "etc/passwd").read_bytes()
    (made,) = played(machine, played_step)
    assert made["made"] == []
    assert (machine / "etc/passwd").read_bytes() == before
    assert why in " ".join(made["said"])
    assert bool(why) == bool(made["said"])


GROUPS: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("one that is not there", role("dev", "developers", "x"), {}, "alice developers", "no such group"),
    ("docker, by the way", role("dev", "docker"), {}, "alice", "gives power over the host"),
    ("docker, meant", role("dev", privileged=("docker",)), {}, "alice docker", ""),
    ("docker, which the owner forbids", role("dev", privileged=("docker",)), {"allowed_groups": []}, "alice",
     "allowed_groups in host.toml"),
    ("a second name for root's", role("dev", "zero"), {}, "alice", "gives power over the host"),
    ("two names in one", role("dev", "developers,docker"), {}, "alice", "no such group"),
    ("one the owner allows", role("dev", "developers"), {"allowed_groups": ["developers"]}, "alice developers", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("made_by", "settings", "groups", "said"), [row[1:] for row in GROUPS], ids=[row[0] for row in GROUPS]
)
def test_groups_are_those_that_are_meant_allowed_and_there(
    machine: Path, made_by: dict[str, Any], settings: dict[str, Any], groups: str, said: str
) -> None:
    (made,) = played(machine, step("alice", roles=[made_by], settings=settings, after=["id -nG alice"]))
    assert made["after"] == [groups]
    assert said in " ".join(made["said"])


ENDS = [
    ("a lock", step("alice", locked=True)),
    ("a list without them", step()),
    ("a role that reaches this host no more", step("alice", roles=[])),
]
ALIVE = "pgrep -u alice -r R,S,D,T -c ."  # zombies run nothing
RUN = ["setpriv --reuid=alice --regid=alice --clear-groups setsid -f nohup sleep 600 >/dev/null 2>&1"]


@pytest.mark.parametrize("end", [row[1] for row in ENDS], ids=[row[0] for row in ENDS])
def test_who_may_no_more_is_locked_and_all_that_runs_ends(machine: Path, end: dict[str, Any]) -> None:
    look = [EXPIRES, ALIVE, "ls -d /home/alice"]
    made, locked, again, back = played(
        machine, step("alice", after=[*RUN, ALIVE]), end | {"after": look}, end, step("alice", after=[EXPIRES])
    )
    assert (made["made"], made["after"]) == (["alice"], ["", "1"])
    assert (locked["locked"], locked["closed"], locked["said"]) == (["alice"], ["alice"], [])
    assert locked["after"] == ["1", "0", "/home/alice"]
    assert (again["locked"], again["closed"]) == ([], ["alice"])
    assert (back["unlocked"], back["closed"], back["after"]) == (["alice"], [], [""])


def test_what_ignores_term_is_killed_and_what_starts_after_a_lock_too(machine: Path) -> None:
    script = 'trap "" TERM; while :; do sleep 1; done'
    stubborn = f"setpriv --reuid=alice --regid=alice --clear-groups setsid -f sh -c '{script}' >/dev/null 2>&1"
    made, locked, again = played(
        machine, step("alice"), step(before=[stubborn], after=[ALIVE]),
        step(before=RUN, after=[ALIVE]),
    )  # fmt: skip
    assert (locked["after"], again["after"]) == (["0"], ["0"])
    assert made["made"] == ["alice"]


def test_an_account_of_the_owners_is_never_locked_or_taken_over(machine: Path) -> None:
    first, second, third = played(
        machine,
        step("alice", before=["useradd -m alice"], after=[EXPIRES]),
        step("alice", locked=True, after=[EXPIRES]),
        step(after=[EXPIRES]),
    )
    assert first["memory"] == second["memory"] == third["memory"] == {"made": {}}
    assert [each["after"] for each in (first, second, third)] == [[""]] * 3


def test_an_account_that_the_owner_made_anew_is_the_owners(machine: Path) -> None:
    made, locked = played(
        machine, step("alice"), step(before=["userdel alice", "useradd -u 4711 -M alice"], after=[EXPIRES])
    )
    assert made["made"] == ["alice"]
    assert (locked["locked"], locked["closed"], locked["after"]) == ([], [], [""])
    assert "left alone" in locked["said"][0]


def test_an_account_made_before_a_power_cut_is_known_for_ours(machine: Path) -> None:
    cut = 'sed -i \'s/"uid": [0-9]*/"uid": null/\' /var/lib/daypass/accounts.json'
    made, found = played(machine, step("alice"), step("alice", before=[cut]))
    assert found["memory"] == made["memory"]
    assert found["memory"]["made"]["alice"]["uid"] is not None


def test_a_making_is_remembered_before_it_happens(machine: Path) -> None:
    """So that what a power cut leaves is known for ours, and what failed is nobody's."""
    busy, made = played(
        machine, step("alice", before=["echo 1 >/etc/passwd.lock"]), step("alice", before=["rm /etc/passwd.lock"])
    )
    assert (busy["made"], busy["memory"]) == ([], {"made": {"alice": {"uid": None, "locked": False}}})
    assert "useradd failed for alice" in busy["said"][0]
    assert made["made"] == ["alice"]


def test_one_that_fails_keeps_nobody_else_waiting(machine: Path) -> None:
    """useradd of this machine may refuse what our grammar takes; it says so, and the others get theirs."""
    (made,) = played(machine, step("alice", "bob", before=["mkdir /home/alice"]))
    assert made["made"] == ["bob"]
    assert "alice" in made["said"][0]
