"""Why somebody may log in to an account of a host, or not; and who else could."""

from __future__ import annotations

import msgspec

__all__ = [
    "AccessChange",
    "ExplainRequest",
    "Explanation",
    "MyQuestion",
    "PolicyChange",
    "PolicyDiff",
    "PolicyDiffRequest",
    "RoleHolders",
    "WayIn",
    "WhoAnswer",
    "WhoRequest",
]


class MyQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """May I? `host`: a name or alias on record, or the first part of one."""

    account: str
    host: str


class ExplainRequest(msgspec.Struct, frozen=True, kw_only=True):
    """May they? `who`: a person on record (`#ID`, login, e-mail, PROVIDER:SUBJECT); or, with `facts` or `provider`,
    the e-mail of one who might come. `facts`: as if their provider said this too: `group`, `amr`, `acr`, `email`,
    `claims.NAME`. `role`: by this role only.
    """

    who: str
    account: str
    host: str
    facts: dict[str, list[str]] = {}
    provider: str = ""
    role: str = ""


class WayIn(msgspec.Struct, frozen=True, kw_only=True):
    """`options` and `principal` are the host's line (sshd(8), AUTHORIZED_KEYS FILE FORMAT). `narrow`: only by
    `daypass login --role`. `seconds`: how long the certificate would last from now. `max_session`: seconds that a
    session by this role may last, 0 for as long as it likes."""

    role: str
    principal: str
    options: str
    narrow: bool
    seconds: int
    max_session: int = 0


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Yes: `ways`, the one that counts first. No: `code`, `message` and `hint` as the CA's own denial has them, and
    the nearest role with its first condition that failed."""

    yes: bool
    who: str
    account: str
    host: str
    ways: list[WayIn] = []
    code: str = ""
    message: str = ""
    hint: str = ""
    role: str = ""
    condition: str = ""
    wanted: list[str] = []
    found: list[str] = []
    notes: list[str] = []


class WhoRequest(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    host: str


class RoleHolders(msgspec.Struct, frozen=True, kw_only=True):
    """Those on record who get in by this role, and whom else it is for: anyone who meets `conditions`."""

    role: str
    options: str
    narrow: bool
    people: list[str]
    more: int  # people beyond those that are listed
    conditions: str


class WhoAnswer(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    host: str
    roles: list[RoleHolders]


class PolicyDiffRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`document`: what would be published, as `ca config show --json` prints it."""

    document: str


class PolicyChange(msgspec.Struct, frozen=True, kw_only=True):
    """`effect`: wider, narrower or different; what is not narrower may give somebody more."""

    key: str
    effect: str
    text: str


class AccessChange(msgspec.Struct, frozen=True, kw_only=True):
    """`effect`: gains, loses, wider or narrower. `account`: `{login}` is each person's own."""

    effect: str
    account: str
    people: list[str]
    hosts: list[str]
    text: str


class PolicyDiff(msgspec.Struct, frozen=True, kw_only=True):
    """`version`: the one in force, which it was compared with; 0 for a file."""

    version: int
    widens: bool
    changes: list[PolicyChange]
    people: list[AccessChange]
