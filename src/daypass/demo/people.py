"""Who works at the demo company. alice may log in, bob has no role, carol's account is disabled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["PEOPLE", "Person"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at the demo company; `disabled` is how the account starts."""

    name: str
    password: str
    email: str
    groups: tuple[str, ...] = ()
    disabled: bool = False

    @property
    def subject(self) -> str:
        """Opaque and the same at every start, as a provider's `sub` is."""
        return hashlib.sha256(f"daypass demo person {self.name}".encode()).hexdigest()[:24]

    def claims(self) -> dict[str, object]:
        """What the provider says about this person, in the ID token and at /userinfo alike."""
        return {
            "sub": self.subject,
            "email": self.email,
            "email_verified": True,
            "groups": list(self.groups),
            "preferred_username": self.name,
        }


PEOPLE: Mapping[str, Person] = MappingProxyType(
    {
        "alice": Person("alice", "alice", "alice@example.com", ("engineers", "oncall")),
        "bob": Person("bob", "bob", "bob@example.com", ("contractors",)),
        "carol": Person("carol", "carol", "carol@example.com", ("engineers",), disabled=True),
    }
)
