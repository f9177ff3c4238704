"""The accounts of this host that gone persons have used, and what may be done to each.

own      theirs alone: it is called as they are, a role admits people to their own accounts here or daypass made it,
         no role gives it to others, and nobody else ever came into it by certificate. It may be locked
shared   everybody else's that they came into: at most what is surely theirs is taken out of it
kept     the owner's to look after: one that no login enters, one of a directory (LDAP) that is not in /etc/passwd.
         What is in it is reported, and nothing of it is changed
"""

from __future__ import annotations

import pwd
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daypass.api import HostBundle, HostEnding, HostLogin
from daypass.host.accounts import Memory as MadeMemory
from daypass.host.passwd import Account, every_name, read_accounts
from daypass.host.settings import Paths

__all__ = ["Place", "Places", "place_of"]

_NO_LOGIN = {"nologin", "false", "true", "sync", "shutdown", "halt"}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}")  # that can stand in a path


@dataclass(frozen=True, slots=True)
class Place:
    """`home` as this machine's tools see it, below the root. `why`: it is never changed, for this reason."""

    account: str
    uid: int
    gid: int
    home: Path
    own: bool = False
    why: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether its name can be part of a path."""
        return _NAME.fullmatch(self.account) is not None


@dataclass(frozen=True, slots=True)
class Places:
    """What is known here of who uses which account."""

    paths: Paths
    bundle: HostBundle
    logins: Sequence[HostLogin]
    here: Mapping[str, Account]
    made: MadeMemory
    never: Collection[str] = ()

    @classmethod
    def look(cls, paths: Paths, bundle: HostBundle, logins: Sequence[HostLogin], never: Collection[str]) -> Places:
        here, made = read_accounts(paths.passwd), MadeMemory.load(paths.made_accounts)
        return cls(paths, bundle, logins, here, made, every_name(never, here))

    def of(self, ending: HostEnding) -> list[Place]:
        """In order of their names."""
        ids = set(ending.key_ids)
        used = {each.account for each in self.logins if each.way == "certificate" and each.what in ids}
        theirs = {each for each in ending.logins if each in self.here and self._is_own(each, ids)}
        found = (place_of(self.paths, each, own=each in theirs) for each in sorted(used | theirs))
        return [each for each in found if each is not None]

    def _is_own(self, account: str, ids: Collection[str]) -> bool:
        entry = self.here[account]
        one_name = sum(each.uid == entry.uid for each in self.here.values()) == 1
        shared = account in self.never or any(account in role.accounts for role in self.bundle.roles)
        others = any(
            each.account == account and each.way == "certificate" and each.what not in ids for each in self.logins
        )
        return entry.is_ordinary and one_name and not shared and not others and self._may_be_own(account, entry.uid)

    def _may_be_own(self, account: str, uid: int) -> bool:
        made = self.made.made.get(account)
        return any(role.own_account for role in self.bundle.roles) or (made is not None and made.uid == uid)

    def prints(self, places: Sequence[Place]) -> set[str]:
        """Of keys by which somebody came into their own accounts, and into no other that they have not used."""
        own, used = {each.account for each in places if each.own}, {each.account for each in places}
        by_key = [each for each in self.logins if each.way == "key" and each.what]
        elsewhere = {each.what for each in by_key if each.account not in used}
        return {each.what for each in by_key if each.account in own} - elsewhere


def place_of(paths: Paths, account: str, *, own: bool = False) -> Place | None:
    """None for one that is not here (any more)."""
    entry = read_accounts(paths.passwd).get(account)
    if entry is not None:
        no_login = entry.shell.rpartition("/")[2] in _NO_LOGIN
        why = "nobody logs in to it by a shell" if no_login else ""
        home = paths.root / entry.home.lstrip("/") if entry.home.startswith("/") else paths.root / "nonexistent"
        return Place(account, entry.uid, entry.gid, home, own=own and not why, why=why)
    if paths.root == Path("/"):
        with suppress(KeyError, ValueError):
            found = pwd.getpwnam(account)
            return Place(account, found.pw_uid, found.pw_gid, Path(found.pw_dir), why="it is not in /etc/passwd")
    return None
