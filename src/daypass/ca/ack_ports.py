"""What the heart asks of a store about hosts' answers: what they have applied, who is on them, what they have ended
and found. All of it is a host's own word (trust 6.12): it is shown, and it admits nobody anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

__all__ = [
    "ANSWERED",
    "FINAL",
    "SOME",
    "AckRecord",
    "AckStore",
    "BrokenIn",
    "Carried",
    "Closed",
    "GoneRecord",
    "Hit",
    "Limit",
    "Looked",
    "Remains",
    "Said",
    "Session",
    "Sessions",
    "Word",
]


SOME, ANSWERED, FINAL = 0, 1, 2
"""What a report proves: that some hosts have answered, that all have, that there is nothing more to come."""


class Session(Struct, frozen=True, kw_only=True):
    """Somebody who is on a host, as api.HostSession."""

    id: str
    account: str
    address: str
    since: int
    way: str
    key_id: str = ""
    ca: str = ""
    serial: int = 0
    end: int = 0
    left: bool = False


class Closed(Struct, frozen=True, kw_only=True):
    """One that a host has ended, as api.ClosedSession."""

    session: Session
    closed_at: float
    reason: str
    survivors: tuple[str, ...] = ()


class Remains(Struct, frozen=True, kw_only=True):
    """One thing that stays behind, as api.Remain."""

    account: str
    kind: str
    what: str
    done: str = "reported"
    theirs: bool = True
    error: str = ""


class Looked(Struct, frozen=True, kw_only=True):
    """What a host found for one ending when it looked, as api.EndingReport."""

    ending: str
    time: int
    remains: tuple[Remains, ...] = ()
    cut: int = 0


class BrokenIn(Struct, frozen=True, kw_only=True):
    """A login by break-glass, as api.BreakGlassLogin."""

    id: str
    account: str
    address: str
    time: int
    key_id: str = ""
    ca: str = ""
    serial: int = 0


class Limit(Struct, frozen=True, order=True):
    """When one session is to end, and why."""

    session: str
    at: int
    reason: str = ""


class Said(Struct, frozen=True, kw_only=True):
    """One answer of a host, judged. `sessions`: None for "as before"; `limits` are the CA's own, for new ones."""

    host: str
    bundle_version: int
    krl_version: int
    sessions: tuple[Session, ...] | None = None
    limits: tuple[Limit, ...] = ()
    closed: tuple[Closed, ...] = ()
    looked: tuple[Looked, ...] = ()
    break_glass: tuple[BrokenIn, ...] = ()


class AckRecord(Struct, frozen=True):
    bundle_version: int
    krl_version: int
    acked_at: int


class Sessions(Struct, frozen=True):
    """Who is on one host; `host` is its id."""

    host: str
    name: str
    reported_at: int
    sessions: tuple[Session, ...]


class Word(Struct, frozen=True, kw_only=True):
    """All that one host has told of one ending. `looked`: when it looked for what stays behind; 0: it has not."""

    closed: tuple[Closed, ...] = ()
    looked: int = 0
    remains: tuple[Remains, ...] = ()
    cut: int = 0


class Carried(Struct, frozen=True):
    """What a certificate of a person's carried, and whose it is. `ca_key`: the fingerprint of who signed it."""

    roles: tuple[str, ...]
    valid_after: int
    valid_before: int
    ca_key: str
    person: int | None
    login: str


class Hit(Struct, frozen=True):
    """A certificate that an ending took away; `ca_key` is the fingerprint of who signed it."""

    serial: int
    valid_before: int
    ca_key: str


class GoneRecord(Struct, frozen=True):
    """An ending of persons, as far as hosts are told. `logins`: what they are called; `held`: nothing but their
    certificates is to end, or an operator has yet to say so; `undone`: they are back."""

    id: str
    time: int
    key_ids: tuple[str, ...]
    undone: bool
    logins: tuple[str, ...] = ()
    held: bool = False


class AckStore(Protocol):
    async def host_acked(self, said: Said, now: int) -> None:
        """Keep it; with others that arrive meanwhile in one transaction. A session that is not open any more needs no
        end; one that an operator ended and that is closed is an event, `session.closed`. A login by break-glass is an
        alarm, `host.break-glass`, once."""

    async def acks(self) -> Mapping[str, AckRecord]:
        """By host id."""

    async def host_sessions(self, host_id: str) -> Sessions | None: ...

    async def open_sessions(self) -> Sequence[Sessions]:
        """By name of the host; only hosts with any."""

    async def end_session(
        self, host_id: str, limit: Limit, *, told: Mapping[str, object], actor: str, now: int
    ) -> None:
        """Put on record, as `session.end`, that it is to end. Raises NotFound where the host is not there."""

    async def session_ends(self) -> Mapping[str, tuple[Limit, ...]]:
        """By host id."""

    async def gone(self, since: int, limit: int) -> Sequence[GoneRecord]:
        """Endings by which persons are to have no access, those that are undone too; the newest last."""

    async def spared(self, since: int) -> Sequence[int]:
        """Serials of endings that wait for an operator, in order."""

    async def words(self, ending_id: str) -> Mapping[str, Word]:
        """What hosts have told of this ending, by host id."""

    async def carried(self, serials: Sequence[int]) -> Mapping[int, Carried]:
        """Of those that are people's certificates on record."""

    async def unproven(self, since: int, limit: int) -> Sequence[tuple[str, bool]]:
        """Endings without a report, and (True) those whose report is not FINAL. Those without come first, then the
        newest."""

    async def prove(self, ending_id: str, report: str, *, proven: int, told: Mapping[str, object], now: int) -> bool:
        """Keep this report of an ending, with an entry `ending.report`. False where there is one that proves as much.
        `proven`: SOME, ANSWERED or FINAL."""

    async def hit_by(self, ending_id: str) -> Sequence[Hit]:
        """The people's certificates that it took away."""
