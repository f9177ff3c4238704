"""The accounts this machine has, as /etc/passwd lists them. Malformed lines are none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daypass.errors import Misconfigured
from daypass.model import LOGIN_NAME

__all__ = ["Account", "read_accounts"]

FIRST_ORDINARY_UID, NOBODY_UID = 1000, 65534


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    comment: str
    home: str

    @property
    def is_ordinary(self) -> bool:
        """A person's: uid 1000 and above, with a name that can be a principal."""
        nobody = self.name == "nobody" or self.uid == NOBODY_UID
        return self.uid >= FIRST_ORDINARY_UID and not nobody and LOGIN_NAME.fullmatch(self.name) is not None


def read_accounts(passwd: Path) -> dict[str, Account]:
    """By name; of two lines with one name the first counts, as it does for the C library."""
    try:
        lines = passwd.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise Misconfigured(f"{passwd} can't be read: {error.strerror}", code="host.passwd") from error
    found = dict[str, Account]()
    for name, _, uid, _, comment, home, _ in (fields for line in lines if len(fields := line.split(":")) == 7):
        if name and uid.isascii() and uid.isdigit():
            found.setdefault(name, Account(name, int(uid), comment, home))
    return found
