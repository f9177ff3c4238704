"""Which hosts a role reaches, and what stands on its lines there (trust 2.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from daypass.config import RoleSection
from daypass.model import HostRole, NewAccounts

__all__ = ["EVERY_HOST", "PERMITS", "glob", "host_role", "line_options", "order", "reaches"]

EVERY_HOST = "*"
PERMITS = {  # extension of a certificate -> what a line under `restrict` needs for it (sshd(8), AUTHORIZED_KEYS)
    "permit-pty": "pty",
    "permit-port-forwarding": "port-forwarding",
    "permit-agent-forwarding": "agent-forwarding",
    "permit-X11-forwarding": "X11-forwarding",
    "permit-user-rc": "user-rc",
}


@lru_cache(maxsize=4096)
def glob(pattern: str) -> re.Pattern[str]:
    """`*` is any characters, `?` is one, dots too, as in ssh's own patterns (ssh_config(5), PATTERNS)."""
    return re.compile("".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern))


def reaches(section: RoleSection, names: Sequence[str], labels: Mapping[str, str]) -> bool:
    """`names`: the host's own and its aliases. Patterns and labels must both hold where both are given, and no host
    is reached by a role with neither: empty means no."""
    if not section.hosts and not section.labels:
        return False
    if any(labels.get(label) not in values for label, values in section.labels.items()):
        return False
    return not section.hosts or any(glob(pattern).fullmatch(name) for pattern in section.hosts for name in names)


def host_role(section: RoleSection, accounts: tuple[str, ...], *, own_account: bool) -> HostRole:
    made = section.new_accounts if own_account else None
    return HostRole(
        name=section.name,
        options=line_options(section),
        accounts=accounts,
        own_account=own_account,
        new_accounts=NewAccounts(made.shell, (*made.groups, *made.privileged_groups)) if made else None,
    )


def line_options(section: RoleSection) -> str:
    """In authorized_keys a quote is `\\"`; a backslash before anything else is itself (OpenSSH's opt_dequote)."""
    parts = ["restrict", *(option for extension, option in PERMITS.items() if extension in section.extensions)]
    if section.source_address:
        parts.append(f'from="{",".join(section.source_address)}"')
    if section.force_command:
        command = section.force_command.replace('"', '\\"')
        parts.append(f'command="{command}"')
    return ",".join(parts)


def order(section: RoleSection) -> tuple[bool, bool, int, str]:
    """The most restrictive line first, since the first that matches wins (trust 2.2)."""
    permits = sum(extension in PERMITS for extension in section.extensions)
    return not section.force_command, not section.source_address, permits, section.name
