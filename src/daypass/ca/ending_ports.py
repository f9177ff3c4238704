"""What the heart asks of a store about endings: whatever takes access away, found, marked and put on record
in one transaction (trust 3.5, 6).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from daypass.model import OnceId

__all__ = ["Ended", "Ending", "EndingRecord", "EndingStore", "Source"]


class Source(StrEnum):
    OPERATOR = "operator"
    SELF = "self"
    SCIM = "scim"
    LOGOUT = "logout"
    SIGNAL = "signal"
    RECHECK = "recheck"
    LOGIN = "login"


class Ending(Struct, frozen=True, kw_only=True):
    """What is to end. Of certificates that hold: every one that any of `persons`, `hosts`, `signins`, `serials`,
    `keys` (wire blobs) and `roles` names; with `within`, only these persons' among them.

    `lock`: the persons, too, by whom (`Source` and provider; "" for an operator). `gone`: they are to have no access
    at all, so hosts look for what stays behind. `held`: open sessions wait for an operator. `once`: the event's own
    id: another ending by the same one is this one again. Whatever is being issued to the
    persons meanwhile is decided anew, whether or not anything was found.
    """

    source: Source
    actor: str
    reason: str
    about: str
    persons: tuple[int, ...] = ()
    hosts: tuple[str, ...] = ()
    signins: tuple[str, ...] = ()
    serials: tuple[int, ...] = ()
    keys: tuple[bytes, ...] = ()
    roles: tuple[str, ...] = ()
    within: tuple[int, ...] | None = None
    lock: str | None = None
    gone: bool = False
    held: bool = False
    once: OnceId | None = None


class Ended(Struct, frozen=True, kw_only=True):
    """What became of it. `again`: the event was dealt with before, and this is what came of it then. With a dry run
    `id` is empty, and nothing was written."""

    id: str
    serials: tuple[int, ...]
    persons: tuple[int, ...] = ()
    again: bool = False


class EndingRecord(Struct, frozen=True, kw_only=True):
    """One row. Times are unix seconds. `user_krl`, `host_krl`: the first versions that cover it, None as long as
    there is none."""

    id: str
    time: int
    source: Source
    actor: str
    reason: str
    about: str
    persons: tuple[int, ...]
    key_ids: tuple[str, ...]
    serials: tuple[int, ...]
    user_krl: int | None
    host_krl: int | None
    gone: bool
    held: bool
    released_at: int | None = None
    released_by: str | None = None
    undone_at: int | None = None
    report: str | None = None
    reported_at: int | None = None


class EndingStore(Protocol):
    def on_end(self, tell: Callable[[], None]) -> None:
        """`tell` is called when this process has put something on record that hosts are to know at once."""

    async def end(self, ending: Ending, *, now: int, dry: bool = False) -> Ended:
        """ONE transaction. Raises NotFound where a serial or a person is not on record, and has ended nothing."""

    async def endings(self, since: int, limit: int) -> Sequence[EndingRecord]:
        """Newest first."""

    async def ending(self, ending_id: str) -> EndingRecord | None: ...

    async def release(self, ending_id: str, *, actor: str, now: int) -> bool:
        """Open sessions of a held one end, too. False where it was not held."""
