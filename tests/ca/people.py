"""Somebody who asks, and hosts on record, in one line each."""

from __future__ import annotations

from typing import Any

from daypass.ca.explain import Asker
from daypass.ca.host_ports import HostRecord
from daypass.model import Identity, Kind, OnceId, Person, Proof

__all__ = ["NOW", "asker", "host"]

NOW = 1_800_000_000


def asker(*groups: str, person: Person | None = None, remote: bool = False, **facts: Any) -> Asker:
    """Alice with these groups, signed in just now."""
    plain: dict[str, Any] = {
        "kind": Kind.PERSON,
        "provider": "idp",
        "issuer": "https://idp.example.com",
        "subject": "248289",
        "email": "alice@example.com",
        "login": "alice",
        "names": ("alice",),
        "groups": frozenset(groups),
        "auth_time": NOW,
    }
    identity = Identity(**(plain | facts))
    return Asker(Proof(identity, OnceId("idp", "n"), NOW, NOW + 300, bound=True, remote=remote), person)


def host(name: str = "web-1.example.com", **labels: str) -> HostRecord:
    return HostRecord(id="0" * 32, name=name, aliases=(), labels=labels, keys=(), live_until=NOW + 86400)
