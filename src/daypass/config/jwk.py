"""`[[jwk]]`: whose one-time tokens are believed, and for what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from daypass.config.problem import Problem, error, quoted, warning
from daypass.config.schema import Config, JwkSection
from daypass.config.values import Fault, each, host_pattern_fault, said

__all__ = ["jwk_faults"]

_MEMBERS = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("n", "e")}
_CURVES = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("Ed25519",)}
_PRIVATE = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))  # RFC 7518 sections 6.2.2, 6.3.2, 6.4.1
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_COMPACT_JWE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){4}")  # RFC 7516 section 7.1
_MAX_KEY = 8192  # characters
_MAKE = "make a pair: daypass ca provisioner key NAME"


def jwk_faults(config: Config) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for index, section in enumerate(config.jwk):
        path = f"jwk[{index}]"
        yield from said(f"{path}.key", _key_fault(section.key))
        if (other := seen.setdefault(section.key, section.name)) != section.name:
            yield error(f"{path}.key", f"is {quoted(other)}'s, too: nobody could tell whose token it is")
        yield from each(f"{path}.hosts", section.hosts, host_pattern_fault)
        yield from _powers(section, path)
        yield from _given_out(section, path)


def _powers(section: JwkSection, path: str) -> Iterator[Problem]:
    if not section.hosts and not section.users:
        fault = "may speak for nobody, so none of its tokens is good for anything"
        yield error(path, fault, 'hosts = ["*.example.com"], or users = true')
    if section.allow_unbound:
        yield warning(f"{path}.allow_unbound", "is on: a stolen token can be used for another key")


def _given_out(section: JwkSection, path: str) -> Iterator[Problem]:
    if not section.encrypted_key:
        return
    if not _COMPACT_JWE.fullmatch(section.encrypted_key):
        yield error(f"{path}.encrypted_key", "is not an encrypted key in compact form (JWE)", _MAKE)
    fault = "is given to everyone who asks: whoever guesses its passphrase has the key"
    yield warning(f"{path}.encrypted_key", fault, "leave it out, and give its file to those who make tokens")


def _key_fault(text: str) -> Fault:
    """RFC 7517. Nothing is said of what stands in it: it may be the private half."""
    members = _members(text)
    if members is None:
        return "is not a public key as a JSON object", _MAKE
    if not _PRIVATE.isdisjoint(members):
        return "is a secret: its private half stands in it", "make a new key; only its public half belongs here"
    kind, use = members.get("kty"), members.get("use", "sig")
    wanted = _MEMBERS.get(kind) if isinstance(kind, str) else None
    if wanted is None or use != "sig":
        return "is of no kind that signs here", "kty EC, OKP or RSA, and no use but sig"
    if isinstance(kind, str) and kind in _CURVES and members.get("crv") not in _CURVES[kind]:
        return "is on a curve that is not known here", "P-256, P-384, P-521 or Ed25519"
    for name in wanted:
        value = members.get(name)
        if not isinstance(value, str) or (name != "crv" and not _BASE64URL.fullmatch(value)):
            return f'lacks "{name}", or it is not base64url', _MAKE
    return None


def _members(text: str) -> dict[str, object] | None:
    if len(text) > _MAX_KEY:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
