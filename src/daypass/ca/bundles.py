"""What each host is told: its roles by its names and labels, and a digest that changes only when that does.

Ten thousand hosts share a few hundred answers: what reaches a host depends on the labels that roles ask for and on
which of their name patterns it matches, and on nothing else of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from daypass.ca.host_ports import HostRecord, Member
from daypass.ca.policy import Policy
from daypass.ca.reach import EVERY_HOST, Where, glob
from daypass.model import HostRole

__all__ = ["Reach", "Reaches", "digest", "encode"]

_MOST = 20_000  # answers kept; a fleet with a label of its own on each host has as many as hosts
encode = msgspec.json.Encoder(order="deterministic").encode
_Key = tuple[tuple[str | None, ...], frozenset[str]]


class Reach(msgspec.Struct, frozen=True):
    """The roles of hosts that are alike; `text` is their JSON, `made_by` those that have people's accounts made."""

    roles: tuple[HostRole, ...]
    text: bytes
    hash: bytes
    made_by: frozenset[str]
    fail_closed_after: int = 0  # seconds


class Reaches:
    """The answers of one policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        places = list[Where]([*policy.sections.values(), *(each for each, _ in policy.fail_closed)])
        patterns = {pattern for place in places for pattern in place.hosts} - {EVERY_HOST}
        self._globs = tuple((each, glob(each)) for each in sorted(patterns) if set("*?") & set(each))
        self._names = frozenset(patterns) - {each for each, _ in self._globs}
        self._labels = tuple(sorted({label for place in places for label in place.labels}))
        self._known = dict[_Key, Reach]()

    def of(self, host: HostRecord) -> Reach:
        names = (host.name, *host.aliases)
        matched = {pattern for pattern, fits in self._globs if any(map(fits.fullmatch, names))}
        key = tuple(map(host.labels.get, self._labels)), frozenset(matched | self._names.intersection(names))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            whose = host.name, host.aliases, host.labels
            found = self._known[key] = _reach(self.policy.for_host(*whose), self.policy.fail_closed_after(*whose))
        return found


def _reach(roles: tuple[HostRole, ...], fail_closed_after: int) -> Reach:
    text = encode(roles)
    made_by = frozenset(role.name for role in roles if role.new_accounts is not None)
    whole = text + f"\0{fail_closed_after}".encode()
    return Reach(roles, text, hashlib.sha256(whole).digest(), made_by, fail_closed_after)


def people(members: Iterable[Member], made_by: frozenset[str]) -> list[dict[str, object]]:
    """`api.HostPerson` in JSON: whose accounts are made by these roles."""
    found = ((each, sorted(made_by.intersection(each.roles))) for each in members)
    return [{"login": each.login, "roles": roles, "locked": each.locked} for each, roles in found if roles]


def digest(host: HostRecord, reach: Reach, *rest: bytes | Sequence[str]) -> str:
    """Of everything a host acts on; `rest` is what else its bundle holds, apart from version and times."""
    whole = hashlib.sha256(b"daypass-host-bundle-v1\0" + encode([host.id, host.name]) + reach.hash)
    for each in rest:
        whole.update(hashlib.sha256(each if isinstance(each, bytes) else encode(each)).digest())
    return whole.hexdigest()
