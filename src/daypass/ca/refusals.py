"""Refusals on the record: who was told no, and by which rule; what they were shown and what `daypass explain` says.
A name that is another's is one of them (trust 1.3), and so is a join token in the wrong hands (trust 5.4).

A person can sign in as often as their provider lets them, so there is one entry for each sign-in and a bound for each
person. Nothing in an entry is theirs to choose. A token has the same bound; it is told of once for each reason and
address.
"""

from __future__ import annotations

import hashlib
import logging

from daypass.ca.clock import ClockGuard
from daypass.ca.few import Few
from daypass.ca.policy import Policy
from daypass.ca.ports import Question, Store
from daypass.errors import Conflict, DaypassError, Denied, Unauthenticated
from daypass.model import Joining, Kind, OnceId, Proof, Request

__all__ = ["Refusals"]

MARGIN = 86400  # seconds a refused sign-in is remembered beyond its credential
TOLD = ("token.spent",)  # in an entry of its own, `credential.reused`
log = logging.getLogger("daypass.ca")


class Refusals:
    def __init__(self, store: Store, clock: ClockGuard) -> None:
        self._store, self._clock = store, clock
        self._few = Few()

    async def note(
        self, policy: Policy, proof: Proof, request: Request, error: Denied | Conflict | Unauthenticated
    ) -> None:
        """Raises nothing: whoever is refused is told so, whether or not it can be written."""
        try:
            if proof.joins is not None:
                await self._note_token(proof, proof.joins, error, self._clock.now())
            elif proof.identity.kind is Kind.PERSON and not isinstance(error, Unauthenticated):
                await self._note(policy, proof, request, error, self._clock.now())
        except DaypassError as fault:
            log.error("a refusal (%s) is not on record: %s", error.code, fault.message)

    async def _note_token(self, proof: Proof, joins: Joining, error: DaypassError, now: int) -> None:
        """Whoever shows it has read a token that was on record, and good."""
        key = proof.identity.provider, joins.token
        if error.code in TOLD or self._few.full(key, now):
            return
        reason = hashlib.sha256(f"{error.code} {joins.address}".encode()).hexdigest()
        once = OnceId(f"denied:{proof.once.provider}", f"{joins.token}:{reason}")
        if not await self._store.spend(once, expires=proof.expires_at + MARGIN, now=now):
            return
        told: dict[str, object] = {"token": joins.token, "code": error.code, "why": error.message[:500]}
        told |= {"address": joins.address} | self._few.take(key, now)
        actor = f"{proof.identity.provider}:{joins.token}"
        await self._store.add_event("token.deny", told, actor=actor, now=now)

    async def _note(self, policy: Policy, proof: Proof, request: Request, error: Denied | Conflict, now: int) -> None:
        who = proof.identity
        key = who.issuer, who.subject
        if self._few.full(key, now):
            return
        once = OnceId(f"denied:{proof.once.provider}", proof.once.id)  # no provider's name has a colon
        if not await self._store.spend(once, expires=proof.expires_at + MARGIN, now=now):
            return
        view = await self._store.view(Question(who, proof.once))
        rule = (error.role, error.condition) if isinstance(error, Denied) else ("", "")
        details: dict[str, object] = {"code": error.code, "role": rule[0], "condition": rule[1]}
        details["why"] = error.message[:500]
        if request.role in policy.sections:
            details["asked"] = request.role
        details |= self._few.take(key, now)
        actor, person = f"{who.provider}:{who.subject}", view.person.id if view.person else None
        await self._store.add_event("certificate.deny", details, actor=actor, now=now, person=person)
