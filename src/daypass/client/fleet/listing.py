"""The list of hosts to take over: one a line.

    NAME [DESTINATION] [KEY=VALUE …]

    web-1.example.com
    web-2.example.com  admin@10.0.0.7:2222  tier=gold alias=www.example.com

NAME is what the host will be called; DESTINATION is where ssh goes, NAME unless told; `alias=` gives a further name,
any other KEY a label. What stands behind # is a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from daypass.errors import Invalid
from daypass.model import is_host_name, shown

__all__ = ["Target", "read_list"]

_MOST = 10_000  # hosts in one list
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9._-]{0,31}\$?")
_PLACE = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}))(?::(?P<port>\d{1,5}))?"
)
_LABEL = re.compile(r"[a-z][a-z0-9_.-]{0,62}")


@dataclass(frozen=True, slots=True)
class Target:
    """One host of the list. `destination`: [USER@]HOST as ssh takes it; `port` None is ssh's own."""

    name: str
    destination: str
    port: int | None = None
    aliases: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)


def read_list(text: str) -> tuple[Target, ...]:
    """Raises Invalid, with every line that is wrong, for a list that is not right as a whole."""
    found, wrong = list[Target](), list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        try:
            found.extend([_target(words)] if words else [])
        except Invalid as error:
            wrong.append(f"line {number}: {error.message}")
    wrong += _twice(found)
    if wrong:
        listed = "".join(f"\n  {each}" for each in wrong[:20])
        raise Invalid(
            f"the list of hosts has mistakes:{listed}", code="list", hint="NAME [USER@HOST[:PORT]] [KEY=VALUE …]"
        )
    if not 0 < len(found) <= _MOST:
        raise Invalid(f"a list names 1 to {_MOST} hosts, this one {len(found)}", code="list")
    return tuple(found)


def _target(words: list[str]) -> Target:
    name, rest = words[0], words[1:]
    if not is_host_name(name) or "." not in name:
        raise Invalid(f"{shown(name)} is no full host name")
    place = rest.pop(0) if rest and "=" not in rest[0] else name
    destination, port = _destination(place)
    aliases, labels = list[str](), dict[str, str]()
    for word in rest:
        key, equals, value = word.partition("=")
        if key == "alias" and is_host_name(value):
            aliases.append(value)
        elif equals and _LABEL.fullmatch(key) and key != "alias" and value and value.isprintable():
            labels[key] = value
        else:
            raise Invalid(f"{shown(word)} is neither a label nor an alias")
    return Target(name, destination, port, tuple(aliases), labels)


def _destination(place: str) -> tuple[str, int | None]:
    """Nothing that ssh could take for an option, and nothing that a shell could take for anything."""
    user, at, where = place.rpartition("@")
    match = _PLACE.fullmatch(where)
    if match is None or (at and not _USER.fullmatch(user)):
        raise Invalid(f"{shown(place)} is no destination")
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 0 < port < 65536:
        raise Invalid(f"{shown(place)} has no port that can be one")
    return f"{user}{at}{match['v6'] or match['host']}", port


def _twice(found: list[Target]) -> Iterator[str]:
    seen = set[str]()
    for each in found:
        for name in (each.name, *each.aliases):
            if name in seen:
                yield f"{name} stands there twice"
            seen.add(name)
