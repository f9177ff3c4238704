"""A person to judge and a policy to ask, each in a line."""

from __future__ import annotations

from typing import Any

from daypass.ca.policy import Policy
from daypass.ca.ports import View
from daypass.ca.subject import Subject
from daypass.config import ProviderSection, RoleSection
from daypass.model import Grant, Identity, Kind, OnceId, Proof, Request
from daypass.wire import CertType
from tests.ca.samples import config

MONDAY_10 = 1_800_007_200 - 86400 * 4  # Mon 2027-01-11 10:00 UTC
HOUR = 3600


def role(name: str = "eng", **more: Any) -> RoleSection:
    return RoleSection(**({"name": name, "hosts": ["*"], "groups": ["eng"], "accounts": ["{login}"]} | more))


def subject(**changes: Any) -> Subject:
    facts: dict[str, Any] = {"email": "alice@example.com", "groups": frozenset({"eng"}), "login": "alice"}
    facts |= {"auth_time": MONDAY_10}
    return Subject(**({"provider": "idp", "issuer": "https://idp.example.com", "subject": "1"} | facts | changes))


def identity(**changes: Any) -> Identity:
    facts: dict[str, Any] = {"email": "alice@example.com", "login": "alice", "names": ("alice",)}
    facts |= {"groups": frozenset({"eng"}), "auth_time": MONDAY_10, "issuer": "https://idp.example.com"}
    return Identity(**({"kind": Kind.PERSON, "provider": "idp", "subject": "1"} | facts | changes))


def policy(*roles: RoleSection, providers: tuple[str, ...] = ("idp",), **more: Any) -> Policy:
    sections = [ProviderSection(name=name, issuer=f"https://{name}.example.com", client_id="d") for name in providers]
    return Policy(config(roles=list(roles), providers=sections, **more))


def grant(
    rules: Policy, *, now: int = MONDAY_10, who: Identity | None = None, remote: bool = False, **asked: Any
) -> Grant:
    proof = Proof(who or identity(), OnceId("idp", "n"), now, now + 300, bound=True, remote=remote)
    return rules.decide(proof, Request(CertType.USER, (), **asked), View(None, None, None, rules.hash, now), now)


__all__ = [
    "HOUR",
    "MONDAY_10",
    "grant",
    "identity",
    "policy",
    "role",
    "subject",
]
