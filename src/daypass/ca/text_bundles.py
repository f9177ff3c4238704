"""The host bundle for agents that read no JSON: lines, a word and its value, signed in a namespace of its own.

    daypass-host-bundle-text-v1
    ca HEX, host ID, name NAME, version N, issued N, expires N, digest HEX, krl HEX, fail-closed-after N
    user-ca KEY               each user CA key
    bastion NAME              each host that leads to this one
    line ACCOUNT OPTIONS role:NAME    stands in this account's principals file
    own OPTIONS role:NAME             with `:ACCOUNT` behind it in the file of each person's account
    end

What stands in it is what stands in the JSON. People whose accounts would be made are left out: such agents make none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from daypass.errors import Internal
from daypass.model import HostRole, role_principal

__all__ = ["TYPE", "render"]

TYPE = "daypass-host-bundle-text-v1"
_FIELDS = {
    "ca": "ca_id", "host": "host_id", "name": "name", "version": "version", "issued": "issued_at",
    "expires": "expires", "digest": "digest", "krl": "krl_digest",
}  # fmt: skip


def render(document: Mapping[str, Any]) -> bytes:
    """`document` as api.HostBundle has it, its `roles` still JSON."""
    lines = [TYPE, *_lines(document), "end", ""]
    if not all(line.isprintable() for line in lines):
        raise Internal("a host bundle has a line that is none")
    return "\n".join(lines).encode()


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{word} {document[field]}" for word, field in _FIELDS.items())
    yield f"fail-closed-after {document.get('fail_closed_after', 0)}"
    yield from (f"user-ca {line}" for line in document["user_ca"])
    yield from (f"bastion {name}" for name in document.get("bastions", ()))
    for role in msgspec.json.decode(document["roles"], type=list[HostRole]):
        principal = role_principal(role.name)
        yield from (f"line {account} {role.options} {principal}" for account in role.accounts)
        if role.own_account:
            yield f"own {role.options} {principal}"
