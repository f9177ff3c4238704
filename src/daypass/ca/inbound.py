"""What providers send of their own accord: logouts and security events become endings (trust 6.9).

    verify     the provider's part: signature, issuer, audience, kind
    whom       the persons on record that it names; a session by the name that it has here
    end        recorded, and durable, before anybody is told that it was taken

The same event again is the same ending: its id goes with it. An event that names nobody here is an alarm, told once.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from daypass.ca.clock import ClockGuard
from daypass.ca.ending_ports import Ended, Source
from daypass.ca.endings import word_of
from daypass.ca.force import Following
from daypass.ca.inbound_ports import LogoutToken, Reader, SecurityEvents, Signal, Subject
from daypass.ca.ports import Store
from daypass.ca.who import lower
from daypass.errors import Denied, NotFound, Unavailable
from daypass.model import OnceId, shown, sign_in

__all__ = ["Ends", "Inbound"]

MOST_TOLD = 10_000  # ids of unmatched events that are remembered, so that each is told once
_log = logging.getLogger("daypass.ca")


class Ends(Protocol):
    """What a provider's word ends and undoes: `daypass.ca.endings.Endings`."""

    async def by_provider(
        self,
        source: Source,
        provider: str,
        *,
        reason: str,
        about: str,
        persons: Sequence[int] = (),
        signins: Sequence[str] = (),
        once: OnceId | None = None,
        out: bool = False,
    ) -> Ended: ...

    async def back(self, source: Source, provider: str, person: int, *, reason: str) -> bool: ...


class Inbound:
    def __init__(self, force: Following, store: Store, clock: ClockGuard, endings: Ends) -> None:
        self._force, self._store, self._clock, self._endings = force, store, clock, endings
        self._told: dict[str, None] = {}

    def readers(self) -> Mapping[str, Reader]:
        """Of the last version that could be used here: to take access away needs no newer one. Raises Unavailable."""
        last = self._force.last
        if last is None:
            raise Unavailable("no configuration of this CA is in force yet", code="policy.version", retry_after=10)
        return last.inbound

    async def logout(self, provider: str, token: str) -> None:
        """A back-channel logout: by `sid` that login, by `sub` all of them. It never locks.

        Raises NotFound for a provider whose logouts are not taken, Unauthenticated for what is no logout token of
        its, Unavailable.
        """
        read = await self._reader(provider).logout(token)
        once = OnceId(provider, f"logout:{read.issuer}:{read.jti}")
        if not (await self._log_out(provider, read, once)):
            said = {"event": "logout", **_about(read.subject, read.session)}
            await self._unmatched(word_of(Source.LOGOUT, provider), provider, once, said)

    async def events(self, provider: str, token: str) -> None:
        """A security event token, pushed or polled. Raises what `logout` does, and Denied for a subject of another
        issuer, which is an alarm."""
        reader = self._reader(provider)
        try:
            found = await reader.events(token)
        except Denied as error:
            said = {"event": "signal", "reason": error.message}
            await self._tell(word_of(Source.SIGNAL, provider), provider, "provider.foreign", token, said)
            raise
        for index, signal in enumerate(found.signals):
            await self._signal(provider, found, signal, index)

    def _reader(self, provider: str) -> Reader:
        reader = self.readers().get(provider)
        if reader is None:
            raise NotFound("this CA has no such provider", code="inbound.provider")
        return reader

    async def _log_out(self, provider: str, read: LogoutToken, once: OnceId) -> bool:
        """Whether it is anybody's."""
        if read.session:
            signin = sign_in(read.issuer, read.session, once)
            ended = await self._end(provider, Source.LOGOUT, once, "signed out", signins=[signin])
            return bool(ended.serials) or ended.again or await self._store.signed_in(signin)
        people = await self._people(provider, Subject(issuer=read.issuer, subject=read.subject))
        if people:
            await self._end(provider, Source.LOGOUT, once, "signed out", persons=people)
        return bool(people)

    # -- security events ------------------------------------------------------------------------------------------

    async def _signal(self, provider: str, found: SecurityEvents, signal: Signal, index: int) -> None:
        once, actor = OnceId(provider, f"event:{found.issuer}:{found.jti}:{index}"), word_of(Source.SIGNAL, provider)
        _log.info("provider %s: security event %s", provider, shown(signal.type))
        if signal.status:
            await self._tell(actor, provider, "provider.stream", once.id, {"status": signal.status[:60]})
        deed = signal.deed
        if not (deed.ends or deed.locks or deed.opens):
            return
        matched = False
        for subject in signal.subjects:
            matched |= await self._about(provider, signal, subject, once)
        if not matched:
            named = [_about(each.subject or each.email, each.session) for each in signal.subjects]
            await self._unmatched(actor, provider, once, {"event": signal.type, "named": named})

    async def _about(self, provider: str, signal: Signal, subject: Subject, once: OnceId) -> bool:
        """Whether it is anybody's."""
        deed = signal.deed
        if subject.session and not deed.locks and not deed.opens:
            signin = sign_in(subject.issuer, subject.session, once)
            known = await self._store.signed_in(signin)
            if known or not await self._people(provider, subject):  # a first sign-in may be on its way
                await self._end(provider, Source.SIGNAL, once, signal.type, signins=[signin])
                return known
        people = await self._people(provider, subject)
        for person in people:
            own = OnceId(provider, f"{once.id}:{person}")
            if deed.opens or deed.locks:
                await self._account(provider, signal, person, own)
            else:
                await self._end(provider, Source.SIGNAL, own, signal.type, persons=[person])
        return bool(people)

    async def _account(self, provider: str, signal: Signal, person: int, once: OnceId) -> None:
        """The provider's last word on an account counts, in the order in which things happened there."""
        if not await self._store.take_word(provider, person, signal.at):
            return
        if signal.deed.opens:
            await self._endings.back(Source.SIGNAL, provider, person, reason=signal.type)
        else:
            await self._end(provider, Source.SIGNAL, once, signal.type, persons=[person], out=True)

    async def _people(self, provider: str, subject: Subject) -> list[int]:
        """Those on record with this identity of the provider's; an address is said of it by the provider, too."""
        if not (subject.subject or subject.email):
            return []
        if not subject.subject:
            held = await self._store.scim_people(provider, "email", lower(subject.email))
            return list(dict.fromkeys(each.person for each in held))
        found = await self._store.find_people(f"{provider}:{subject.subject}")
        return [
            person.id
            for person in found
            if any(each.issuer == subject.issuer and each.subject == subject.subject for each in person.identities)
        ]

    async def _end(
        self,
        provider: str,
        source: Source,
        once: OnceId,
        event: str,
        *,
        persons: Sequence[int] = (),
        signins: Sequence[str] = (),
        out: bool = False,
    ) -> Ended:
        return await self._endings.by_provider(
            source, provider, reason=f"{provider}: {event}", about=f"{event}, told by {provider}",
            persons=persons, signins=signins, once=once, out=out,
        )  # fmt: skip

    # -- alarms ---------------------------------------------------------------------------------------------------

    async def _unmatched(self, actor: str, provider: str, once: OnceId, details: Mapping[str, object]) -> None:
        _log.warning("provider %s: an event is about nobody on record here", provider)
        await self._tell(actor, provider, "provider.unmatched", once.id, details)

    async def _tell(self, actor: str, provider: str, act: str, key: str, details: Mapping[str, object]) -> None:
        """Once for each event, by this process: whoever sends one again and again would fill the ledger."""
        key = hashlib.sha256(f"{provider}\0{act}\0{key}".encode()).hexdigest()
        if key in self._told:
            return
        whole = {"provider": provider, **details}
        await self._store.add_event(act, whole, actor=actor, now=self._clock.now())
        self._told[key] = None
        if len(self._told) > MOST_TOLD:
            del self._told[next(iter(self._told))]


def _about(name: str, session: str) -> dict[str, str]:
    """For the ledger. A `sid` is a secret of the provider's: only that there was one."""
    return {"subject": name[:255]} | ({"session": "yes"} if session else {})
