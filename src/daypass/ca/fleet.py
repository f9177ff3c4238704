"""What all hosts are told alike: whose accounts they keep, and which people's certificates are revoked.

Asked of the store once in a few seconds, however many hosts sync.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from msgspec import Struct

from daypass.ca.host_endings import Endings, SessionEnds, endings
from daypass.ca.host_ports import Member
from daypass.ca.krls import Krls, MadeKrl
from daypass.ca.person_ports import IdentityRecord, PersonRecord
from daypass.ca.policy import Policy
from daypass.ca.ports import Store
from daypass.ca.roles import Role
from daypass.ca.subject import Subject
from daypass.ca.who import is_on_who

__all__ = ["Fleet", "FleetFacts"]

AGE = 5  # seconds
AT_MOST = 300  # seconds, where the ledger says that nothing has changed
MEMBER_FOR = 30 * 86400  # seconds after the last certificate that an account which daypass made stays open


class FleetFacts(Struct, frozen=True):
    """`members` by login; `krl` lists people's revoked certificates; `ways`: host -> bastions that lead to it."""

    members: tuple[Member, ...]
    krl: MadeKrl
    endings: Endings
    ways: Mapping[str, tuple[str, ...]] = {}


class Fleet:
    def __init__(self, store: Store, krls: Krls) -> None:
        self._store, self._krls = store, krls
        self.session_ends = SessionEnds(store)  # apart from the rest: each concerns one host
        self._known: tuple[Policy, int, FleetFacts] | None = None  # for which policy, and when
        self._asked = 0  # when the store was asked for that
        self._moved = frozenset[str]()  # hosts whose session_ends have changed since `moved` was asked
        self._aging = self._forgotten = False  # since then
        self._asking = asyncio.Lock()

    async def facts(self, policy: Policy, now: int) -> FleetFacts:
        async with self._asking:
            if self._known is not None:
                asked, made, known = self._known
                if asked is policy and made <= now < made + AGE:
                    return known
            self._aging = self._forgotten = False
            self._moved |= await self.session_ends.look(now)
            found = await self._ask(policy, now)
            if self._known is not None and self._known[2] == found:
                found = self._known[2]  # who has used it sees that it is the same
            self._known, self._asked = (policy, 0 if self._forgotten else now, found), now
            return found

    def still(self, now: int) -> None:
        """Nothing in the ledger that this is made of: what is known holds now as well. Time alone changes it, too."""
        if self._known is not None and not self._aging and self._asked <= now < self._asked + AT_MOST:
            self._known = self._known[0], now, self._known[2]

    def age(self) -> None:
        """Something is to be noticed within AGE."""
        self._aging = True

    def forget(self) -> None:
        """The next who wants to know has the store asked."""
        self.session_ends.forget()
        self._aging = self._forgotten = True
        if self._known is not None:
            self._known = self._known[0], 0, self._known[2]

    async def moved(self, now: int) -> frozenset[str]:
        """The hosts for which the ends of single sessions are others than when this was asked last."""
        async with self._asking:
            moved, self._moved = self._moved | await self.session_ends.look(now), frozenset()
        return moved

    async def _ask(self, policy: Policy, now: int) -> FleetFacts:
        krl, ended = await self._krls.current(now), await endings(self._store, policy.endings.remains, now)
        ways = policy.bastions.ways(await self._store.enrolled(now)) if policy.bastions else {}
        making = {role.name: role for role in policy.roles if role.on_host.new_accounts is not None}
        if not making:
            return FleetFacts((), krl, ended, ways)
        members = await self._store.people_of(making, now - MEMBER_FOR)
        people = {person.login: person for person in await self._store.people()}
        known = ((each, people[each.login]) for each in members if each.login in people)
        return FleetFacts(tuple(_still(each, person, making, now) for each, person in known), krl, ended, ways)


def _still(member: Member, person: PersonRecord, making: dict[str, Role], now: int) -> Member:
    """With the roles that are for them by what their providers said last, whatever the hour is."""
    kept = [name for name in member.roles if any(_is_for(making[name], each, now) for each in person.identities)]
    return Member(member.login, tuple(kept), member.locked)


def _is_for(role: Role, identity: IdentityRecord, now: int) -> bool:
    """How and when somebody signed in takes no account away, and neither do facts that are not all kept."""
    if role.who.provider not in ("", identity.provider):
        return False
    cut = identity.facts is not None and identity.facts.cut
    return cut or not any(is_on_who(key) for key in role.who.failing(Subject.of_record(identity, ""), now))
