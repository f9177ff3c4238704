"""Makes and locks people's accounts by the system's own programs, with fixed arguments and no shell.

Nothing is ever owned over: useradd makes the home itself or nothing is made, so there is no `chown -R`, and no link
that somebody laid out in /home is followed (CVE-2020-8907, CVE-2020-8933).
"""

from __future__ import annotations

import pwd
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from daypass.errors import DaypassError, Misconfigured
from daypass.host import files, processes, tools
from daypass.host.accounts import COMMENT, Made, Making, Memory, Plan
from daypass.host.passwd import FIRST_ORDINARY_UID
from daypass.host.settings import Paths

__all__ = ["Done", "carry_out", "end_processes", "known_elsewhere"]


@dataclass(slots=True)
class Done:
    """What became of a plan. `said`: what went wrong with one account does not keep the others waiting."""

    made: list[str] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    unlocked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def known_elsewhere(login: str) -> bool:
    """Whether the C library knows the name: LDAP and others stand beside /etc/passwd."""
    with suppress(KeyError, ValueError):
        return bool(pwd.getpwnam(login))
    return False


def carry_out(wanted: Plan, memory: Memory, paths: Paths) -> Done:
    """Locks first. Each making is remembered before it happens, so that a power cut leaves nobody else's account
    ours; each lock once it holds, so that until then every sync tries again."""
    done = Done()
    keeper = _Keeper(memory, paths.made_accounts)
    for login, uid in wanted.adopt.items():
        keeper.put(login, Made(uid=uid))
    for login in wanted.lock:
        with _told(done.said):
            _run("usermod", "--expiredate", "1", login)  # never a locked password alone: trust 6.7
            keeper.put(login, Made(uid=keeper.memory.made[login].uid, locked=True))
            done.locked.append(login)
    for login in wanted.unlock:
        with _told(done.said):
            _run("usermod", "--expiredate", "", login)
            keeper.put(login, Made(uid=keeper.memory.made[login].uid))
            done.unlocked.append(login)
    for each in wanted.make:
        with _told(done.said):
            _make(each, keeper, paths)
            done.made.append(each.login)
    return done


def end_processes(wanted: Plan, memory: Memory) -> list[str]:
    """Everything that closed accounts still run, once nobody gets in any more. Survivors stand in the answer."""
    uids = {login: made.uid for login, made in memory.made.items() if made.uid is not None}
    ended = {login: processes.end_all(uids[login]) for login in wanted.closed if login in uids}
    return [f"{login} is locked, and goes on in processes {pids}" for login, pids in ended.items() if pids]


@contextmanager
def _told(said: list[str]) -> Iterator[None]:
    try:
        yield
    except (DaypassError, OSError) as error:
        said.append(str(error))


class _Keeper:
    def __init__(self, memory: Memory, path: Path) -> None:
        self.memory, self._path = memory, path

    def put(self, login: str, made: Made) -> None:
        self.memory = self.memory.with_account(login, made)
        self.memory.save(self._path)


def _make(wanted: Making, keeper: _Keeper, paths: Paths) -> None:
    files.check((paths.root / "home").resolve())
    keeper.put(wanted.login, Made())
    groups = ("--groups", ",".join(wanted.groups)) if wanted.groups else ()
    _run(
        *("useradd", "--create-home", "--home-dir", str(wanted.home), "--user-group", *groups),
        *("--shell", wanted.shell, "--comment", COMMENT, wanted.login),
    )
    found = pwd.getpwnam(wanted.login)
    if found.pw_gecos != COMMENT or found.pw_uid < FIRST_ORDINARY_UID:
        raise Misconfigured(f"useradd made {wanted.login} with uid {found.pw_uid}", code="host.useradd")
    keeper.put(wanted.login, Made(uid=found.pw_uid))


def _run(program: str, *arguments: str) -> None:
    ran = tools.run([tools.find(program, "passwd"), *arguments])
    if ran.code != 0:
        words = ran.words or f"exit {ran.code}"
        raise Misconfigured(f"{program} failed for {arguments[-1]}: {words}", code="host.useradd")
