"""What ssh offers while certificates of single roles are held: them before the day pass, the person's keys after it.

ssh offers keys that its configuration names in the order of the agent, where a role comes after the day pass of the
morning, and what is in the agent besides behind them. So where roles are offered the day pass is not named, and what
the agent holds is not left out (IdentitiesOnly no): pass.conf stands back there for so long (sshconfig.Behind).

roles.conf is read first of all that a company's ssh_config includes, roles-own.conf after the day pass. What stands
in them counts until the certificate's end, as long as the agent's socket is there: ssh has the script `role-check`
ask.
Each Match names the hosts itself: ssh would run what stands behind `exec` also in a file that is included where
nothing matches.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from daypass.client.openssh import hostlists
from daypass.client.openssh.sshconfig import Behind, own_identities, quote
from daypass.client.settings import Context, Settings, write_file
from daypass.client.trust import Membership

__all__ = ["Offered", "remove", "write"]

_HEAD = "# Written by daypass login --role; gone after daypass logout.\n"
_SCRIPT = """#!/bin/sh
# Written by daypass. ssh runs this to learn whether it may offer a role: its end (unix seconds), the agent's socket.
test "$(date +%s)" -lt "$1" -a -S "$2"
"""


class Offered(NamedTuple):
    """A role's certificate: its file, its end (unix seconds), whether only hosts that have enrolled may see it."""

    file: Path
    end: int
    enrolled_only: bool


def write(
    settings: Settings, membership: Membership, agent: str, own_keys: Sequence[bytes], roles: Sequence[Offered]
) -> Behind | None:
    """Have ssh offer exactly these roles. `own_keys`: blobs of the person's keys in the same agent.

    Gives what pass.conf has to stand behind.
    """
    context = membership.context
    enrolled_only = all(each.enrolled_only for each in roles)
    hosts = hostlists.met(settings, membership) if enrolled_only else hostlists.ours(settings, membership)
    if not roles or not hosts:
        remove(context)
        return None
    write_file(context.role_check, _SCRIPT)
    found, until = ",".join(hosts), max(each.end for each in roles)
    lines = [f"IdentityAgent {quote(Path(agent))}", "IdentitiesOnly no"]
    own = [f"IdentityFile {quote(path)}" for path in own_identities(settings, context, own_keys)]
    # A shared connection that stays behind would go on giving what the role gave (trust 6.5).
    offers = [
        _matches(
            found, _check(context, agent, each.end), [*lines, f"IdentityFile {quote(each.file)}", "ControlPersist no"]
        )
        for each in roles
    ]
    write_file(context.roles_own_config, _HEAD + _matches(found, _check(context, agent, until), own))
    write_file(context.roles_config, _HEAD + "".join(offers))
    return Behind(found, _check(context, agent, until))


def remove(context: Context) -> None:
    """Have ssh offer none."""
    for path in (context.roles_config, context.roles_own_config, context.role_check):
        path.unlink(missing_ok=True)


def _check(context: Context, agent: str, end: int) -> str:
    """What ssh has a shell run; nothing on Windows, which has no sh."""
    return "" if sys.platform == "win32" else f"exec \"/bin/sh '{context.role_check}' {end} '{agent}'\""


def _matches(hosts: str, check: str, lines: Sequence[str]) -> str:
    """For the company's hosts by the name that was typed, and those an alias leads to: see sshconfig.block."""
    body = "".join(f"    {line}\n" for line in lines)
    typed, aliased = f'!final host "{hosts}"', f'final host "{hosts}" !originalhost "{hosts}"'
    return "".join(f"Match {condition} {check}".rstrip() + f"\n{body}" for condition in (typed, aliased) if body)
