"""The routes of `Access.HOST`: hosts that show their certificate, with its key, for this very call."""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from daypass import api
from daypass.ca.host_calls import HostSaid
from daypass.ca.host_ports import KnownHost
from daypass.ca.shown import Call
from daypass.errors import Invalid, Unauthenticated
from daypass.server.ports import Heart, HostCalls, PublicInfo

__all__ = ["HostAdmission", "HostRoutes"]

_SHOWN: Final = "daypass.host-proof"
_HOST: Final = "daypass.host"


class HostAdmission:
    def __init__(self, calls: HostCalls) -> None:
        self._calls = calls

    def look(self, scope: Scope) -> None:
        """Raises Unauthenticated unless there is one proof by a host, in form."""
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(values) != 1:
            raise _refused("form", "this call has to be signed by a host, once")
        try:
            scope[_SHOWN] = api.HostProof.from_header(values[0].decode("latin-1"))
        except Invalid as error:
            raise _refused("form", error.message) from error

    async def admit(self, scope: Scope, body: bytes) -> None:
        shown: api.HostProof = scope[_SHOWN]
        scope[_HOST] = await self._calls.admit(
            Call(scope["method"], scope["path"], body, shown.certificate, shown.time, shown.nonce, shown.proof)
        )


class HostRoutes:
    def __init__(self, heart: Heart, public: PublicInfo) -> None:
        self._heart = heart
        self._public = public

    async def host_sync(self, scope: Scope, body: api.HostSyncRequest) -> api.HostSyncResponse:
        """A KeyError, and so a 500, for a host that nobody has admitted."""
        host: KnownHost = scope[_HOST]
        said = HostSaid(
            body.digest, body.bundle_version, tuple(body.system_accounts), tuple(body.accounts), body.krl_digest
        )
        answer, public = await self._heart.host_calls.sync(host, said), self._public.now()
        return api.HostSyncResponse(
            bundle=api.Signed(*answer.bundle) if answer.bundle else None,
            heartbeat=api.Signed(*answer.heartbeat) if answer.heartbeat else None,
            trust=public.trust if public.trust_version > body.trust_version else None,
            krl=answer.krl,
        )


def _refused(code: str, message: str) -> Unauthenticated:
    return Unauthenticated(message, code=f"host-call.{code}", hint="daypass host sync makes such calls")
