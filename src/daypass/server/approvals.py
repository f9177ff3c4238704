"""What waits for a second person, over HTTP: the list, and the word that has it carried out (trust 4.3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from daypass import api
from daypass.api import Route
from daypass.ca.acts import Act, Operator
from daypass.ca.pending_ports import PendingAct
from daypass.errors import DaypassError, Invalid, NotFound
from daypass.server import bodies
from daypass.server.acts import Administering, act_of
from daypass.server.answers import encode
from daypass.server.ports import Heart

__all__ = ["ApprovalRoutes"]


class ApprovalRoutes:
    """`routes` are the administrative ones, `handlers` what they do, by name."""

    def __init__(
        self,
        heart: Heart,
        routes: Mapping[str, Route],
        handlers: Mapping[str, Administering],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._heart, self._handlers, self._now = heart, handlers, now
        self._routes = routes
        self._decoders = {
            name: bodies.decoder(route.body) for name, route in routes.items() if route.two_persons and route.body
        }

    async def approvals(self, operator: Operator, _body: api.ApprovalsRequest) -> api.WaitingActs:
        found = await self._heart.approvals.waiting(operator, self._read, int(self._now()))
        return api.WaitingActs(acts=[_shown(each, self._meant(each)) for each in found])

    async def approve(self, operator: Operator, body: api.Approval) -> api.ApprovalAnswer:
        approvals = self._heart.approvals
        asked, requester = await approvals.approve(operator, body.id, _digest(body.digest), self._read)
        try:
            answer = await self._handlers[asked.act](requester, self._decoders[asked.act](asked.body))
        except DaypassError as error:
            await approvals.conclude(asked, error)
            raise
        await approvals.conclude(asked)
        return api.ApprovalAnswer(id=asked.id, act=asked.act, actor=asked.actor, answer=answer)

    async def refuse(self, operator: Operator, body: api.Approval) -> api.ApprovalAnswer:
        asked = await self._heart.approvals.refuse(operator, body.id, _digest(body.digest), self._read)
        return api.ApprovalAnswer(id=asked.id, act=asked.act, actor=asked.actor)

    def _meant(self, asked: PendingAct) -> str:
        """The body as it is understood here: JSON can name a key twice, or say it in a way that nobody reads."""
        try:
            return encode(self._decoders[asked.act](asked.body)).decode().strip()
        except (KeyError, Invalid):
            return asked.body.decode()

    def _read(self, asked: PendingAct) -> Act:
        """Raises NotFound for an act of another version of the CA, Invalid for a body that is none any more."""
        if asked.act not in self._decoders:
            raise NotFound(f"this CA knows no act {asked.act} that takes two persons", code="approval.act")
        return act_of(self._routes[asked.act], asked.body, self._decoders[asked.act](asked.body))


def _digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Invalid("a digest is 64 hex digits", code="approval.digest") from None


def _shown(asked: PendingAct, body: str) -> api.Waiting:
    return api.Waiting(
        id=asked.id,
        act=asked.act,
        body=body,
        digest=asked.digest.hex(),
        actor=asked.actor,
        asked_by=asked.subject.called,
        requested_at=asked.requested_at,
        expires_at=asked.expires_at,
        decided_by=asked.decided_by,
        outcome=asked.outcome,
    )
