"""What the heart asks of a store about endings: whatever takes access away, found, marked and put on record
in one transaction (trust 3.5, 6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from daypass.model import OnceId

__all__ = ["HELD_WITHIN", "PROVIDERS", "Ended", "Ending", "EndingRecord", "EndingStore", "Source", "Unlock"]


class Source(StrEnum):
    OPERATOR = "operator"
    SELF = "self"
    SCIM = "scim"
    LOGOUT = "logout"
    SIGNAL = "signal"
    RECHECK = "recheck"
    LOGIN = "login"


PROVIDERS = frozenset({Source.SCIM, Source.LOGOUT, Source.SIGNAL, Source.RECHECK})
"""By whose word so many may lose their access at once that an operator has to look (trust 6.8)."""
HELD_WITHIN = 60  # seconds


class Ending(Struct, frozen=True, kw_only=True):
    """What is to end. Of certificates that hold: every one that any of `persons`, `hosts`, `signins`, `serials`,
    `keys` (wire blobs) and `roles` names; with `within`, only these persons' among them.

    `lock`: the persons, too, by whom (`Source` and provider; "" for an operator). `gone`: they are to have no access
    at all, so hosts look for what stays behind. `looked`: hosts look and tell, and touch nothing: they may come back
    at any time, and then it is theirs. `held`: open sessions wait for an operator. `once`: the event's own
    id: another ending by the same one is this one again. Whatever is being issued to the
    persons meanwhile is decided anew, whether or not anything was found, and then refused: sign-ins of `persons` from
    before, and all of `signins`, give nothing any more.

    `hold_above`: of a provider's word; held, and those of the last minute with it, where providers have ended the
    access of more persons than this within it. `details`: further ones for the ledger. Let one that is `gone` be of
    one person, so that each comes back alone.
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
    looked: bool = False
    held: bool = False
    hold_above: int | None = None
    details: Mapping[str, object] = {}
    once: OnceId | None = None


class Ended(Struct, frozen=True, kw_only=True):
    """What became of it. `again`: the event was dealt with before, and this is what came of it then. With a dry run
    `id` is empty, and nothing was written."""

    id: str
    serials: tuple[int, ...]
    persons: tuple[int, ...] = ()
    again: bool = False
    held: bool = False


class Unlock(Struct, frozen=True, kw_only=True):
    """Somebody is to be let in again. `by`: only a lock by this word (as `Ending.lock`), None: any. `entries`: what
    of directories the operator's word stands above, as (provider, match) of `scim_resources`, until they say
    something new."""

    person: int
    reason: str
    actor: str
    by: str | None = None
    entries: tuple[tuple[str, str], ...] = ()


class EndingRecord(Struct, frozen=True, kw_only=True):
    """One row. Times are unix seconds. `gone`: hosts look for what stays behind. `user_krl`, `host_krl`: the first
    versions that cover it, None as long as there is none."""

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

    async def held(self) -> Sequence[str]:
        """Ids of those that wait for an operator, oldest first."""

    async def release(self, ending_id: str, *, actor: str, now: int) -> bool:
        """Open sessions of a held one end, too. False where it was not held."""

    async def unlock(self, unlock: Unlock, *, now: int) -> bool:
        """They may sign in again; what was revoked stays so. Endings by which they were `gone` are undone, once
        nobody of them is locked any more. False where there was nothing that this word could undo. Raises
        NotFound."""

    async def keys_called(self, fingerprint: str, now: int) -> Sequence[bytes]:
        """Wire blobs of certified keys with this fingerprint (`SHA256:…`) whose certificates hold."""
