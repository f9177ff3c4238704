"""What an ID token must say before it is believed: OpenID Connect Core 1.0 section 3.1.3.7, step by step.

Its signature has been verified before (step 6); encryption (step 1) and MACs (step 8) are not used. `at_hash`
is looked at where an access token is used (`groups`). Times are unix seconds; a clock may be 60 s off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct

from daypass.errors import Unauthenticated
from daypass.model import GOOGLE, GOOGLE_SHORT

__all__ = [
    "LEEWAY",
    "MAX_TOKEN_AGE",
    "Expected",
    "IdToken",
    "check",
    "identifier",
    "moment",
    "refused",
    "require_audience",
    "require_fresh",
    "require_issuer",
    "strings",
]

LEEWAY = 60
MAX_TOKEN_AGE = 600  # seconds after iat; an honest retry comes sooner (trust 3.4)
LAST_TIME = 253_402_300_799  # the end of the year 9999
MAX_ID = 512  # characters in a nonce or jti
SIGN_IN_AGAIN = "sign in again: daypass login"
CHECK_CLOCKS = "compare this CA's clock and the identity provider's: timedatectl"

Claims = Mapping[str, object]

# What other tokens of the same provider carry and ID tokens never do: access tokens (RFC 9068 section 2.2, Entra,
# Okta), logout tokens and security events (Back-Channel Logout 2.4, RFC 8417). Token kinds are disjoint.
_OTHER_KINDS = frozenset(("events", "scope", "scp", "client_id"))


@dataclass(frozen=True, slots=True)
class Expected:
    """`issuers`: the exact ones. `clients`: ours at the provider; a token is for exactly one of them. `max_age`:
    seconds since the person signed in, None for no limit."""

    issuers: frozenset[str]
    clients: frozenset[str]
    auth_time: bool
    max_age: int | None


class IdToken(Struct, frozen=True):
    """The checked claims that everything after this needs; `claims` are all of them."""

    issuer: str
    client: str  # which of ours it was made for
    subject: str
    expires: int
    issued_at: int
    nonce: str | None
    jti: str | None
    auth_time: int | None
    acr: str | None
    amr: tuple[str, ...]
    claims: Claims


def check(claims: Claims, header: Mapping[str, object], expected: Expected, now: float) -> IdToken:
    """Raises Unauthenticated with the code of the first step that fails."""
    _step_0_this_is_an_id_token(claims, header)
    issuer = require_issuer(claims, expected.issuers)
    client = require_audience(claims, expected.clients)
    _steps_4_and_5_authorised_party(claims, client)
    expires, issued_at = require_fresh(claims, now)
    auth_time = _step_13_auth_time(claims, expected, now)
    return IdToken(
        issuer=issuer,
        client=client,
        subject=_subject(claims),
        expires=expires,
        issued_at=issued_at,
        nonce=identifier(claims, "nonce"),  # step 11 is made by whoever knows what it must be
        jti=identifier(claims, "jti"),
        auth_time=auth_time,
        acr=_step_12_acr(claims),
        amr=strings(claims, "amr"),
        claims=claims,
    )


def refused(code: str, message: str, hint: str = SIGN_IN_AGAIN) -> Unauthenticated:
    return Unauthenticated(message, code=f"oidc.{code}", hint=hint)


def strings(claims: Claims, name: str) -> tuple[str, ...]:
    """A claim that is a list of strings, or one string for a list of one; empty where it is absent."""
    value = claims.get(name)
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,) if value else ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong_type(name)
    return tuple([item for item in value if item])


def _step_0_this_is_an_id_token(claims: Claims, header: Mapping[str, object]) -> None:
    """RFC 8725 section 3.11: at+jwt, logout+jwt and secevent+jwt are other kinds."""
    typ = str(header.get("typ", "JWT"))
    kinds = claims.get("typ", "ID") == "ID" and claims.get("token_use", "id") == "id"  # Keycloak, Cognito
    if typ.upper() != "JWT" or not kinds or not _OTHER_KINDS.isdisjoint(claims):
        raise refused("kind", "this is a token of the identity provider, but not an ID token")


def require_issuer(claims: Claims, issuers: frozenset[str]) -> str:
    """Step 2."""
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or issuer not in issuers:
        raise refused("issuer", "the token is from another issuer than this provider")
    return GOOGLE if issuer == GOOGLE_SHORT else issuer  # a person is (issuer, subject): never two of them


def require_audience(claims: Claims, clients: frozenset[str]) -> str:
    """Step 3. Only for us: another audience could show the token here as theirs. And for one client of ours: which
    one it is says how the person signed in."""
    audience = claims.get("aud")
    listed = audience if isinstance(audience, list) else [audience]
    for client in clients:
        if listed and listed.count(client) == len(listed):
            return client
    if any(client in listed for client in clients):
        hint = "tell the operator: the provider must not add other applications to aud of the ID token"
        raise refused("audience", "the token is for other applications, too", hint)
    raise refused("audience", "the token was made for another application than this CA")


def _steps_4_and_5_authorised_party(claims: Claims, client: str) -> None:
    if claims.get("azp", client) != client:
        raise refused("azp", "the token was asked for by another application than this CA's client")


def require_fresh(claims: Claims, now: float, oldest: int = MAX_TOKEN_AGE) -> tuple[int, int]:
    """Steps 9 and 10: until when, and since when. `oldest`: seconds after `iat`."""
    return _step_9_expiry(claims, now), _step_10_issued_at(claims, now, oldest)


def _step_9_expiry(claims: Claims, now: float) -> int:
    expires = moment(claims, "exp")
    if expires is None:
        raise refused("expiry", "the token has no expiry")
    if expires + LEEWAY <= now:
        raise refused("expired", "the token has expired")
    not_before = moment(claims, "nbf")
    if not_before is not None and not_before - LEEWAY > now:
        raise refused("not-yet", "the token is not valid yet", CHECK_CLOCKS)
    return expires


def _step_10_issued_at(claims: Claims, now: float, oldest: int) -> int:
    issued_at = moment(claims, "iat")
    if issued_at is None:
        raise refused("issued", "the token does not say when it was issued")
    if issued_at - LEEWAY > now:
        raise refused("not-yet", "the token was issued in the future", CHECK_CLOCKS)
    if now - issued_at > oldest:
        raise refused("old", f"the token was issued more than {oldest // 60} minutes ago")
    return issued_at


def _step_12_acr(claims: Claims) -> str | None:
    acr = claims.get("acr")
    if acr is not None and not isinstance(acr, str):
        raise _wrong_type("acr")
    return acr


def _step_13_auth_time(claims: Claims, expected: Expected, now: float) -> int | None:
    auth_time = moment(claims, "auth_time")
    if auth_time is None:
        if expected.auth_time or expected.max_age is not None:
            hint = 'let it send auth_time, or set max_age = "" and require_auth_time = false for this provider'
            raise refused("auth-time", "the identity provider does not say when you signed in", hint)
        return None
    if auth_time - LEEWAY > now:
        raise refused("auth-time", "the identity provider says you signed in in the future", CHECK_CLOCKS)
    if expected.max_age is not None and now - auth_time > expected.max_age + LEEWAY:
        raise refused("auth-age", "you signed in at the identity provider too long ago")
    return auth_time


def _subject(claims: Claims) -> str:
    """Core section 2: ASCII, at most 255 characters; printable, since it is shown and recorded."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255 or not _is_plain(subject):
        raise refused("subject", "the token names nobody")
    return subject


def identifier(claims: Claims, name: str) -> str | None:
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ID or not _is_plain(value):
        raise _wrong_type(name)
    return value


def moment(claims: Claims, name: str) -> int | None:
    """RFC 7519's NumericDate in whole seconds; true is no number, and neither is infinity."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LAST_TIME:
        raise _wrong_type(name)
    return math.floor(value)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _wrong_type(name: str) -> Unauthenticated:
    return refused("claim", f"the token's {name} is not what it has to be", "tell the operator of this CA")
