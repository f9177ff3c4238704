"""Questions about who may log in where, with what is on record: oneself by the day pass, anybody for an auditor."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from daypass.ca.access_diff import Kind, Row, access_diff
from daypass.ca.asking import askers, supposed, would_be
from daypass.ca.calls import Caller
from daypass.ca.changes import Change, changes, widens
from daypass.ca.clock import ClockGuard
from daypass.ca.explain import Answer, Asker, explain
from daypass.ca.force import Following
from daypass.ca.host_ports import HostStore, KnownHost
from daypass.ca.person_ports import PersonRecord, PersonStore
from daypass.ca.policy import Policy
from daypass.ca.who_could import Holders, who_could
from daypass.config import errors_in
from daypass.config.meaning import meaning
from daypass.config.published import merged
from daypass.errors import Conflict, DaypassError, Invalid, NotFound
from daypass.model import shown

__all__ = ["About", "PolicyDiffed", "Questions", "Records"]

_LOCAL = ("ca.", "keys", "pages")  # of a machine, and in no document
MAX_WORD = 256  # characters of a name that somebody asks for


class Records(PersonStore, HostStore, Protocol):
    """What is on record of people and hosts."""


class About(Struct, frozen=True):
    """Whom an auditor asks about, and what is supposed of them. `provider`: of one who is not on record."""

    who: str
    facts: Mapping[str, Sequence[str]] = {}
    provider: str = ""
    role: str = ""


class PolicyDiffed(Struct, frozen=True):
    """`version`: the one in force. `widens`: somebody may get more."""

    version: int
    widens: bool
    changes: tuple[Change, ...]
    rows: tuple[Row, ...]


class Questions:
    """About the version in force."""

    def __init__(
        self,
        records: Records,
        clock: ClockGuard,
        force: Following,
    ) -> None:
        self._records, self._clock, self._force = records, clock, force

    async def own(self, caller: Caller, account: str, host: str) -> Answer:
        """About the caller, and nobody else (trust 4.2)."""
        await self._force.look()
        person = await self._records.person(caller.owner.id)
        if person is None:
            raise NotFound("you are not on record", code="person.unknown", hint="sign in: daypass login")
        return await self._explain(self._known(person), account, host)

    async def about(self, whom: About, account: str, host: str) -> Answer:
        """Raises NotFound and Conflict for a word that means nobody, or several."""
        await self._force.look()
        found = [supposed(each, whom.facts) for each in await self._found(whom)]
        if whom.role and whom.role not in self._force.current.policy.sections:
            raise NotFound(f"there is no role {shown(whom.role)}", code="role.unknown", hint="daypass ca config show")
        return await self._explain(found, account, host, whom.role)

    async def who(self, account: str, host: str) -> tuple[KnownHost, Sequence[Holders]]:
        """All on record who could, by role; and whom else these roles are for. Raises NotFound for the host."""
        name, known = await self._host(host)
        if known is None:
            raise NotFound(f"no host on record is called {shown(name)}", code="host.unknown", hint="daypass hosts")
        await self._force.look()
        people, now = await self._records.people(), self._clock.now()
        return known, await asyncio.to_thread(who_could, self._force.current.policy, people, account, known, now)

    async def diff(self, document: str) -> PolicyDiffed:
        """What a configuration would change, as it would be published. Raises Invalid for one that can't be."""
        await self._force.look()
        force = self._force.current
        try:
            new = merged(document, force.config)
        except DaypassError as error:
            raise Invalid(error.message, code="policy.document", hint="daypass ca check-config") from error
        if mistakes := [each for each in errors_in([*meaning(new)]) if not each.path.startswith(_LOCAL)]:
            raise Invalid(f"it has mistakes: {mistakes[0]}", code="policy.document", hint="daypass ca check-config")
        people, hosts, now = await self._records.people(), await self._records.hosts(), self._clock.now()

        def compare() -> PolicyDiffed:
            found = changes(force.config, new)
            rows = access_diff(force.policy, Policy(new), people, hosts, now)
            more = any(row.kind in (Kind.GAINS, Kind.WIDER) for row in rows)
            return PolicyDiffed(force.version, widens(found) or more, tuple(found), tuple(rows))

        return await asyncio.to_thread(compare)

    async def _explain(self, found: Sequence[Asker], account: str, host: str, role: str = "") -> Answer:
        """The best of what their identities give."""
        name, known = await self._host(host)
        policy, now = self._force.current.policy, self._clock.now()
        answers = [explain(policy, each, account[:MAX_WORD], name, known, now, only=role) for each in found]
        return next((answer for answer in answers if answer.yes), answers[0])

    def _known(self, person: PersonRecord) -> list[Asker]:
        found = list(askers(person, self._clock.now()))
        if not found:
            called = person.login or f"#{person.id}"
            raise NotFound(
                f"what {called}'s provider says of them is not known yet",
                code="person.facts",
                hint="it is, once they have signed in again",
            )
        return found

    async def _found(self, whom: About) -> list[Asker]:
        people = await self._records.find_people(whom.who[:MAX_WORD])
        if len(people) > 1:
            listed = ", ".join(f"#{each.id}" for each in people[:10])
            raise Conflict(f"{shown(whom.who)} may be {listed}", code="person.several", hint="say which: #ID")
        if people:
            found = self._known(people[0])
            return [each for each in found if whom.provider in ("", each.proof.identity.provider)] or [
                self._moved(found[0], whom.provider)
            ]
        if whom.facts or whom.provider:
            provider, policy = self._provider(whom.provider), self._force.current.policy
            one = would_be(whom.who[:MAX_WORD], provider, self._clock.now(), policy.kind_of(provider))
            return [supposed(one, whom.facts)]
        hint = "suppose what their provider would say: --with group=NAME; those on record: daypass person list"
        raise NotFound(f"nobody on record is {shown(whom.who)}", code="person.unknown", hint=hint)

    def _moved(self, asker: Asker, provider: str) -> Asker:
        identity = replace(asker.proof.identity, provider=self._provider(provider))
        return replace(asker, proof=replace(asker.proof, identity=identity))

    def _provider(self, name: str) -> str:
        """`name`, if a role takes its word; for no name the only one."""
        there_are = sorted({role.who.provider for role in self._force.current.policy.roles})
        found = [each for each in there_are if name in ("", each)]
        if len(found) != 1:
            text = f"no role is for people of {shown(name)}" if name else "say which provider is meant"
            hint = f"--provider NAME; roles are for: {', '.join(there_are) or 'none'}"
            raise Invalid(text, code="provider.unknown", hint=hint)
        return found[0]

    async def _host(self, word: str) -> tuple[str, KnownHost | None]:
        """By name or alias; else by the first part of one, if that is one host's only. Raises Conflict."""
        name = word[:MAX_WORD].lower().rstrip(".")
        found = await self._records.hosts_called(name)
        exact = [host for host in found if name in (host.name, *host.aliases)]
        if len(found) > 1 and not exact:
            listed = ", ".join(host.name for host in found[:10])
            raise Conflict(f"{shown(name)} may be {listed}", code="host.several", hint="give the full name")
        return name, next(iter(exact or found), None)
