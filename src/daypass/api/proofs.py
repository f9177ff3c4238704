"""What has become of each revocation, and who is on which host: for operators.

What hosts say of themselves stands in it as they say it: from one in wrong hands it proves nothing (trust 6.12).
"""

from __future__ import annotations

import msgspec

from daypass.api.hosts import ClosedSession, HostSession, Remain
from daypass.api.route import admin_route

__all__ = [
    "PROOF_ROUTES",
    "ClosedThere",
    "EndingLine",
    "EndingProgress",
    "EndingShown",
    "EndingsRequest",
    "FollowRequest",
    "OpenThere",
    "RemainsThere",
    "SessionEndRequest",
    "SessionEnding",
    "SessionLine",
    "SessionsRequest",
    "ShowEndingRequest",
    "Unreached",
]


class EndingLine(msgspec.Struct, frozen=True, kw_only=True):
    """Whatever has ended somebody's access. `held`: open sessions wait for an operator; `undone_at`: the persons are
    back; `state`: as of the report that is kept, "" where there is none yet."""

    id: str
    time: int
    source: str
    actor: str
    reason: str
    about: str
    persons: int
    certificates: int
    gone: bool
    held: bool
    released_at: int | None
    released_by: str | None
    undone_at: int | None
    reported_at: int | None
    state: str = ""


class Unreached(msgspec.Struct, frozen=True, kw_only=True):
    """A host that has not applied it, or has not looked for what stays behind. `until`: when the last of the
    certificates can be used there no more, 0 where none can; `heard`: the CA's last word of it, 0 for never."""

    host: str
    until: int
    heard: int


class ClosedThere(msgspec.Struct, frozen=True, kw_only=True):
    host: str
    closed: ClosedSession


class OpenThere(msgspec.Struct, frozen=True, kw_only=True):
    host: str
    session: HostSession


class RemainsThere(msgspec.Struct, frozen=True, kw_only=True):
    host: str
    remains: Remain


class EndingProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far it has come at `time`, by what hosts say.

    `state`: undone (they are back), held (for an operator), waiting (for hosts), open (a session goes on, or
    something of one), remains, unproven (agents that can't tell), ended. `complete`: all have answered who can.
    `hosts` are on record, `applied` have the list that revokes it, `looked` have looked for what stays behind.
    `until`: when the last of the
    certificates can be used nowhere any more. Lists are of 200 at most, counts of all. `blind`: hosts with the agent
    in shell, which ends no session and looks for nothing.
    """

    ending: str
    time: int
    state: str
    complete: bool
    hosts: int
    applied: int
    looked: int
    unreached_count: int
    unreached: list[Unreached]
    until: int
    closed_count: int
    closed: list[ClosedThere]
    survivors: int
    open_count: int
    open: list[OpenThere]
    remains_count: int
    remains: list[RemainsThere]
    blind: list[str] = []


class EndingsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Those since then, newest first."""

    since: int = 0
    limit: int = 100


class ShowEndingRequest(msgspec.Struct, frozen=True, kw_only=True):
    ending: str


class EndingShown(msgspec.Struct, frozen=True, kw_only=True):
    """`progress` is the report that is kept, once it has ended; before that as it is now."""

    ending: EndingLine
    progress: EndingProgress


class FollowRequest(msgspec.Struct, frozen=True, kw_only=True):
    """For so many seconds at most: a line whenever it has come further, the last one as it is at the end. For whoever
    made it, and for the capability audit."""

    ending: str
    seconds: int = 60


class SessionsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who is on any host; all that are given have to fit. `person`: as `daypass person show` takes one."""

    host: str = ""
    person: str = ""
    role: str = ""


class SessionLine(msgspec.Struct, frozen=True, kw_only=True):
    """By the host's own word, as of `reported_at`; `login` and `roles` are the CA's own record of the certificate,
    empty where it has none. `end`: when it is ended, 0 for never."""

    host: str
    session: HostSession
    reported_at: int
    login: str
    roles: list[str]
    end: int


class SessionEndRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`host`: its full name, where two should have sessions of one id. `wait`: seconds until it is to be over."""

    session: str
    host: str = ""
    reason: str = ""
    wait: int = 0


class SessionEnding(msgspec.Struct, frozen=True, kw_only=True):
    """The one that is to end; its host is told now. A second line, after `wait` seconds at most, says whether it is
    `over`, by the host's own word."""

    host: str
    session: HostSession
    over: bool = False


PROOF_ROUTES = (
    admin_route("endings", "audit", EndingsRequest, EndingLine, "Whatever has ended access: one a line."),
    admin_route("ending_show", "audit", ShowEndingRequest, EndingShown, "What has become of one revocation."),
    admin_route("ending_follow", "", FollowRequest, EndingProgress, "The same as it happens: a line for each step."),
    admin_route("sessions", "audit", SessionsRequest, SessionLine, "Who is on which host: one a line."),
    admin_route(
        "session_end",
        "revoke",
        SessionEndRequest,
        SessionEnding,
        "End one open session: a line, and one when it is over.",
    ),
)
