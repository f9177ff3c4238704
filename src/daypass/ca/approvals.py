"""Acts that take two persons (trust 4.3): one asks, another approves exactly that, and it is done once.

Who asked must still be allowed to when it is approved: by the policy in force then, and not locked.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Sequence

from msgspec import Struct

from daypass.ca.acts import Act, Acts, Operator
from daypass.ca.operators import Operators
from daypass.ca.pending_ports import PendingAct, Ruling
from daypass.ca.ports import Question, Store, View
from daypass.ca.who import lower
from daypass.errors import Conflict, DaypassError, Denied, Internal, Invalid, NotFound
from daypass.model import Identity, Kind, OnceId, Person

__all__ = ["Approvals", "Read"]

WAITS = 3600  # seconds a request can be approved
MOST = 20  # requests of one person that wait at a time

Read = Callable[[PendingAct], Act]
"""What a request on record asks for, with the capabilities that its body takes."""


class _Case(Struct, frozen=True):
    """One request, as it stands now."""

    asked: PendingAct
    act: Act
    person: Person | None  # who asked, if they are on record
    now: int


class Approvals:
    """`ready` gives the time, if this process decides by the published policy; `operators` gives those of it."""

    def __init__(
        self, store: Store, acts: Acts, ready: Callable[[View], int], operators: Callable[[], Operators]
    ) -> None:
        self._store, self._acts, self._ready, self._operators = store, acts, ready, operators

    async def ask(self, operator: Operator, act: Act) -> PendingAct:
        """Keep what this operator, who may do it, has signed in for. Raises Denied, Throttled."""
        now = await self._acts.judge(operator, act)
        if operator.subject is None:
            raise Internal("an act at the socket waits for nobody")
        asked = PendingAct(
            id=secrets.token_hex(8),
            act=act.name,
            body=act.body,
            digest=act.digest,
            subject=operator.subject,
            actor=operator.actor,
            requested_at=now,
            expires_at=now + WAITS,
        )
        await self._store.add_pending(asked, most=MOST)
        return asked

    async def waiting(self, operator: Operator, read: Read, now: int) -> Sequence[PendingAct]:
        """Those the operator has asked for or may approve; with `audit` all, decided ones too."""
        found = await self._store.pending_acts(now)
        if operator.local or self._allows(operator, "audit", now):
            return found
        mine = [each for each in found if each.actor == operator.actor or self._may_read(operator, each, read, now)]
        return [each for each in mine if each.outcome is None or each.actor == operator.actor]

    async def approve(
        self, operator: Operator, number: str, digest: bytes, read: Read
    ) -> tuple[PendingAct, Operator]:
        """The request, which is to be carried out now, and as whom. Raises NotFound, Conflict, Denied.

        When this returns the approval is on record, and nobody else can have the same request.
        """
        case = await self._case(number, digest, read)
        try:
            self._require_second(operator, case)
            self._require_still(case)
        except Denied as error:
            await self._acts.deny(operator, case.act, error, case.now, case.asked.id)
            raise
        asked, act = case.asked, case.act
        details = {
            "digest": asked.digest.hex(),
            "needs": list(act.needs),
            "request": asked.id,
            "approved_by": operator.actor,
        }
        ruling = Ruling("started", operator.actor, case.now, f"admin.{act.name}", asked.actor, details)
        if not await self._store.decide_pending(asked.id, ruling):
            raise _decided(asked)
        person = case.person.id if case.person is not None else None
        return asked, Operator(asked.actor, subject=asked.subject, person=person, approved_by=operator.actor)

    async def refuse(self, operator: Operator, number: str, digest: bytes, read: Read) -> PendingAct:
        """By whoever could approve it, or by who has asked."""
        case = await self._case(number, digest, read)
        try:
            if not self._is_same(operator, case):
                self._require_power(operator, case)
        except Denied as error:
            await self._acts.deny(operator, case.act, error, case.now, case.asked.id)
            raise
        details = {"request": number, "asked": case.act.name, "digest": digest.hex()}
        ruling = Ruling("refused", operator.actor, case.now, "approval.refuse", operator.actor, details)
        if not await self._store.decide_pending(number, ruling):
            raise _decided(case.asked)
        return case.asked

    async def conclude(self, asked: PendingAct, error: DaypassError | None = None) -> None:
        await self._store.conclude_pending(asked.id, "done" if error is None else f"failed: {error.message}")

    async def _case(self, number: str, digest: bytes, read: Read) -> _Case:
        asked = await self._store.pending_act(number)
        if asked is None:
            raise NotFound("no such request", code="approval.unknown", hint="daypass approvals list shows them")
        who, once = asked.subject, OnceId("approval", asked.id)
        view = await self._store.view(Question(Identity(Kind.PERSON, who.provider, who.issuer, who.subject), once))
        now, act = self._ready(view), read(asked)
        if not hmac.compare_digest(asked.digest, digest) or act.digest != asked.digest:
            raise Conflict(
                "that is not what was asked for under this number",
                code="approval.digest",
                hint="look at it again: daypass approvals list",
            )
        if asked.outcome is not None or asked.expires_at <= now:
            raise _decided(asked)
        return _Case(asked, act, view.person, now)

    def _is_same(self, operator: Operator, case: _Case) -> bool:
        """One person, whichever of their identities they come with: on record as one, or with one e-mail address."""
        mine, theirs = operator.subject, case.asked.subject
        if mine is None:
            return False
        same_record = case.person is not None and case.person.id == operator.person
        same_address = mine.email is not None and lower(mine.email) == lower(theirs.email or "")
        return same_record or same_address or (mine.issuer, mine.subject) == (theirs.issuer, theirs.subject)

    def _require_second(self, operator: Operator, case: _Case) -> None:
        if self._is_same(operator, case):
            raise Denied(
                "nobody approves what they have asked for themselves",
                code="approval.self",
                hint="ask another operator; root on the CA's machine needs nobody else",
            )
        self._require_power(operator, case)

    def _require_power(self, operator: Operator, case: _Case) -> None:
        """The same capabilities, or the one to approve such acts."""
        if operator.local or operator.subject is None or self._allows(operator, f"approve:{case.act.name}", case.now):
            return
        for capability in case.act.needs:
            self._operators().require(operator.subject, capability, case.now)

    def _require_still(self, case: _Case) -> None:
        """Who asked: judged on what their provider said then, by the policy in force now."""
        asked = case.asked
        locked = case.person is not None and case.person.locked
        able = all(
            self._operators().allows(asked.subject, capability, asked.requested_at) for capability in case.act.needs
        )
        if locked or not able:
            why = "is locked" if locked else f"may not {', '.join(case.act.needs)} any more"
            raise Denied(f"{asked.subject.called}, who asked for it, {why}", code="approval.requester")

    def _may_read(self, operator: Operator, asked: PendingAct, read: Read, now: int) -> bool:
        """Nobody is asked to approve what this release of the CA can't read."""
        try:
            return self._may(operator, read(asked), now)
        except (NotFound, Invalid):
            return False

    def _may(self, operator: Operator, act: Act, now: int) -> bool:
        every = all(self._allows(operator, capability, now) for capability in act.needs)
        return every or self._allows(operator, f"approve:{act.name}", now)

    def _allows(self, operator: Operator, capability: str, now: int) -> bool:
        return operator.subject is not None and self._operators().allows(operator.subject, capability, now)


def _decided(asked: PendingAct) -> Conflict:
    how = f"it was decided: {asked.outcome}" if asked.outcome else "its hour is over, or it was decided just now"
    return Conflict(f"this request can't be decided any more: {how}", code="approval.decided", hint="ask for it anew")
