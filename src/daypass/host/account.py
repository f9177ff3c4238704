"""What this host itself says of an account that somebody was turned away from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from daypass import trusted
from daypass.errors import DaypassError
from daypass.host.glassfile import keys_in
from daypass.host.refusals import Finding
from daypass.host.settings import Paths
from daypass.model import is_login_name

__all__ = ["Gate"]

_LOOKED_AT = {"principal", "source", "silent", "unknown-ca", "other"}
_MOST = 8  # lines of a principals file that are shown


@dataclass(frozen=True, slots=True)
class Gate:
    """`trusted`: fingerprints of the CA keys in user_ca.pub; none where it can't be read."""

    paths: Paths
    trusted: frozenset[str] = field(default=frozenset())
    break_glass: frozenset[str] = field(default=frozenset())  # the same of the offline keys in break_glass

    @classmethod
    def look(cls, paths: Paths) -> Gate:
        try:
            keys = trusted.public_keys(paths.user_ca.read_text(encoding="ascii").splitlines())
        except (OSError, UnicodeDecodeError, DaypassError):
            return cls(paths, break_glass=_break_glass(paths))
        return cls(paths, frozenset(key.fingerprint for key in keys), _break_glass(paths))

    def words(self, found: Finding) -> list[str]:
        """What stands here about it, for those reasons that it has to do with."""
        if not _LOOKED_AT & {reason.code for reason in found.reasons}:
            return []
        missing = [str(each) for each in (self.paths.user_ca, self.paths.krl) if not each.is_file()]
        return [*(f"{each} is missing" for each in missing), *self._principals(found.user)]

    def _principals(self, account: str) -> list[str]:
        """A name that can't be an account's is nobody's file."""
        if not is_login_name(account):
            return []
        path = self.paths.principals / account
        lines = _lines(path)
        if lines is None:
            return [f"{path} is not there: nobody enters this account by certificate"]
        more = [f"… and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
        return [f"{path} admits, the first that matches:", *(f"  {line}" for line in lines[:_MOST]), *more]


def _break_glass(paths: Paths) -> frozenset[str]:
    try:
        return frozenset(key.fingerprint for key in keys_in(paths.break_glass.read_bytes()))
    except (OSError, DaypassError):
        return frozenset()


def _lines(path: Path) -> list[str] | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
