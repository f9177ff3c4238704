"""The accounts this machine has, as /etc/passwd lists them. Malformed lines are none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from daypass.errors import Misconfigured
from daypass.model import LOGIN_NAME

__all__ = ["Account", "every_name", "read_accounts"]

FIRST_ORDINARY_UID, NOBODY_UID = 1000, 65534


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    comment: str
    home: str
    gid: int = -1
    shell: str = ""

    @property
    def is_ordinary(self) -> bool:
        """A person's: uid 1000 and above, with a name that can be a principal."""
        nobody = self.name == "nobody" or self.uid == NOBODY_UID
        return self.uid >= FIRST_ORDINARY_UID and not nobody and LOGIN_NAME.fullmatch(self.name) is not None


def read_accounts(passwd: Path) -> dict[str, Account]:
    """By name; of two lines with one name the first counts, as it does for the C library."""
    try:
        lines = passwd.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise Misconfigured(f"{passwd} can't be read: {error.strerror}", code="host.passwd") from error
    found = dict[str, Account]()
    for name, _, uid, gid, comment, home, shell in (each for line in lines if len(each := line.split(":")) == 7):
        if name and all(number.isascii() and number.isdigit() for number in (uid, gid)):
            found.setdefault(name, Account(name, int(uid), comment, home, int(gid), shell))
    return found


def every_name(names: Collection[str], accounts: Mapping[str, Account]) -> frozenset[str]:
    """These, and whatever else the same accounts are called: a uid may have several names, and root's is 0."""
    uids = {each.uid for each in accounts.values() if each.name in names} | ({0} if "root" in names else set())
    return frozenset(names) | {each.name for each in accounts.values() if each.uid in uids}
