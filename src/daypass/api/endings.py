"""Taking access away, and giving it back: by operators, and of one's own."""

from __future__ import annotations

import msgspec

from daypass.api.persons import PersonLine
from daypass.api.proofs import EndingProgress
from daypass.api.route import admin_route

__all__ = [
    "ENDING_ROUTES",
    "MOST_PATIENCE",
    "EndingHit",
    "EndingStep",
    "LockRequest",
    "MyEnding",
    "MyLeave",
    "ReleaseRequest",
    "Released",
    "RevokeRequest",
    "Revoked",
    "UnlockRequest",
    "Unlocked",
]


class RevokeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Anybody's certificates, all or none: exactly one of `serials`, `person` (as `daypass person show` takes one),
    `host` (its own full name), `key` (its fingerprint, `SHA256:…`), `signin` and `role`; with `role`, `person`
    narrows. `dry_run`: nothing ends, and no reason is needed. With `wait` (seconds, not in a dry run) the answer is
    lines of EndingStep, up to when all hosts have answered or so long."""

    person: str = ""
    serials: list[int] = []
    key: str = ""
    host: str = ""
    signin: str = ""
    role: str = ""
    reason: str = ""
    dry_run: bool = False
    wait: int = 0


class LockRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`person`: as `daypass person show` takes one. `wait`: as in RevokeRequest."""

    person: str
    reason: str = ""
    dry_run: bool = False
    wait: int = 0


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """One of them, as it stands now. `login` is empty for a host's."""

    serial: int
    key_id: str
    valid_before: int
    revoked_at: int | None
    login: str = ""


class EndingHit(msgspec.Struct, frozen=True, kw_only=True):
    """`ending`: its id, by which to ask about it; empty for a dry run. `count`: how many certificates ended by it;
    a thousand are listed at most, and as many `people`."""

    ending: str
    count: int
    certificates: list[Revoked]
    people: list[PersonLine]


class EndingStep(msgspec.Struct, frozen=True, kw_only=True):
    """One of both: the first line says what was hit, the others how far it has come."""

    hit: EndingHit | None = None
    progress: EndingProgress | None = None


class UnlockRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of both: `person`, or everybody whom this `ending` has locked."""

    person: str = ""
    ending: str = ""
    reason: str


class Unlocked(msgspec.Struct, frozen=True, kw_only=True):
    people: list[PersonLine]


class ReleaseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Open sessions that wait for an operator: of this `ending`, or of `all`."""

    ending: str = ""
    all: bool = False


class Released(msgspec.Struct, frozen=True, kw_only=True):
    endings: list[str]


MOST_PATIENCE = 8  # seconds: clients give up on a silent CA after ten


class MyLeave(msgspec.Struct, frozen=True, kw_only=True):
    """End all of one's own access, on every machine. `wait`: seconds to wait for hosts, MOST_PATIENCE at most."""

    reason: str = ""
    wait: int = 0


class MyEnding(msgspec.Struct, frozen=True, kw_only=True):
    """`applied`, `closed`: by the hosts' own word, at the end of the wait; None where there was none."""

    ending: str
    count: int  # certificates that ended by it
    hosts: int | None = None
    applied: int | None = None
    closed: int | None = None  # sessions


ENDING_ROUTES = (
    admin_route("revoke", "revoke", RevokeRequest, EndingHit, "Revoke certificates, whosever they are."),
    admin_route("lock", "lock", LockRequest, EndingHit, "Lock a person out."),
    admin_route("unlock", "unlock", UnlockRequest, Unlocked, "Let people in again.", two_persons=True),
    admin_route("release", "revoke", ReleaseRequest, Released, "End open sessions that have waited for an operator."),
)
