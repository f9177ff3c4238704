"""The lines of one account's principals file on one host, as far as somebody's certificate can match them."""

from __future__ import annotations

from msgspec import Struct

from daypass.ca.host_ports import HostRecord
from daypass.ca.policy import Policy
from daypass.model import role_principal

__all__ = ["Line", "lines_for"]


class Line(Struct, frozen=True):
    """A line of the account's principals file. `role` is empty for a principal that a host without our agent takes
    as it stands, the account's own name. `max_session`: seconds a session may last, 0 for as long as it likes."""

    role: str
    options: str
    principal: str
    max_session: int = 0


def lines_for(policy: Policy, account: str, login: str, host: HostRecord | None) -> tuple[Line, ...]:
    """Of the account's principals file, in their order, as far as this person's login can match them."""
    if host is None:
        return (Line("", "", account),)
    found = []
    for role in policy.for_host(host.name, host.aliases, host.labels):
        if account in role.accounts:
            found.append(Line(role.name, role.options, role_principal(role.name), role.max_session))
        if role.own_account and login and account == login:
            own = role_principal(role.name, login=login)
            found.append(Line(role.name, role.options, own, role.max_session))
    return tuple(found)
