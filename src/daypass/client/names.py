"""The names of hosts that a laptop knows, read without cryptography: a shell completes them, ssh asks for one.

They were verified when their bundle was kept (client.enrolled). Nothing is decided by them but whether to try.
"""

# pathlib costs as much as all the rest.
# ruff: noqa: PTH118, PTH123, PTH208

from __future__ import annotations

import json
import os

from daypass.client import place

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Known", "companies", "known"]


class Known:
    """What one company's bundle says: its name here, the hosts, and when the bundle was made (unix seconds)."""

    __slots__ = ("company", "hosts", "issued_at")

    def __init__(self, company: str, hosts: tuple[str, ...], issued_at: int) -> None:
        self.company = company
        self.hosts = hosts
        self.issued_at = issued_at

    def has(self, host: str) -> bool:
        """Host names are of any case, and may end in the root's dot."""
        return host.lower().rstrip(".") in self.hosts


def companies(home: str, wanted: str) -> list[str]:
    """The company asked for, else every one: the one in use first."""
    if wanted:
        found = place.current_name(home, wanted)
        return [found] if found else []
    current = place.current_name(home)
    try:
        names = sorted(os.listdir(os.path.join(home, "contexts")))
    except OSError:
        return []
    return sorted(names, key=lambda each: each != current)


def known(home: str, names: Iterable[str]) -> list[Known]:
    """Of those companies whose bundle is here; one that can't be read counts for nothing."""
    found = []
    for name in names:
        try:
            with open(os.path.join(home, "contexts", name, place.BUNDLE), "rb") as file:
                document = json.loads(json.load(file)["document"])
            hosts = tuple(each for each in document["enrolled"] if isinstance(each, str) and each.isprintable())
            found.append(Known(name, hosts, int(document["issued_at"])))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return found
