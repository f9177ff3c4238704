"""Logout tokens: OpenID Connect Back-Channel Logout 1.0 section 2.6, step by step.

Encryption (step 1) is not used. The signature has been verified before (steps 2 and 3). Whether the token came before
(step 8) is for whoever records what it ends; step 9 as well, which is to find out what it ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from daypass.ca.inbound_ports import LogoutToken
from daypass.config import ProviderSection
from daypass.provisioners.claims import (
    Claims,
    identifier,
    refused,
    require_audience,
    require_fresh,
    require_issuer,
)
from daypass.provisioners.verifying import clients_of, issuers_of

__all__ = ["LOGOUT", "check_logout"]

LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
MAX_SESSION = 512  # characters of a `sid`
_KINDS = frozenset(("logout+jwt", "application/logout+jwt", "jwt"))  # section 2.4; Core knew no type before


def check_logout(claims: Claims, header: Mapping[str, object], section: ProviderSection, now: float) -> LogoutToken:
    """Raises Unauthenticated with the code of the first step that fails."""
    if str(header.get("typ", "JWT")).lower() not in _KINDS:
        raise refused("kind", "this is a token of the identity provider, but not a logout token")
    issuer = require_issuer(claims, issuers_of(section))  # step 4: as of an ID token
    require_audience(claims, clients_of(section))
    require_fresh(claims, now)
    subject, session = _subject(claims, section), _session(claims)
    if not claims.get("sub") and not session:  # step 5
        raise refused("subject", "the logout token names neither a person nor a session")
    _step_6_events(claims)
    if "nonce" in claims:  # step 7
        raise refused("nonce", "a logout token has no nonce")
    jti = identifier(claims, "jti")
    if jti is None:
        raise refused("jti", "the logout token has no jti")
    return LogoutToken(issuer=issuer, jti=jti, subject=subject, session=session)


def _step_6_events(claims: Claims) -> None:
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT), dict):
        raise refused("kind", "the token does not say that anybody has logged out")


def _subject(claims: Claims, section: ProviderSection) -> str:
    """As the identity has it: Entra's `sub` differs for each application, and (tid, oid) is the person."""
    subject = claims.get("sub", "")
    if not isinstance(subject, str) or len(subject) > 255 or not (subject.isascii() and subject.isprintable()):
        raise refused("claim", "the token's sub is not what it has to be")
    if not section.tenants:
        return subject
    tenant, person = claims.get("tid"), claims.get("oid")
    known = tenant in section.tenants and isinstance(person, str) and re.fullmatch(r"[A-Za-z0-9-]{1,64}", person)
    return f"{tenant}/{person}" if known else ""


def _session(claims: Claims) -> str:
    session = claims.get("sid", "")
    if not isinstance(session, str) or len(session) > MAX_SESSION:
        raise refused("claim", "the token's sid is not what it has to be")
    return session
