"""What operators ask and decide about persons (trust 1.2, 1.3): who is meant, what may be done, what settles it.

A person is named by `#ID`, a login name, an e-mail or PROVIDER:SUBJECT, as it stands on record: nothing is
normalised.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from daypass.ca.clock import ClockGuard
from daypass.ca.person_ports import (
    ConflictRecord,
    History,
    IdentityRecord,
    Linked,
    NameRecord,
    NewIdentity,
    PersonRecord,
)
from daypass.ca.policy import Policy
from daypass.ca.ports import OnRecord, Store
from daypass.errors import Conflict, Denied, Invalid, NotFound
from daypass.model import TENANT, is_login_name, shown

__all__ = ["Changed", "Details", "Overview", "Persons", "called", "settling", "told"]

HISTORY = 200  # entries shown of one person
MAX_REASON = 256  # characters


class Overview(Struct, frozen=True):
    people: Sequence[PersonRecord]
    reserved: Sequence[NameRecord]
    conflicts: Sequence[ConflictRecord]


class Details(Struct, frozen=True):
    """`clashes`: hosts that have a system account of this login."""

    person: PersonRecord
    history: History
    certificates: Sequence[OnRecord]
    clashes: tuple[str, ...]


class Changed(Struct, frozen=True):
    person: PersonRecord | None
    serials: tuple[int, ...] = ()
    merged: int | None = None


class Persons:
    """`policy`: the one in force."""

    def __init__(self, store: Store, clock: ClockGuard, policy: Callable[[], Policy]) -> None:
        self._store, self._clock, self._policy = store, clock, policy

    async def overview(self) -> Overview:
        return Overview(await self._store.people(), await self._store.reserved_names(), await self._store.conflicts())

    async def find(self, word: str) -> PersonRecord:
        """The one who is meant. Raises NotFound, and Conflict with all candidates where there are several."""
        found = [each for each in await self._store.find_people(word) if each.identities or word.startswith("#")]
        if len(found) > 1:
            several = ", ".join(called(each) for each in found)
            raise Conflict(
                f"{shown(word)} is said of several persons: {several}",
                code="person.ambiguous",
                hint=f"name one by its number: '#{found[0].id}'",
            )
        return found[0] if found else await self._nobody(word)

    async def show(self, word: str) -> Details:
        person = await self.find(word)
        certificates = await self._store.certificates_of(person.id, self._clock.now())
        return Details(
            person,
            await self._store.history(person.id, HISTORY),
            [each for each in certificates if each.revoked_at is None],
            await self._clashes(person.login),
        )

    async def link(self, word: str, identity: str, *, merge: bool, reason: str, actor: str) -> Changed:
        _require_line(reason)
        person, new = await self.find(word), await self._identity(identity)
        linked: Linked = await self._store.link(
            person.id, new, merge=merge, reason=reason, actor=actor, now=self._clock.now()
        )
        return Changed(await self._store.person(person.id), linked.serials, linked.merged)

    async def rename(self, word: str, name: str, *, reason: str, actor: str) -> Changed:
        _require_line(reason)
        self._require_free_by_policy(name)
        person = await self.find(word)
        serials = await self._store.rename(person.id, name, reason=reason, actor=actor, now=self._clock.now())
        return Changed(await self._store.person(person.id), serials)

    async def reserve(self, name: str, identity: str, *, reason: str, actor: str) -> Changed:
        """For nobody where `identity` is empty."""
        _require_line(reason)
        self._require_free_by_policy(name)
        new = await self._identity(identity) if identity else None
        number = await self._store.reserve(name, new, reason=reason, actor=actor, now=self._clock.now())
        return Changed(None if number is None else await self._store.person(number))

    async def _nobody(self, word: str) -> PersonRecord:
        """Raises NotFound, with where the name has gone."""
        name = await self._store.find_name(word)
        hint = "daypass person list shows everybody"
        if name is not None and name.person is not None:
            hint = f"it was the name of #{name.person}: daypass person show '#{name.person}'"
        elif name is not None:
            hint = "it is reserved, and nobody's"
        raise NotFound(f"nobody on record is {shown(word)}", code="person.unknown", hint=hint)

    async def _identity(self, word: str) -> NewIdentity:
        """PROVIDER:SUBJECT, of an identity that has been seen or of one that is yet to come."""
        provider, _, subject = word.partition(":")
        if not provider or not subject:
            raise Invalid(
                f"{shown(word)} is no identity", code="person.identity-word", hint="write it PROVIDER:SUBJECT"
            )
        issuers = await self._seen(provider, subject) or self._configured(provider, subject)
        if len(issuers) != 1:
            raise Conflict(
                f"{shown(word)} is an identity of several issuers: {', '.join(sorted(issuers))}",
                code="person.ambiguous",
            )
        return NewIdentity(provider, issuers.pop(), subject)

    async def _seen(self, provider: str, subject: str) -> set[str]:
        found = await self._store.find_people(f"{provider}:{subject}")
        known: list[IdentityRecord | ConflictRecord] = [each for person in found for each in person.identities]
        known.extend(await self._store.conflicts())
        return {each.issuer for each in known if (each.provider, each.subject) == (provider, subject)}

    def _configured(self, provider: str, subject: str) -> set[str]:
        issuers = self._policy().issuers
        if provider not in issuers:
            raise NotFound(
                f"this CA has no provider {shown(provider)}",
                code="person.provider",
                hint=f"its providers: {', '.join(issuers)}",
            )
        issuer, (tenant, slash, _) = issuers[provider], subject.partition("/")
        if TENANT in issuer and not slash:
            raise Invalid(
                f"{shown(subject)} is no subject of {provider}", code="person.identity-word", hint="TENANT/OBJECT-ID"
            )
        return {issuer.replace(TENANT, tenant)}

    def _require_free_by_policy(self, name: str) -> None:
        if not is_login_name(name):
            raise Invalid(
                f"{shown(name)} is no login name",
                code="person.login-name",
                hint="small letters, digits, . _ -; a letter or _ first; 32 characters at most",
            )
        if name in self._policy().reserved:
            raise Denied(
                f'the login name "{name}" is an account with power over hosts, or one of reserved_logins',
                code="policy.reserved",
                hint=f"a role whose emails list {name}@… gives it to that person at their first sign-in",
            )

    async def _clashes(self, login: str) -> tuple[str, ...]:
        hosts = await self._store.hosts() if login else ()
        return tuple(each.name for each in hosts if each.accounts and login in each.accounts.system)


def called(person: PersonRecord) -> str:
    name = person.login or next((each.email for each in person.identities if each.email), None)
    return f"{name} (#{person.id})" if name else f"#{person.id}"


def settling(conflict: ConflictRecord) -> list[str]:
    """The commands for a shell, one of which settles it: both are one human being, or need two names."""
    identity = shlex.quote(f"{conflict.provider}:{conflict.subject}")
    taken = conflict.taken
    same = [f"daypass person link '#{taken.person}' {identity}"] if taken and taken.person is not None else []
    return [*same, f"daypass person reserve NEW --for {identity}"]


def told(entry: Mapping[str, object]) -> str:
    """What happened, in one line."""
    ended = entry.get("serials")
    count = len(ended) if isinstance(ended, list) else 0
    text = _TOLD.get(str(entry.get("act")), "{act}").format_map(_Said(entry))
    return f"{text}; {count} certificate{'s' if count > 1 else ''} revoked" if count else text


_TOLD = {
    "certificate.revoke": "access ended",
    "certificate.deny": "sign-in refused: {why}",
    "person.lock": "locked",
    "person.unlock": "unlocked",
    "person.rename": "renamed from {from} to {to}",
    "person.reserve": "made in advance as {name}, for {provider}:{subject}",
    "person.link": "linked with {provider}:{subject}",
    "person.merge": "merged into #{person}",
}


class _Said(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return f"({key} is not on record)"


def _require_line(reason: str) -> None:
    if len(reason) > MAX_REASON or not reason.isprintable():
        raise Invalid(f"a reason is one line of {MAX_REASON} characters at most", code="person.reason")
