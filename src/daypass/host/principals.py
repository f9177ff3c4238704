"""Which principals admit to which account: the content of `/etc/ssh/daypass/principals/ACCOUNT` (trust 1.1, 2.6).

One's own account lists `role:NAME:ACCOUNT` and never a plain role: with that in it, everyone who has the role could
log in as that person. Accounts with a uid below 1000 get what the bundle spells out for them, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from daypass.api import HostBundle
from daypass.errors import Invalid, Misconfigured
from daypass.model import LOGIN_NAME, ROLE_NAME

__all__ = ["ordinary_accounts", "principals_files"]

_FIRST_ORDINARY_UID, _NOBODY_UID = 1000, 65534
_PRINCIPAL = re.compile(
    rf"role:{ROLE_NAME.pattern}(?::(?P<login>{LOGIN_NAME.pattern})|@(?P<host_id>[A-Za-z0-9_-]+))?"
)


def ordinary_accounts(passwd: Path) -> tuple[str, ...]:
    """Accounts of people: uid 1000 and above, with a name that can be a principal. Malformed lines are none."""
    try:
        lines = passwd.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise Misconfigured(f"{passwd} can't be read: {error.strerror}", code="host.passwd") from error
    fields = [line.split(":") for line in lines]
    return tuple(each[0] for each in fields if len(each) == 7 and _is_ordinary(each[0], each[2]))


def _is_ordinary(name: str, uid: str) -> bool:
    if name == "nobody" or not LOGIN_NAME.fullmatch(name) or not (uid.isascii() and uid.isdigit()):
        return False
    return int(uid) >= _FIRST_ORDINARY_UID and int(uid) != _NOBODY_UID


def principals_files(bundle: HostBundle, accounts: Collection[str], never: Collection[str]) -> dict[str, bytes]:
    """Account -> content of its principals file, one principal a line, in account order.

    Raises Invalid where the bundle holds an account or a principal of any other form than the four there are: these
    names become files, and lines that sshd reads.
    """
    found = dict[str, list[str]]()
    for account, principals in bundle.accounts.items():
        _check(bundle.host_id, account, principals)
        found[account] = list(principals)
    for account in accounts:
        found.setdefault(account, []).extend(_own(bundle.own_account_roles, account))
    return {
        account: "".join(f"{line}\n" for line in dict.fromkeys(found[account])).encode()
        for account in sorted(found)
        if found[account] and account not in never
    }


def _own(roles: Collection[str], account: str) -> Iterator[str]:
    for role in roles:
        if not ROLE_NAME.fullmatch(role):
            raise Invalid(f"the host bundle names a role that can't be one: {role[:64]!r}", code="bundle.role")
        yield f"role:{role}:{account}"


def _check(host_id: str, account: str, principals: Collection[str]) -> None:
    if not LOGIN_NAME.fullmatch(account):
        raise Invalid(f"the host bundle names an account that can't be one: {account[:64]!r}", code="bundle.account")
    for principal in principals:
        if not _admits(host_id, account, principal):
            raise Invalid(
                f"the host bundle admits a principal to {account} that can't be one: {principal[:64]!r}",
                code="bundle.principal",
            )


def _admits(host_id: str, account: str, principal: str) -> bool:
    """A login name, a role, one's own role on this account, or a step-up to this host."""
    if LOGIN_NAME.fullmatch(principal):
        return True
    match = _PRINCIPAL.fullmatch(principal)
    return match is not None and match["login"] in (None, account) and match["host_id"] in (None, host_id)
