"""The providers' directories, by SCIM: who is in, who is out, and in which groups (trust 2.5, 6.8).

    vouch    whoever signs in at a provider with a directory stands in it, active; else there is no certificate
    settle   what a directory has said is carried out: out means locked and revoked, in again undoes that lock, a
             group that is lost takes with it what was given for it

What is said is on record before it is carried out, and stays due until it is: whoever dies in between, the next
process goes on with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from daypass.ca.clock import ClockGuard
from daypass.ca.ending_ports import Source
from daypass.ca.endings import Endings, word_of
from daypass.ca.force import Following
from daypass.ca.learning import Learning
from daypass.ca.person_ports import Facts, IdentityRecord, PersonRecord
from daypass.ca.ports import Store
from daypass.ca.scim_ports import Due, Entry, Held, Looked
from daypass.ca.who import lower
from daypass.config import Config, ProviderSection
from daypass.errors import DaypassError, Denied
from daypass.model import Identity, Kind, OnceId, Proof, shown

__all__ = ["Directory", "actor_of", "match_of", "standing_for", "with_directory"]

AT_ONCE = 100  # users taken up by one look
LOOK_EVERY = 5.0  # seconds between two looks for what another process left
log = logging.getLogger("daypass.ca")


def actor_of(provider: str) -> str:
    return word_of(Source.SCIM, provider)


def standing_for(
    section: ProviderSection, *, external_id: str | None, user_name: str, email: str | None
) -> str | None:
    """What a sign-in of this user has where the provider's `match` looks: an e-mail in small letters, else as it
    stands. None for a user without that attribute: they mean nobody."""
    if section.scim is None:
        return None
    value = {"externalId": external_id, "userName": user_name, "emails": email}.get(section.scim.attribute)
    if not value:
        return None
    return lower(value) if section.scim.side == "email" else value


def match_of(side: str, who: Identity) -> str | None:
    """What of a sign-in a directory has to name: `sub`, `email`, or a claim that is one string."""
    if side == "sub":
        return who.subject
    if side == "email":
        return lower(who.email) if who.email else None
    value = who.claims.get(side.removeprefix("claim:"))
    return value if isinstance(value, str) and value else None


def with_directory(config: Config) -> Mapping[str, ProviderSection]:
    """The providers that have one, by name."""
    return {each.name: each for each in config.providers if each.scim is not None}


class Directory:
    """`endings` and `learning` are the authority's own."""

    def __init__(
        self, store: Store, clock: ClockGuard, force: Following, endings: Endings, learning: Learning
    ) -> None:
        self._store, self._clock, self._force, self._endings = store, clock, force, endings
        self._learning = learning
        self._lock = asyncio.Lock()

    @property
    def providers(self) -> Mapping[str, ProviderSection]:
        """Those with a directory, of the version in force. Raises Unavailable."""
        return with_directory(self._force.current.config)

    async def vouch(self, config: Config, proof: Proof) -> Proof:
        """With what the directory says, and its groups where they count. Raises Denied for one who is not let in."""
        who = proof.identity
        section = with_directory(config).get(who.provider)
        if who.kind is not Kind.PERSON or section is None or section.scim is None:
            return proof
        match = match_of(section.scim.side, who)
        said = await self._store.scim_vouched(section.name, match) if match else None
        if said is None:
            raise _not_let_in(section, who, match)
        groups = said.groups if section.groups_from == "scim" else who.groups
        return replace(proof, identity=replace(who, groups=groups), vouched=said)

    def entries(self, person: PersonRecord) -> Iterator[tuple[str, str]]:
        """Of their directories, what stands for this person: provider and match."""
        providers = self.providers
        for identity in person.identities:
            section = providers.get(identity.provider)
            match = match_of(section.scim.side, _as_said(identity)) if section and section.scim else None
            if match is not None:
                yield identity.provider, match

    # -- what is said ---------------------------------------------------------------------------------------------

    async def find(self, provider: str, looked: Looked) -> Sequence[Entry]:
        return await self._store.scim_find(provider, looked)

    async def put(self, provider: str, entry: Entry, expected: str | None) -> Entry:
        """A new one where `expected` is None. Raises NotFound, Conflict."""
        return await self._store.scim_put(provider, entry, expected=expected, now=self._clock.now())

    async def delete(self, provider: str, kind: str, number: str, expected: str | None) -> None:
        """Raises NotFound, Conflict."""
        await self._store.scim_delete(provider, kind, number, expected=expected, now=self._clock.now())

    # -- what was said is carried out -----------------------------------------------------------------------------

    async def settle(self, provider: str | None = None) -> None:
        """All that is due by now. Raises what an ending raises: then it stays due."""
        async with self._lock:
            while waiting := await self._store.scim_due(provider, AT_ONCE):
                providers = self.providers
                for name, due in waiting:
                    if name in providers:
                        await self._carry_out(providers[name], due)
                    await self._store.scim_settled(name, due)

    async def watch(self) -> None:
        """For ever: what this process could not carry out, or another one died over."""
        while True:
            with contextlib.suppress(DaypassError):
                await self.settle()
            await asyncio.sleep(LOOK_EVERY)

    async def _carry_out(self, section: ProviderSection, due: Due) -> None:
        side = section.scim.side if section.scim is not None else ""
        meant = await self._store.scim_people(section.name, side, due.match) if due.match else ()
        for held in {each.person: each for each in meant}.values():
            if due.entered:
                await self._back(section.name, held)
            else:
                await self._out(section.name, due, held)
        if due.entered and section.groups_from == "scim":
            for held in meant:
                await self._regroup(section.name, due, held)
        if not meant and not due.entered and due.before:
            await self._unmatched(section, due)

    async def _out(self, provider: str, due: Due, held: Held) -> None:
        why = "deleted from" if due.deleted else "not active in"
        await self._endings.by_provider(
            Source.SCIM,
            provider,
            persons=(held.person,),
            reason=f"{why} the directory of {provider}",
            about=_called(provider, held),
            once=OnceId(actor_of(provider), f"{due.id}:{due.state}:{held.person}"),
            out=True,
        )

    async def _back(self, provider: str, held: Held) -> None:
        if held.locked and actor_of(provider) in held.locked_by.split():
            reason = f"active in the directory of {provider}"
            await self._endings.back(Source.SCIM, provider, held.person, reason=reason)

    async def _regroup(self, provider: str, due: Due, held: Held) -> None:
        """Whoever has lost a group loses what was given for it, and the CA knows the groups they are in now."""
        if held.identity.facts is None or held.identity.facts.groups == due.groups:
            return
        now, policy = self._clock.now(), self._force.current.policy
        who = replace(_as_said(held.identity), groups=due.groups)
        lost, serials = await self._learning.lost(policy, who, held.person, now)
        if serials:
            await self._endings.by_provider(
                Source.SCIM,
                provider,
                serials=serials,
                reason=f"no longer in role {', '.join(sorted(lost))}, says the directory of {provider}",
                about=_called(provider, held),
                once=OnceId(actor_of(provider), f"{due.id}:{due.state}:{held.identity.subject}:groups"),
            )
        await self._store.learn(held.person, who, (), reason="", now=now)

    async def _unmatched(self, section: ProviderSection, due: Due) -> None:
        """Nobody's access ends by it: an operator is to see whether that is right (trust 6.8)."""
        side = section.scim.match if section.scim is not None else ""
        details = {"provider": section.name, "source": str(Source.SCIM), "id": due.id, "name": due.name,
                   "match": side, "value": due.match or ""}  # fmt: skip
        why = "nobody on record" if due.match else "it has nothing to match by"
        log.warning("the directory of %s took out %s: %s", section.name, shown(due.name), why)
        whole = {**details, "why": why}
        await self._store.add_event("provider.unmatched", whole, actor=actor_of(section.name), now=self._clock.now())


def _called(provider: str, held: Held) -> str:
    """Who it is about, as operators know them."""
    return f"person {held.identity.email or f'{provider}:{held.identity.subject}'} (#{held.person})"


def _as_said(identity: IdentityRecord) -> Identity:
    """An identity on record, as its provider described it last."""
    said = identity.facts or Facts(identity.provider, identity.email)
    claims = {name: list(value) if isinstance(value, tuple) else value for name, value in said.claims.items()}
    return Identity(
        kind=Kind.PERSON, provider=identity.provider, issuer=identity.issuer, subject=identity.subject,
        email=identity.email, groups=said.groups, amr=said.amr, acr=said.acr, claims=claims,
    )  # fmt: skip


def _not_let_in(section: ProviderSection, who: Identity, match: str | None) -> Denied:
    called = who.email or shown(who.subject)
    if match is None:
        return Denied(
            f'{called} can\'t be found in the directory of "{section.name}": the sign-in says nothing to match by',
            code="scim.match",
            hint=f"operator: it is matched by {section.scim.match if section.scim else ''}; see docs/guide/scim.md",
        )
    return Denied(
        f'{called} is not active in the directory of "{section.name}"',
        code="scim.inactive",
        hint="whoever runs your identity provider can assign you to this application there; "
        "operator: daypass unlock lets in who was taken out by mistake",
    )
