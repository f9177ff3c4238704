"""Which principals admit to which account: the content of `/etc/ssh/daypass/principals/ACCOUNT` (trust 1.1, 2.2).

One's own account lists `role:NAME:ACCOUNT` and never a plain role: with that in it, everyone who has the role could
log in as that person. Accounts with a uid below 1000 get what the bundle spells out for them, and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from daypass.api import HostBundle
from daypass.errors import Invalid
from daypass.host import options
from daypass.model import LOGIN_NAME, ROLE_NAME, HostRole, role_principal

__all__ = ["check_roles", "principals_files"]


def principals_files(bundle: HostBundle, accounts: Collection[str], shut: Collection[str]) -> dict[str, bytes]:
    """Account -> content of its principals file, one `OPTIONS PRINCIPAL` a line, in account order.

    `accounts` are people's; `shut` are those that nobody may enter: the owner's ceiling (trust 2.6) beats the CA.
    Raises Invalid for an account or options of any other form than there are: they become files, and sshd's lines.
    """
    check_roles(bundle.roles)
    lines = dict[str, list[str]]()
    for role in sorted(bundle.roles, key=lambda role: options.strictness(role.options)):
        for account in role.accounts:
            lines.setdefault(account, []).append(_line(role, role_principal(role.name)))
        for account in accounts if role.own_account else ():
            lines.setdefault(account, []).append(_line(role, role_principal(role.name, login=account)))
    return {
        account: "".join(f"{line}\n" for line in dict.fromkeys(lines[account])).encode()
        for account in sorted(lines)
        if account not in shut
    }


def check_roles(roles: Sequence[HostRole]) -> None:
    for role in roles:
        if not ROLE_NAME.fullmatch(role.name):
            raise Invalid(f"the host bundle names a role that can't be one: {role.name[:64]!r}", code="bundle.role")
        for account in role.accounts:
            if not LOGIN_NAME.fullmatch(account):
                raise Invalid(
                    f"the host bundle names an account that can't be one: {account[:64]!r}", code="bundle.account"
                )
        options.check(role.options)
    if len({role.name for role in roles}) < len(roles):
        raise Invalid("the host bundle names a role twice", code="bundle.role")


def _line(role: HostRole, principal: str) -> str:
    return f"{role.options} {principal}"
