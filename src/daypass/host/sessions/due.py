"""Which open sessions are to end, and when: by the KRL that is in force, by what the bundle says of single ones, and
by the longest that a role lets somebody stay (trust 6.5).

A certificate's own end closes no session: sshd looks at it when somebody comes in, and never again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from daypass.api import HostBundle, HostSession
from daypass.times import moment
from daypass.wire.krl import revoked_among

__all__ = ["End", "ends", "revoked", "with_end"]


class End(NamedTuple):
    """`at`: unix seconds, 0 for at once."""

    at: int
    why: str


def ends(session: HostSession, bundle: HostBundle) -> End | None:
    """The sooner of what the bundle says of this very session, and of its role's longest stay; None for never."""
    found = [
        End(each.at, each.reason or "an operator has ended it")
        for each in bundle.session_ends
        if each.session == session.id
    ]
    longest = _longest(session, bundle)
    if longest:
        found.append(End(session.since + longest, f"it was for {longest // 60} min, since {moment(session.since)}"))
    return min(found, default=None)


def revoked(sessions: Iterable[HostSession], krl: bytes, spared: Sequence[Sequence[int]]) -> set[str]:
    """Ids of those whose certificate this list revokes; not those that wait for an operator. Invalid as
    `revoked_among` has it."""
    certified = [each for each in sessions if each.ca and each.serial and not _is_spared(each.serial, spared)]
    wanted = dict[str, set[int]]()
    for each in certified:
        wanted.setdefault(each.ca, set()).add(each.serial)
    found = revoked_among(krl, wanted) if wanted else set()
    return {each.id for each in certified if (each.ca, each.serial) in found}


def with_end(session: HostSession, bundle: HostBundle) -> HostSession:
    found = ends(session, bundle)
    return replace(session, end=max(found.at, 1) if found is not None else 0)


def _longest(session: HostSession, bundle: HostBundle) -> int:
    """Seconds; 0 for as long as they like. Which of the roles that admit to this account somebody came by is not in
    sshd's words, so it is the longest of all of them; the CA, which knows, may say less."""
    if session.way != "certificate":
        return 0
    stays = [each.max_session for each in bundle.roles if each.own_account or session.account in each.accounts]
    return max(stays) if stays and all(stays) else 0


def _is_spared(serial: int, spared: Sequence[Sequence[int]]) -> bool:
    return any(len(each) == 2 and each[0] <= serial <= each[1] for each in spared)
