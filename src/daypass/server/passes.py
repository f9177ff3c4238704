"""Who may use the routes of `Access.PASS`: people who show their day pass, with its key, for this very call.

`look` takes the header apart before a body is read; `admit` has the heart judge it together with that body.
"""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from daypass.api import PassProof
from daypass.ca.calls import Caller
from daypass.ca.shown import Call
from daypass.errors import Invalid, Unauthenticated
from daypass.server.ports import Calls

__all__ = ["Passes", "caller"]

_SHOWN: Final = "daypass.pass"
_CALLER: Final = "daypass.caller"


class Passes:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def look(self, scope: Scope) -> None:
        """Raises Unauthenticated unless there is one proof by a day pass, in form."""
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(values) != 1:
            raise _refused("missing", "this call has to be signed with a day pass, once")
        try:
            scope[_SHOWN] = PassProof.from_header(values[0].decode("latin-1"))
        except Invalid as error:
            raise _refused("form", error.message) from error

    async def admit(self, scope: Scope, body: bytes) -> None:
        shown: PassProof = scope[_SHOWN]
        call = Call(
            method=scope["method"],
            path=scope["path"],
            body=body,
            certificate=shown.certificate,
            time=shown.time,
            nonce=shown.nonce,
            proof=shown.proof,
        )
        scope[_CALLER] = await self._calls.admit(call)


def caller(scope: Scope) -> Caller:
    """Who was admitted; a KeyError, and so a 500, on a route that nobody is admitted to."""
    found: Caller = scope[_CALLER]
    return found


def _refused(code: str, message: str) -> Unauthenticated:
    return Unauthenticated(message, code=f"pass.{code}", hint="sign in: daypass login")
