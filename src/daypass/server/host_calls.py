"""The routes of `Access.HOST`: hosts that show their certificate, with its key, for this very call."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.types import Scope

from daypass import api
from daypass.ca.host_calls import HostSaid, Synced
from daypass.ca.host_ports import HostAbout, KnownHost
from daypass.ca.shown import Call
from daypass.errors import Invalid, Unauthenticated, Unavailable
from daypass.server import answers, signing
from daypass.server.pacing import ack_within
from daypass.server.ports import Heart, HostCalls, PublicInfo
from daypass.server.streams import Lines, room
from daypass.wire import Certificate

__all__ = ["HostAdmission", "HostRoutes", "admitted", "require_abreast", "said_by"]

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
        self._lines = Lines(self._trust, lambda: ack_within(len(heart.streams)))

    async def host_sync(self, scope: Scope, body: api.HostSyncRequest) -> api.HostSyncResponse:
        require_abreast(self._public.now(), body.trust_version)
        return self._response(await self._heart.host_calls.sync(admitted(scope), said_by(body)), body.trust_version)

    async def host_stream(self, scope: Scope, body: api.HostSyncRequest) -> answers.Stream:
        """The same, and what comes after it."""
        require_abreast(self._public.now(), body.trust_version)
        host, shown = admitted(scope), scope[_SHOWN]
        synced = await self._heart.host_calls.sync(host, said_by(body))
        certificate = Certificate.parse(shown.certificate)
        stream = self._heart.streams.open(host, certificate, synced, room())
        return answers.Stream(self._lines.of(stream, body.trust_version), stream.end)

    def _trust(self) -> tuple[api.Signed, int]:
        public = self._public.now()
        return public.trust, public.trust_version

    def _response(self, synced: Synced, trust_version: int) -> api.HostSyncResponse:
        public = self._public.now()
        return api.HostSyncResponse(
            bundle=api.Signed(*synced.bundle) if synced.bundle else None,
            heartbeat=api.Signed(*synced.heartbeat) if synced.heartbeat else None,
            trust=public.trust if public.trust_version > trust_version else None,
            krl=synced.krl,
        )

    async def host_renew(self, scope: Scope, body: api.HostRenewRequest) -> api.HostRenewed:
        host: KnownHost = scope[_HOST]
        shown: api.HostProof = scope[_SHOWN]
        keys = signing.renewal(body, self._heart.ca_id, host.id)
        certificate = Certificate.parse(shown.certificate)
        issuance = await self._heart.renewals.renew_all(host.id, certificate, shown.nonce, keys)
        by_key = {issued.public_key: issued.certificate for issued in issuance.certificates}
        return api.HostRenewed(certificates=[by_key[key.blob] for key in keys])


def admitted(scope: Scope) -> KnownHost:
    """A KeyError, and so a 500, for a host that nobody has admitted."""
    host: KnownHost = scope[_HOST]
    return host


def require_abreast(public: PublicInfo, trust_version: int) -> None:
    """A host that knows a newer trust document has had it from another machine of this CA. By this one's bundle it
    would give up the newer key: raises Unavailable."""
    if trust_version > public.trust_version:
        raise Unavailable(
            f"this machine of the CA has trust document {public.trust_version}, and the host knows a newer one",
            code="host-call.behind",
            hint="another machine may answer; operator: bring the newest trust.json to each (daypass ca rotate)",
            retry_after=30,
        )


def said_by(body: api.HostSyncRequest) -> HostSaid:
    about = body.about
    return HostSaid(
        digest=body.digest,
        bundle_version=body.bundle_version,
        system=tuple(body.system_accounts),
        ordinary=tuple(body.accounts),
        krl_digest=body.krl_digest,
        trust_version=body.trust_version,
        about=msgspec.convert(about, HostAbout, from_attributes=True) if about is not None else None,
    )


def _refused(code: str, message: str) -> Unauthenticated:
    return Unauthenticated(message, code=f"host-call.{code}", hint="daypass host sync makes such calls")
