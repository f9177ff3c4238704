"""People's own accounts on a host: what there is to do about them. Nothing here changes anything.

An account that daypass has not made is the owner's: it is never changed, locked or taken over. What stands against
making one (a group or a home of that name, a shell that is not there) is said, and nothing is made.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from daypass.api import HostBundle, HostPerson
from daypass.errors import Misconfigured
from daypass.host import files
from daypass.host.passwd import FIRST_ORDINARY_UID, Account
from daypass.host.settings import Settings
from daypass.model import LOGIN_NAME, PRIVILEGED_GROUPS, HostRole

__all__ = ["COMMENT", "FEW", "Made", "Making", "Memory", "Plan", "plan", "read_groups"]

COMMENT = "made by daypass"  # in /etc/passwd: what is found after a power cut was ours
FEW = 3  # that may leave at once, however many they are of those in use
_SHELL = re.compile(r"(/[A-Za-z0-9._+-]+)+")
_GROUP = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An account that daypass has made. `uid` is None between asking for it and seeing it made."""

    uid: int | None = None
    locked: bool = False


class Memory(msgspec.Struct, frozen=True):
    """`/var/lib/daypass/accounts.json`, for root alone: login -> what was made."""

    made: dict[str, Made] = {}

    @classmethod
    def load(cls, path: Path) -> Memory:
        files.check(path)
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return cls()
        except (OSError, msgspec.DecodeError) as error:
            hint = "without it nobody knows which accounts are daypass's to lock; put it back from a backup"
            raise Misconfigured(f"{path} can't be understood: {error}", code="host.accounts", hint=hint) from error

    def with_account(self, login: str, made: Made) -> Memory:
        return Memory({**self.made, login: made})

    def save(self, path: Path) -> None:
        files.write(path, msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n", 0o600)


@dataclass(frozen=True, slots=True)
class Making:
    """An account to be made."""

    login: str
    shell: str
    groups: tuple[str, ...]
    home: Path


@dataclass(slots=True)
class Plan:
    """`closed`: accounts of ours that nobody may enter now; `lock` are those of them that are not locked yet.
    `held`: accounts that nothing is listed for any more, and that are left open, since they are too many at once.
    `said`: what is not done, and why."""

    make: list[Making] = field(default_factory=list)
    adopt: dict[str, int] = field(default_factory=dict)  # made before a power cut: login and uid
    lock: list[str] = field(default_factory=list)
    unlock: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def read_groups(path: Path) -> dict[str, int]:
    """Name -> gid, as /etc/group lists them."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise Misconfigured(f"{path} can't be read: {error.strerror}", code="host.group") from error
    fields = [line.split(":") for line in lines]
    return {each[0]: int(each[2]) for each in fields if len(each) == 4 and each[2].isascii() and each[2].isdigit()}


def plan(
    bundle: HostBundle,
    accounts: Mapping[str, Account],
    groups: Mapping[str, int],
    settings: Settings,
    memory: Memory,
    *,
    root: Path = Path("/"),
    taken: Collection[str] = (),
    lock_many: bool = False,
) -> Plan:
    """`accounts` and `groups` are the machine's; `taken`: names that something beside /etc/passwd knows.

    `lock_many`: the operator has said that so many people are meant to have gone.
    """
    found = Plan()
    made_by = {role.name: role for role in bundle.roles if role.own_account and role.new_accounts is not None}
    people = {each.login: each for each in bundle.people}
    for login, made in sorted(memory.made.items()):
        _keep(found, login, made, people.get(login), made_by, accounts)
    if not lock_many:
        in_use = sum(not made.locked and login in accounts for login, made in memory.made.items())
        _hold_back(found, in_use, people)
    for person in bundle.people:
        roles = [role for name, role in made_by.items() if name in person.roles]
        if roles and not person.locked and person.login not in accounts:
            _make(found, person.login, roles, groups, settings, root, taken)
    return found


def _keep(
    found: Plan, login: str, made: Made, person: HostPerson | None, made_by: Mapping[str, HostRole],
    accounts: Mapping[str, Account],
) -> None:  # fmt: skip
    account = accounts.get(login)
    if account is None:
        return
    if made.uid is None and account.comment == COMMENT and account.uid >= FIRST_ORDINARY_UID:
        found.adopt[login] = account.uid
    elif account.uid != made.uid:
        found.said.append(f"{login} has another uid than the account that daypass made: it is left alone")
        return
    if person is None or person.locked or not set(person.roles) & made_by.keys():
        found.closed.append(login)
        found.lock.extend([] if made.locked else [login])
    elif made.locked:
        found.unlock.append(login)


def _hold_back(found: Plan, in_use: int, people: Mapping[str, HostPerson]) -> None:
    """A CA that lost its records, or a role with a mistake in it, ends nobody's work on a whole fleet. Somebody's
    lock is an operator's act on one person, and counts at once; no longer being listed may be an accident."""
    dropped = [login for login in found.lock if login not in people or not people[login].locked]
    if len(dropped) > FEW and 2 * len(dropped) > in_use:
        found.held = dropped
        found.lock = [login for login in found.lock if login not in dropped]
        found.closed = [login for login in found.closed if login not in dropped]


def _make(
    found: Plan, login: str, roles: Sequence[HostRole], groups: Mapping[str, int], settings: Settings, root: Path,
    taken: Collection[str],
) -> None:  # fmt: skip
    new = roles[0].new_accounts
    home = root / "home" / login
    wanted = tuple(dict.fromkeys(name for role in roles for name in _groups(found, login, role, groups, settings)))
    if new is not None and not (why := _against(login, new.shell, home, groups, settings, root, taken)):
        found.make.append(Making(login, new.shell, wanted, Path("/home") / login))
    elif why:
        found.said.append(f"no account was made for {login[:32]!r}: {why}")


def _against(
    login: str, shell: str, home: Path, groups: Mapping[str, int], settings: Settings, root: Path,
    taken: Collection[str],
) -> str:  # fmt: skip
    """Why no account is made; empty where nothing stands against it."""
    if not LOGIN_NAME.fullmatch(login) or login in ("root", "nobody"):
        return "that is no name for a person's account"
    if not settings.make_accounts:
        return "make_accounts is false in host.toml"
    if login in settings.never:
        return "never in host.toml names it"
    if login in taken:
        return "the name is known here by another way than /etc/passwd"
    if login in groups:
        return "there is a group of that name"
    if home.is_symlink() or home.exists():
        return f"there is something at {home} already"
    if not _SHELL.fullmatch(shell) or not (root / shell[1:]).is_file():
        return f"there is no shell {shell[:64]!r}"
    return ""


def _groups(found: Plan, login: str, role: HostRole, groups: Mapping[str, int], settings: Settings) -> Iterator[str]:
    """Those of the role that the machine has and its owner allows; power over the host only where it is meant."""
    new = role.new_accounts
    for name in (*new.groups, *new.privileged) if new is not None else ():
        why = ""
        if not _GROUP.fullmatch(name) or name not in groups:
            why = "there is no such group"
        elif settings.allowed_groups is not None and name not in settings.allowed_groups:
            why = "allowed_groups in host.toml does not name it"
        elif (name in PRIVILEGED_GROUPS or groups[name] == 0) and (new is None or name not in new.privileged):
            why = f'it gives power over the host, and role "{role.name}" does not name it in privileged_groups'
        if why:
            found.said.append(f"{login} does not get into group {name[:32]!r}: {why}")
        else:
            yield name
