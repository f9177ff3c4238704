"""By what a session came in: sshd's own word about an sshd above us counts, if the login came after the change."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.host.box import Box
from tests.host.test_enrol import day_pass
from tests.parts.openssh import Accounts, run_ssh
from tests.parts.processes import wait_until

from daypass.host.logins import Login
from daypass.host.session import forefathers, own_login

SINCE = 1_800_000_000.0


def login(pid: int = 7, at: float = SINCE + 60, way: str = "certificate") -> Login:
    return Login("alice", way, "a@x.org", at, pid, "192.0.2.7")


CASES: list[tuple[str, list[Login], dict[int, float], int | None]] = [
    ("its own", [login()], {7: SINCE + 58}, 7),
    ("another session's", [login(8)], {7: SINCE + 58}, None),
    ("before the change", [login(at=SINCE - 1)], {7: SINCE - 3}, None),
    ("an earlier process's with this pid", [login()], {7: SINCE + 100}, None),
    ("of a process that is much older", [login()], {7: SINCE - 1000}, None),
    ("without a pid", [login(0)], {7: SINCE + 58}, None),
    ("of nobody above us", [login()], {}, None),
    ("the inner one of two", [login(), login(9, SINCE + 90)], {7: SINCE + 58, 9: SINCE + 88}, 9),
]


@pytest.mark.parametrize(("logins", "watching", "pid"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_a_login_counts_if_it_is_ours_and_after_the_change(
    logins: list[Login], watching: dict[int, float], pid: int | None
) -> None:
    found = own_login(logins, SINCE, watching)
    assert (None if found is None else found.pid) == pid


def test_outside_of_sshd_nothing_is_above_us() -> None:
    assert forefathers(1) == {}


def test_above_a_session_stands_the_sshd_of_root_and_not_the_half_that_runs_as_the_user(
    box: Box, accounts: Accounts
) -> None:
    with box.running(accounts=accounts) as sshd, ThreadPoolExecutor(1) as threads:
        box.enrol(with_reload=True)
        began = time.time()
        session = threads.submit(run_ssh, sshd, "sleep 2", user="alice", options=day_pass(box, "role:dev:alice"))
        wait_until(lambda: "User child is on pid" in sshd.log, "a session")
        child = int(sshd.log.partition("User child is on pid ")[2].split()[0])
        wait_until(lambda: Path(f"/proc/{child}").stat().st_uid != 0, "the half that runs as the user")
        found = forefathers(child)
        assert session.result(15).returncode == 0
    assert found
    assert child not in found
    assert any(began - 5 < started < began + 15 for started in found.values())
