"""The administrative routes about persons."""

from __future__ import annotations

from collections.abc import Mapping

from daypass import api
from daypass.ca.acts import Operator
from daypass.ca.person_ports import ConflictRecord, IdentityRecord, PersonRecord
from daypass.ca.persons import Changed, Persons, settling, told
from daypass.ca.ports import OnRecord
from daypass.server.ports import Heart

__all__ = ["PersonRoutes", "person_line"]


class PersonRoutes:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def person_list(self, operator: Operator, body: api.PeopleRequest) -> api.PeopleResponse:  # noqa: ARG002
        found = await self._persons.overview()
        logins = {each.id: each.login for each in found.people}
        return api.PeopleResponse(
            people=[person_line(each) for each in found.people],
            reserved=[api.ReservedName(name=each.name, reason=each.reason or "") for each in found.reserved],
            conflicts=[_conflict(each, logins) for each in found.conflicts],
        )

    async def person_show(self, operator: Operator, body: api.PersonRequest) -> api.PersonDetails:  # noqa: ARG002
        found = await self._persons.show(body.person)
        return api.PersonDetails(
            person=person_line(found.person),
            signed_in_at=found.history.signed_in_at,
            certificates=[_certificate(each) for each in found.certificates],
            history=[_event(each) for each in found.history.entries],
            clashes=list(found.clashes),
        )

    async def person_link(self, operator: Operator, body: api.LinkRequest) -> api.PersonChanged:
        persons, actor = self._persons, operator.actor
        return _changed(
            await persons.link(body.person, body.identity, merge=body.merge, reason=body.reason, actor=actor)
        )

    async def person_rename(self, operator: Operator, body: api.RenameRequest) -> api.PersonChanged:
        changed = await self._persons.rename(body.person, body.name, reason=body.reason, actor=operator.actor)
        return _changed(changed)

    async def person_reserve(self, operator: Operator, body: api.ReserveRequest) -> api.PersonChanged:
        changed = await self._persons.reserve(body.name, body.identity, reason=body.reason, actor=operator.actor)
        return _changed(changed)

    @property
    def _persons(self) -> Persons:
        return self._heart.persons


def _changed(changed: Changed) -> api.PersonChanged:
    person = None if changed.person is None else person_line(changed.person)
    return api.PersonChanged(person=person, serials=list(changed.serials), merged=changed.merged)


def person_line(person: PersonRecord) -> api.PersonLine:
    return api.PersonLine(
        id=person.id,
        login=person.login,
        names=list(person.names),
        locked_at=person.locked_at,
        created_at=person.created_at,
        identities=[_identity(each) for each in person.identities],
    )


def _identity(identity: IdentityRecord) -> api.PersonIdentity:
    return api.PersonIdentity(
        provider=identity.provider,
        issuer=identity.issuer,
        subject=identity.subject,
        email=identity.email,
        groups=sorted(identity.facts.groups) if identity.facts else [],
        linked_at=identity.linked_at,
        linked_by=identity.linked_by,
    )


def _conflict(conflict: ConflictRecord, logins: dict[int, str]) -> api.PersonConflict:
    taken = conflict.taken
    person = taken.person if taken else None
    return api.PersonConflict(
        name=conflict.name,
        provider=conflict.provider,
        issuer=conflict.issuer,
        subject=conflict.subject,
        email=conflict.email,
        first_at=conflict.first_at,
        last_at=conflict.last_at,
        person=person,
        login=logins.get(person, "") if person is not None else "",
        released=taken is not None and taken.released_at is not None,
        reason=(taken.reason or "") if taken else "",
        commands=settling(conflict),
    )


def _certificate(certificate: OnRecord) -> api.PersonCertificate:
    return api.PersonCertificate(
        serial=certificate.serial,
        key_id=certificate.key_id,
        principals=list(certificate.principals),
        valid_before=certificate.valid_before,
        signin=certificate.signin or "",
    )


def _event(said: Mapping[str, object]) -> api.PersonEvent:
    return api.PersonEvent(
        time=int(str(said.get("time", 0))),
        act=str(said.get("act", "")),
        actor=str(said.get("actor", "")),
        reason=str(said.get("reason", "")),
        text=told(said),
    )
