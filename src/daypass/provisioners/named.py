"""Whom a one-time token or a certificate names: a person, or a host. Nothing is bent into shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daypass.errors import Denied
from daypass.model import (
    HostFacts,
    Identity,
    Kind,
    NoLogin,
    host_pattern_matches,
    is_host_name,
    is_login_name,
    shown,
)
from daypass.provisioners.names import well_formed_email
from daypass.provisioners.nologin import misfit

__all__ = ["host_facts", "person"]


def person(
    provider: str,
    issuer: str,
    subject: str,
    *,
    login: str,
    email: str = "",
    groups: frozenset[str] = frozenset(),
    claims: Mapping[str, object] | None = None,
) -> Identity:
    """`login`: what would be their login name. They have signed in nowhere, so there is no `auth_time`."""
    found = is_login_name(login)
    text = f"{provider} says {shown(login)}, and {misfit(login)}"
    return Identity(
        kind=Kind.PERSON,
        provider=provider,
        issuer=issuer,
        subject=subject,
        email=well_formed_email(email),
        login=login if found else None,
        no_login=None if found else NoLogin(text, "ask for a name like alice"),
        names=(login,) if found else (),
        groups=groups,
        claims=claims or {},
    )


def host_facts(
    names: Sequence[str], patterns: Sequence[str], labels: Mapping[str, str] | None = None, *, what: str
) -> HostFacts:
    """The first is its own name. Raises Denied for what is no name, or is none that `what` may speak for."""
    wanted = tuple(dict.fromkeys(names))
    for name in wanted:
        fits = is_host_name(name) and any(host_pattern_matches(pattern, name) for pattern in patterns)
        if not fits:
            raise Denied(
                f"{what} may not speak for {shown(name)}",
                code="policy.host-name",
                hint=f"operator: it may for {', '.join(patterns) or 'no host'}; see hosts of its table",
            )
    if not wanted:
        raise Denied(f"{what} names no host", code="policy.host-name", hint="a DNS name, like web-1.example.com")
    return HostFacts(wanted[0], wanted[1:], dict(labels or {}))
