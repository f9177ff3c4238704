"""Who may use the routes of `Access.ADMIN`, and the way of each call to its handler (trust 4).

On the administration socket the kernel says who asks. On the TLS port somebody has signed in for exactly this call
and says so in a header, which is taken apart before a body is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

from starlette.types import Scope

from daypass.api import ActProof, Pending, Route
from daypass.ca.acts import Act, Operator, Shown
from daypass.ca.pending_ports import PendingAct
from daypass.errors import Denied, Invalid, Unauthenticated
from daypass.model import Secret
from daypass.server import answers
from daypass.server.endpoint import Handler, peer_uid
from daypass.server.ports import Acts, Heart
from daypass.server.whole import require_whole

__all__ = ["Administering", "AtSocket", "BySignIn", "act_of", "acting"]

READING: Final = "audit"  # the capability of everything that changes nothing
_SHOWN: Final = "daypass.act"
_OPERATOR: Final = "daypass.operator"
_BODY: Final = "daypass.body"

Administering = Callable[[Operator, Any], Awaitable[Any]]
"""Takes who asks and the decoded body; gives the answer."""


class AtSocket:
    """Root and the CA's own account, nobody else."""

    def __init__(self, allowed: frozenset[int]) -> None:
        self._allowed = allowed

    def look(self, scope: Scope) -> None:
        if peer_uid(scope) not in self._allowed:
            raise Denied("only root and the CA's own account may use this socket", hint="run it with sudo")

    async def admit(self, scope: Scope, body: bytes) -> None:
        uid = peer_uid(scope)
        if uid is None:
            raise Denied("nobody is at the other end of this socket")
        scope[_OPERATOR], scope[_BODY] = Operator.at_socket(uid), body


class BySignIn:
    """People who have signed in for this very call."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def look(self, scope: Scope) -> None:
        """Raises Unauthenticated unless one sign-in is shown, in form."""
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(values) != 1:
            raise _refused("missing", "this call takes a sign-in of its own, shown once")
        try:
            shown = ActProof.from_header(values[0].decode("latin-1"))
        except Invalid as error:
            raise _refused("form", error.message) from error
        access = Secret(shown.access_token) if shown.access_token else None
        scope[_SHOWN] = Shown(Secret(shown.token), shown.key, shown.salt, shown.proof, access)

    async def admit(self, scope: Scope, body: bytes) -> None:
        scope[_OPERATOR], scope[_BODY] = await self._acts.admit(scope[_SHOWN], scope["path"], body), body


def acting(route: Route, handler: Administering, heart: Heart) -> Handler:
    """`handler` as an endpoint takes it: called once the operator may, and once that is on record.

    What takes two persons is kept for the second one, unless it comes over the socket.
    """

    async def handle(scope: Scope, body: Any) -> Any:
        operator: Operator = scope[_OPERATOR]
        act = act_of(route, scope[_BODY], body)
        if route.two_persons and not operator.local:
            require_whole(body)
            return _accepted(await heart.approvals.ask(operator, act))
        await heart.acts.begin(operator, act)
        return await handler(operator, body)

    return handle


def act_of(route: Route, content: bytes, body: Any) -> Act:
    """`body` is `content`, decoded."""
    needs = body.capabilities() if hasattr(body, "capabilities") else (route.capability,) * bool(route.capability)
    return Act(route.name, route.path, content, needs, reads=route.capability == READING)


def _accepted(asked: PendingAct) -> answers.Whole:
    pending = Pending(id=asked.id, act=asked.act, digest=asked.digest.hex(), expires_at=asked.expires_at)
    return answers.Whole(HTTPStatus.ACCEPTED, answers.encode(pending), answers.STORE_NOTHING)


def _refused(code: str, message: str) -> Unauthenticated:
    return Unauthenticated(message, code=f"act.{code}", hint="use daypass, which signs you in for it")
