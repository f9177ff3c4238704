"""What a sign-in teaches of a person, and what ends by it (trust 2.5).

Role principals stand in the certificate, so whoever is taken out of a group keeps them until it is revoked. The CA
learns of it when the person's provider says so: at their next sign-in, whatever that one is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from daypass.ca.policy import Policy
from daypass.ca.ports import OnRecord, Store
from daypass.ca.subject import Subject
from daypass.ca.who import is_on_who
from daypass.model import Identity, Kind, Person, Proof

__all__ = ["Learning"]


class Learning:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def ends(self, policy: Policy, proof: Proof, person: Person | None, now: int) -> bool:
        """Revoke what was given for what they are no more; whether there was any such thing. `person`: one of whom
        the provider says other things than it did last. Of a job every run says others, and takes nothing from those
        that run beside it."""
        if person is None or proof.identity.kind is not Kind.PERSON:
            return False
        who = proof.identity
        lost, serials = await self.lost(policy, who, person.id, now)
        if serials:
            reason = f"no longer in role {', '.join(sorted(lost))}, says {who.provider}"
            await self._store.learn(person.id, who, serials, reason=reason, now=now)
        return bool(serials)

    async def lost(
        self, policy: Policy, who: Identity, person: int, now: int
    ) -> tuple[frozenset[str], tuple[int, ...]]:
        """Roles that they are in no more, being this identity, and serials of what they hold for them."""
        lost = _lost(policy, Subject.of_identity(who), now)
        held = await self._store.certificates_of(person, now)
        if any(lost & _roles(each) for each in held):
            lost -= await self._elsewhere(policy, who, person, now)
        gone = {each.serial: names for each in held if each.revoked_at is None and (names := lost & _roles(each))}
        return frozenset().union(*gone.values()), tuple(gone)

    async def _elsewhere(self, policy: Policy, who: Identity, person: int, now: int) -> frozenset[str]:
        """Roles that they have by another account of theirs at this provider, by its last word."""
        record = await self._store.person(person)
        others = [
            Subject.of_record(each, record.login if record else "")
            for each in (record.identities if record else ())
            if each.provider == who.provider and (each.issuer, each.subject) != (who.issuer, who.subject)
        ]
        return frozenset().union(*(_given(policy, each, now) for each in others))

    async def keep(self, proof: Proof, person: Person | None, now: int) -> None:
        """What the provider says of somebody who was given nothing for it."""
        if person is not None:
            await self._store.learn(person.id, proof.identity, (), reason="", now=now)


def _lost(policy: Policy, subject: Subject, now: int) -> frozenset[str]:
    """Roles of this provider's that the person has not. How and when they signed in takes nothing away, and neither
    does another provider's word."""
    theirs = frozenset(role.name for role in policy.roles if role.who.provider == subject.provider)
    return theirs - _given(policy, subject, now)


def _given(policy: Policy, subject: Subject, now: int) -> frozenset[str]:
    """Roles that are for them, however and whenever they sign in."""
    return frozenset(
        role.name for role in policy.roles if not any(is_on_who(key) for key in role.who.failing(subject, now))
    )


def _roles(held: OnRecord) -> frozenset[str]:
    return frozenset(_named(held.principals))


def _named(principals: Iterable[str]) -> Iterator[str]:
    """Of `role:NAME`, `role:NAME:LOGIN` and `role:NAME@HOSTID` (trust 1.1)."""
    for principal in principals:
        if principal.startswith("role:"):
            yield principal.split(":")[1].partition("@")[0]
