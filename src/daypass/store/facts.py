"""What a provider said of a person, as one JSON text of bounded size.

It stays the same from one sign-in to the next unless something about the person has changed: nothing in it belongs to
one token alone. So its hash tells whether there is anything to write.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import msgspec

from daypass.ca.person_ports import Facts
from daypass.errors import Invalid
from daypass.model import Identity

__all__ = ["MAX_FACTS", "Kept", "decode", "keep"]

MAX_FACTS = 65536  # bytes of one identity's facts
# Of one token or session: RFC 7519, OpenID Connect Core 1.0 and Front-Channel Logout 1.0, Keycloak, Entra.
_OF_THE_TOKEN = frozenset("nonce jti sid at_hash c_hash s_hash session_state uti rh aio".split())
_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(dict[str, Any])


class Kept(NamedTuple):
    text: str  # JSON, MAX_FACTS bytes at most
    hash: bytes  # SHA-256 of it


def keep(identity: Identity) -> Kept:
    """Raises Invalid for text that is not Unicode. A claim that repeats the groups is kept as null."""
    facts = {
        "provider": identity.provider,
        "email": identity.email,
        "groups": identity.groups,
        "amr": identity.amr,
        "acr": identity.acr,
        "claims": _claims(identity),
    }
    try:
        encoded = _encoder.encode(facts)
        if len(encoded) > MAX_FACTS:
            encoded = _cut(facts)
    except UnicodeEncodeError as error:
        raise Invalid("text that is not Unicode can't be put on record", code="store.text") from error
    return Kept(encoded.decode(), hashlib.sha256(encoded).digest())


def decode(text: str) -> Facts:
    fields = _decoder.decode(text)
    groups = fields["groups"]
    claims = {name: tuple(groups) if value is None else value for name, value in fields["claims"].items()}
    return msgspec.convert({**fields, "claims": claims}, Facts)


def _claims(identity: Identity) -> dict[str, object]:
    return {
        name: None if _is_groups(value, identity.groups) else value
        for name, value in identity.claims.items()
        if name not in _OF_THE_TOKEN and _is_text(value)
    }


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def _is_groups(value: object, groups: frozenset[str]) -> bool:
    return isinstance(value, list) and len(value) == len(groups) > 0 and groups.issuperset(value)


def _cut(facts: dict[str, Any]) -> bytes:
    """Without its claims; if that is not enough, with as many of its groups as there is room for, in their order."""
    facts = {**facts, "claims": {}, "cut": True}
    encoded = _encoder.encode(facts)
    if len(encoded) <= MAX_FACTS:
        return encoded
    bare = {**facts, "groups": []}
    if len(_encoder.encode(bare)) > MAX_FACTS:
        bare |= {"amr": [], "acr": None}
    return _encoder.encode({**bare, "groups": _fitting(facts["groups"], MAX_FACTS - len(_encoder.encode(bare)))})


def _fitting(groups: frozenset[str], room: int) -> list[str]:
    fitting: list[str] = []
    for group in sorted(groups):
        room -= len(_encoder.encode(group)) + 1
        if room < 0:
            break
        fitting.append(group)
    return fitting
