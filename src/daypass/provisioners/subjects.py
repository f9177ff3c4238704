"""Whom a security event is about: Subject Identifiers (RFC 9493), and the complex ones of Shared Signals 1.0.

Three spellings are out there: `sub_id` beside the events, and from before Shared Signals was final `subject` within
one, and `subject_type` with hyphens. A subject of another issuer is nobody's that the transmitter may speak of
(trust 6.9).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from daypass.ca.inbound_ports import Subject
from daypass.config import ProviderSection
from daypass.errors import Denied
from daypass.model import GOOGLE_SHORT
from daypass.provisioners.claims import refused
from daypass.provisioners.verifying import issuers_of

__all__ = ["Subjects"]

MAX_ALIASES = 20
MAX_TEXT = 512  # characters
_ENTRA = re.compile(r"[A-Za-z0-9-]{1,64}")


class Subjects:
    """Of one provider's transmitter. `issuers`: those that mean the provider, the transmitter's own name among them:
    some write that into their subjects."""

    def __init__(self, section: ProviderSection, transmitter: str) -> None:
        self._own = issuers_of(section) - {GOOGLE_SHORT}  # of tokens alone
        self._issuers = self._own | {transmitter}
        self._tenants: Collection[str] = section.tenants
        self._issuer = section.issuer

    def read(self, found: object) -> tuple[Subject, ...]:
        """Empty for one in a form that names nobody here. Raises Denied for another issuer's, Unauthenticated for
        what is no subject."""
        if not isinstance(found, dict):
            raise refused("subject", "the event's subject is not an object")
        if found.get("format") == "complex" or (_form(found) == "" and "user" in found):
            return self._complex(found)
        return self._plain(found)

    def _complex(self, found: Mapping[str, object]) -> tuple[Subject, ...]:
        """All of it has to hold; what can't be told here (device, tenant, group) makes it no narrower."""
        user, session = found.get("user"), found.get("session")
        name = _text(session, "id") if isinstance(session, dict) and session.get("format") == "opaque" else ""
        if user is None:
            return (Subject(issuer=self._issuer, session=name),) if name else ()
        people = self._plain(user)
        return tuple(
            Subject(issuer=each.issuer, subject=each.subject, email=each.email, session=name) for each in people
        )

    def _plain(self, found: object) -> tuple[Subject, ...]:
        """One subject, or the same one by several names."""
        if not isinstance(found, dict):
            raise refused("subject", "the event's subject is not an object")
        if _form(found) != "aliases":
            return tuple(filter(None, (self._simple(found),)))
        listed = found.get("identifiers")
        if not isinstance(listed, list) or not 0 < len(listed) <= MAX_ALIASES:
            raise refused("subject", "the event's subject has no list of identifiers")
        return tuple(subject for each in listed if isinstance(each, dict) if (subject := self._simple(each)))

    def _simple(self, found: Mapping[str, object]) -> Subject | None:
        match _form(found):
            case "iss_sub":
                return Subject(issuer=self._own_issuer(_text(found, "iss")), subject=_text(found, "sub"))
            case "opaque":
                return Subject(issuer=self._issuer, subject=_text(found, "id"))
            case "email":
                local, _, domain = _text(found, "email").rpartition("@")
                return Subject(issuer=self._issuer, email=f"{local}@{domain.lower()}")
        return None

    def _own_issuer(self, issuer: str) -> str:
        """As identities have it."""
        if issuer not in self._issuers:
            raise Denied("the event is about a subject of another issuer", code="signal.foreign")
        return issuer if issuer in self._own else self._issuer


def _form(found: Mapping[str, object]) -> str:
    form = found.get("format", found.get("subject_type", ""))
    return form.replace("-", "_") if isinstance(form, str) else ""


def _text(found: Mapping[str, object], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not value.isprintable():
        raise refused("subject", f"the event's subject has no {name}")
    return value
