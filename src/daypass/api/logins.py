"""Who has logged in how, as hosts count it: what a host reports, and what operators are told of the fleet.

A report opens nothing and closes nothing anywhere. It is a host's own word: one that was taken over can lie in it,
about itself alone.
"""

from __future__ import annotations

import msgspec

from daypass.api.route import Access, Route, admin_route

__all__ = [
    "LOGIN_ROUTES",
    "LOGIN_WAYS",
    "MAX_LOGINS",
    "FleetLoginsRequest",
    "HostLogin",
    "HostLogins",
    "HostReport",
    "HostReportKept",
]

LOGIN_WAYS = ("certificate", "break-glass", "other-certificate", "key", "password", "other")
MAX_LOGINS = 200  # lines of one report: 64 KiB is the most that the CA reads


class HostLogin(msgspec.Struct, frozen=True, kw_only=True):
    """One way into one account. `way` is one of LOGIN_WAYS; `what` tells apart what came that way.

    certificate        by one of our CA's: key id, `ca` its key's fingerprint, `serial` of the last one
    break-glass        the same, of the offline key for the day everything is down
    other-certificate  the same for another CA's
    key                the key's fingerprint
    password, other    the method as sshd names it: `keyboard-interactive/pam`, `hostbased`
    """

    account: str
    way: str
    what: str
    count: int
    first: int  # unix seconds
    last: int
    ca: str = ""
    serial: int = 0


class HostReport(msgspec.Struct, frozen=True, kw_only=True):
    """`trusted`: all of it comes from the journal's trusted fields, which nobody but root can forge (trust 6.4)."""

    since: int  # unix seconds: logins before are not counted
    until: int
    trusted: bool
    logins: list[HostLogin]  # the latest first
    dropped: int = 0  # ways that were too many to be kept, the longest unused first
    enforced: bool = False  # the host lets in certificates alone
    exceptions: list[str] = []  # accounts that are left out of that


class HostReportKept(msgspec.Struct, frozen=True, kw_only=True):
    reported_at: int


class FleetLoginsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The newest report of every host: one `HostLogins` a line, by name."""


class HostLogins(msgspec.Struct, frozen=True, kw_only=True):
    """One host's report; None where it has made none."""

    host: str
    reported_at: int | None
    report: HostReport | None


LOGIN_ROUTES = (
    Route(
        "host_report", "POST", "/v1/host/report", Access.HOST, HostReportKept,
        "What a host has counted of logins: shown to operators, and nothing else.", body=HostReport,
    ),
    admin_route(
        "fleet_logins", "audit", FleetLoginsRequest, HostLogins, "Who has logged in how, as each host counts it."
    ),
)  # fmt: skip
