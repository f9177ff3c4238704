"""Security event tokens: RFC 8417, as Shared Signals 1.0, CAEP 1.0 and RISC 1.0 profile it.

A SET is verified like an ID token, and can never be taken for one: its type says what it is, and it has no expiry.
It may come late (a transmitter tries again for days), so old is no reason to refuse what ends access; what came
before is told by its jti, and what has been overtaken by the time of the event.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from daypass.ca.inbound_ports import Deed, SecurityEvents, Signal, Subject
from daypass.provisioners.claims import LAST_TIME, LEEWAY, Claims, identifier, moment, refused, require_issuer
from daypass.provisioners.subjects import Subjects

__all__ = ["DEEDS", "MAX_AGE", "check_events"]

MAX_AGE = 30 * 86400  # seconds after iat
MAX_EVENTS = 20
_KINDS = frozenset(("secevent+jwt", "application/secevent+jwt"))
_CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
_RISC = "https://schemas.openid.net/secevent/risc/event-type/"
_SSF = ("https://schemas.openid.net/secevent/ssf/event-type/", "https://schemas.openid.net/secevent/sse/event-type/")
_NOTHING, _ENDS, _LOCKS, _OPENS = Deed(), Deed(ends=True), Deed(ends=True, locks=True), Deed(opens=True)

DEEDS: Mapping[str, Deed] = {
    f"{_CAEP}session-revoked": _ENDS,
    f"{_CAEP}credential-change": _ENDS,
    f"{_RISC}sessions-revoked": _ENDS,
    f"{_RISC}account-credential-change-required": _ENDS,
    f"{_RISC}credential-compromise": _ENDS,
    f"{_RISC}account-disabled": _LOCKS,
    f"{_RISC}account-purged": _LOCKS,
    f"{_RISC}account-enabled": _OPENS,
}
"""What an event of this type means here; all others are taken and mean nothing."""


def check_events(
    claims: Claims, header: Mapping[str, object], *, issuer: str, audience: str, subjects: Subjects, now: float
) -> SecurityEvents:
    """Raises Unauthenticated with the code of the first step that fails, Denied for a subject of another issuer."""
    if str(header.get("typ", "")).lower() not in _KINDS:
        raise refused("kind", "this is no security event token")
    require_issuer(claims, frozenset((issuer,)))
    _require_audience(claims, audience)
    issued_at = _require_time(claims, now)
    jti = identifier(claims, "jti")
    if jti is None:
        raise refused("jti", "the security event token has no jti")
    events = claims.get("events")
    if not isinstance(events, dict) or not 0 < len(events) <= MAX_EVENTS:
        raise refused("events", "the security event token has no events")
    if "nonce" in claims:
        raise refused("nonce", "a security event token has no nonce")
    signals = tuple(_signal(uri, event, claims, subjects, issued_at) for uri, event in events.items())
    return SecurityEvents(issuer=issuer, jti=jti, signals=signals)


def _require_audience(claims: Claims, audience: str) -> None:
    """Others may be told by the same token (RFC 8417 section 2.2): it gives nobody anything."""
    listed = claims.get("aud")
    if audience not in (listed if isinstance(listed, list) else [listed]):
        raise refused("audience", "the security event token is for somebody else")


def _require_time(claims: Claims, now: float) -> int:
    issued_at, expires = moment(claims, "iat"), moment(claims, "exp")
    if issued_at is None:
        raise refused("issued", "the security event token does not say when it was issued")
    if issued_at - LEEWAY > now:
        raise refused("not-yet", "the security event token was issued in the future")
    if now - issued_at > MAX_AGE or (expires is not None and expires + LEEWAY <= now):
        raise refused("old", "the security event token is too old")
    return issued_at


def _signal(uri: str, event: object, claims: Claims, subjects: Subjects, issued_at: int) -> Signal:
    if not isinstance(event, dict):
        raise refused("events", "an event of the security event token is not an object")
    deed, name = DEEDS.get(uri, _NOTHING), uri.rpartition("/")[2]
    if deed == _NOTHING and not uri.startswith(_SSF):
        return Signal(type=name, deed=deed, subjects=(), at=issued_at)
    if uri == f"{_CAEP}credential-change" and event.get("change_type") == "create":
        deed = _NOTHING  # one more authenticator takes nothing away
    about = tuple(_subjects(event, claims, subjects)) if deed != _NOTHING else ()
    status = event.get("status") if name == "stream-updated" else ""
    return Signal(type=name, deed=deed, subjects=about, at=_at(event, claims, issued_at), status=str(status or ""))


def _subjects(event: Mapping[str, object], claims: Claims, subjects: Subjects) -> Iterator[Subject]:
    found = claims.get("sub_id", event.get("subject"))
    if found is None and isinstance(claims.get("sub"), str):  # RFC 8417 section 2.2: of the SET's issuer
        found = {"format": "iss_sub", "iss": claims["iss"], "sub": claims["sub"]}
    if found is None:
        raise refused("subject", "the event names nobody")
    yield from subjects.read(found)


def _at(event: Mapping[str, object], claims: Claims, issued_at: int) -> float:
    """When it happened: CAEP's `event_timestamp`, RFC 8417's `toe`, else when it was told. Never later than that."""
    for found in (event.get("event_timestamp"), claims.get("toe")):
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            continue
        if math.isfinite(found) and 0 < found <= LAST_TIME:
            return min(float(found), float(issued_at))
    return float(issued_at)
