"""Administration of persons: who they are, what they are called, whether they may come in (trust 1.2, 1.3)."""

from __future__ import annotations

import msgspec

from daypass.api.route import admin_route

__all__ = [
    "PERSON_ROUTES",
    "LinkRequest",
    "PeopleRequest",
    "PeopleResponse",
    "PersonCertificate",
    "PersonChanged",
    "PersonConflict",
    "PersonDetails",
    "PersonEvent",
    "PersonIdentity",
    "PersonLine",
    "PersonRequest",
    "RenameRequest",
    "ReserveRequest",
    "ReservedName",
]


class PeopleRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody, every reserved name, every conflict that is open."""


class PersonIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """`groups`: those of the last sign-in by it that was given a certificate, sorted."""

    provider: str
    issuer: str
    subject: str
    email: str | None
    groups: list[str]
    linked_at: int  # unix seconds
    linked_by: str | None  # an operator; None for the identity that made the person


class PersonLine(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    login: str  # empty for people without a login name
    names: list[str]
    locked_at: int | None
    created_at: int
    identities: list[PersonIdentity]


class ReservedName(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    reason: str


class PersonConflict(msgspec.Struct, frozen=True, kw_only=True):
    """An identity that is nobody's yet, and wanted a name it can't have. `person`: whose it is, or was (`released`);
    None where it is reserved. `commands`: what settles it, one of them."""

    name: str
    provider: str
    issuer: str
    subject: str
    email: str | None
    first_at: int
    last_at: int
    person: int | None
    login: str
    released: bool
    reason: str
    commands: list[str]


class PeopleResponse(msgspec.Struct, frozen=True, kw_only=True):
    people: list[PersonLine]
    reserved: list[ReservedName]
    conflicts: list[PersonConflict]


class PersonRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`person`: `#ID`, a login name, an e-mail or PROVIDER:SUBJECT; here and in all that follow."""

    person: str


class PersonCertificate(msgspec.Struct, frozen=True, kw_only=True):
    serial: int
    key_id: str
    principals: list[str]
    valid_before: int
    signin: str = ""  # which sign-in it comes from, for `daypass revoke --signin`


class PersonEvent(msgspec.Struct, frozen=True, kw_only=True):
    time: int
    act: str
    actor: str
    reason: str
    text: str  # what happened


class PersonDetails(msgspec.Struct, frozen=True, kw_only=True):
    """`certificates`: those that hold. `clashes`: hosts with a system account of this person's login."""

    person: PersonLine
    signed_in_at: int | None
    certificates: list[PersonCertificate]
    history: list[PersonEvent]  # newest first
    clashes: list[str]


class LinkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`identity`: PROVIDER:SUBJECT. `merge`: whoever it is by now is one human being with this person."""

    person: str
    identity: str
    merge: bool = False
    reason: str = ""


class RenameRequest(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    name: str
    reason: str = ""


class ReserveRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`identity`: PROVIDER:SUBJECT of the person who is to have it; empty for nobody."""

    name: str
    identity: str = ""
    reason: str = ""


class PersonChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The person as they are now, None where nobody was made; serials of the certificates that ended by it."""

    person: PersonLine | None
    serials: list[int] = []
    merged: int | None = None  # the person who is this one now


PERSON_ROUTES = (
    admin_route("person_list", "audit", PeopleRequest, PeopleResponse, "Everybody on record."),
    admin_route("person_show", "audit", PersonRequest, PersonDetails, "One person, with history."),
    admin_route(
        "person_link", "persons", LinkRequest, PersonChanged, "Give a person one more identity.", two_persons=True
    ),
    admin_route("person_rename", "persons", RenameRequest, PersonChanged, "Give a person another login name."),
    admin_route("person_reserve", "persons", ReserveRequest, PersonChanged, "Keep a login name."),
)
