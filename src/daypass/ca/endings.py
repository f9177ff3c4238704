"""Whatever ends access comes through here: by a provider's word, an operator's, or the person's own (trust 3.5, 6).

Certificates die at once in every case, in one transaction that is durable before anybody is answered. Nothing here
calls out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from msgspec import Struct

from daypass.ca.asked_ends import Asked, Selection, require_reason
from daypass.ca.clock import ClockGuard
from daypass.ca.ending_ports import PROVIDERS, Ended, Ending, Source, Unlock
from daypass.ca.host_ports import KnownHost
from daypass.ca.person_ports import PersonRecord
from daypass.ca.policy import Policy
from daypass.ca.ports import OnRecord, Store
from daypass.errors import Conflict, NotFound
from daypass.model import OnceId

__all__ = ["LISTED", "Endings", "Hit", "word_of"]

LISTED = 1000  # certificates shown of one ending

Entries = Callable[[PersonRecord], Iterable[tuple[str, str]]]


def word_of(source: Source, provider: str) -> str:
    """Who says so, as locks (`persons.locked_by`) and the ledger name a provider: `scim:corp`."""
    return f"{source}:{provider}"


class Hit(Struct, frozen=True):
    """What an ending has hit, or would hit: the first LISTED certificates, as they stand now, and whose all are."""

    ended: Ended
    certificates: Sequence[OnRecord]
    people: Sequence[PersonRecord]


class Endings:
    """`person` and `host` find who is meant, or raise NotFound. `policy`: the one in force.

    `entries`: which of its directories' entries are a person's, as (provider, match); whoever keeps directories sets
    it.
    """

    def __init__(
        self,
        store: Store,
        clock: ClockGuard,
        person: Callable[[str], Awaitable[PersonRecord]],
        host: Callable[[str], Awaitable[KnownHost]],
        policy: Callable[[], Policy],
    ) -> None:
        self._store, self._clock, self._person, self._policy = store, clock, person, policy
        self._select = Selection(store, person, host)
        self.entries: Entries = lambda _: ()

    async def by_provider(
        self,
        source: Source,
        provider: str,
        *,
        reason: str,
        about: str,
        persons: Sequence[int] = (),
        signins: Sequence[str] = (),
        serials: Sequence[int] = (),
        once: OnceId | None = None,
        out: bool = False,
    ) -> Ended:
        """All that `persons` have, all of these sign-ins (`model.sign_in`), these certificates. Durable when it
        returns. `once`: the event's own id; the same again is the same ending. `out`: they are locked until the same
        provider says otherwise (`back`), and hosts look for what stays behind; give one person then.

        Of too many within a minute, open sessions wait for an operator (trust 6.8). Raises NotFound for somebody not
        on record, Unavailable.
        """
        if source not in PROVIDERS:
            raise ValueError(f"{source} is no provider's word")
        word = word_of(source, provider)
        ending = Ending(
            source=source, actor=word, reason=reason, about=about, persons=tuple(persons), signins=tuple(signins),
            serials=tuple(serials), lock=word if out else None, gone=out, once=once,
            hold_above=self._policy().endings.held_above,
        )  # fmt: skip
        return await self._store.end(ending, now=self._clock.now())

    async def back(self, source: Source, provider: str, person: int, *, reason: str) -> bool:
        """The provider says that they are in again: undoes its own lock and nobody else's. False where there was
        none of its own. Raises NotFound."""
        word = word_of(source, provider)
        asked = Unlock(person=person, reason=reason, actor=word, by=word)
        return await self._store.unlock(asked, now=self._clock.now())

    async def revoke(self, asked: Asked, *, reason: str, actor: str, dry: bool = False) -> Hit:
        """What an operator takes away; whom it was taken from may sign in again. Where nothing holds, that is no
        error: whatever was being issued is decided anew. Raises Invalid, NotFound."""
        return await self._end(asked, Source.OPERATOR, reason=reason, actor=actor, dry=dry)

    async def lock(self, word: str, *, reason: str, actor: str, dry: bool = False) -> Hit:
        """The same for all that somebody has, and no sign-in until an operator unlocks them."""
        return await self._end(Asked(person=word), Source.OPERATOR, reason=reason, actor=actor, dry=dry, out=True)

    async def unlock(self, word: str, *, reason: str, actor: str) -> PersonRecord:
        """Undoes whichever lock it is, and stands above a directory's word until that says something new. Raises
        Conflict for somebody who is not out."""
        require_reason(reason)
        person = await self._person(word)
        if not await self._let_in(person, reason, actor):
            name = f"{person.login} (#{person.id})" if person.login else f"#{person.id}"
            raise Conflict(f"{name} is not locked", code="person.unlocked")
        return await self._person(f"#{person.id}")

    async def unlock_all(self, ending: str, *, reason: str, actor: str) -> Sequence[PersonRecord]:
        """Everybody whom this ending has locked and who still is so by the same word: a provider's mistake undone at
        once."""
        require_reason(reason)
        found = await self._store.ending(ending)
        if found is None:
            raise NotFound("no such ending is on record", code="ending.unknown", hint="see: daypass revocations list")
        people = [await self._store.person(number) for number in found.persons]
        by = "" if found.source is Source.OPERATOR else found.actor
        back = [each for each in people if each is not None and await self._let_in(each, reason, actor, by)]
        if not back:
            raise Conflict(f"nobody of {ending} is locked", code="person.unlocked")
        return [await self._person(f"#{each.id}") for each in back]

    async def release(self, ending: str, *, actor: str) -> Sequence[str]:
        """Open sessions of a held one end now; without a name of all that are. Gives the ids. Raises Conflict where
        none was held."""
        wanted = [ending] if ending else await self._store.held()
        now = self._clock.now()
        found = [each for each in wanted if await self._store.release(each, actor=actor, now=now)]
        if not found:
            raise Conflict("nothing waits to be released", code="ending.free", hint="see: daypass revocations list")
        return found

    async def _let_in(self, person: PersonRecord, reason: str, actor: str, by: str | None = None) -> bool:
        entries = tuple(self.entries(person))
        asked = Unlock(person=person.id, reason=reason, actor=actor, by=by, entries=entries)
        return await self._store.unlock(asked, now=self._clock.now())

    async def _end(
        self, asked: Asked, source: Source, *, reason: str, actor: str, dry: bool, out: bool = False
    ) -> Hit:
        if not dry:
            require_reason(reason)
        now = self._clock.now()
        what = await self._select.of(asked, now)
        lock = "" if out else None
        looked = bool(what.get("persons"))
        ending = Ending(source=source, actor=actor, reason=reason, lock=lock, gone=out, looked=looked, **what)
        return await self._hit(await self._store.end(ending, now=now, dry=dry), asked.serials)

    async def _hit(self, ended: Ended, named: Sequence[int] = ()) -> Hit:
        """With `named`, whether or not they held."""
        serials = list(dict.fromkeys([*named, *ended.serials]))
        people = [await self._store.person(number) for number in ended.persons[:LISTED]]
        return Hit(ended, await self._store.those(serials[:LISTED]), [each for each in people if each is not None])
