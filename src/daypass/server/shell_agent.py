"""The routes of the agent in shell: what any host gets, in lines of text (`api.shell_agent`)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Final

from starlette.types import Scope

from daypass import api, shell_agent
from daypass.ca.host_ports import HostRecord
from daypass.server.answers import Whole
from daypass.server.callers import Callers
from daypass.server.enrolling import enrolled
from daypass.server.host_calls import HostRoutes, admitted, require_abreast, said_by
from daypass.server.ports import Heart, PublicInfo
from daypass.wire import Certificate, SshSignature

__all__ = ["ShellAgentRoutes"]

_TEXT: Final = ((b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff"))
_STORE_NOTHING: Final = (*_TEXT, (b"cache-control", b"no-store"))
_REVALIDATE: Final = (*_TEXT, (b"cache-control", b"no-cache"))


class ShellAgentRoutes:
    def __init__(self, heart: Heart, public: PublicInfo) -> None:
        self._heart = heart
        self._public = public
        self._callers = Callers(public.trusted_proxies)
        self._renewing = HostRoutes(heart, public)

    async def agent_script(self, _scope: Scope, _body: None) -> Whole:
        return Whole(200, shell_agent.script(), _REVALIDATE)

    async def agent_enroll(self, scope: Scope, body: api.EnrolRequest) -> Whole:
        found = await enrolled(self._heart, self._callers.address(scope), body)
        return Whole(
            201,
            await self._answer(found.host, after=body.bundle_version, certificates=found.certificates),
            _STORE_NOTHING,
        )

    async def agent_sync(self, scope: Scope, body: api.HostSyncRequest) -> Whole:
        require_abreast(self._public.now(), body.trust_version)
        host = admitted(scope)
        await self._heart.host_calls.sync(host, said_by(body))  # keeps what the host said; its answer is JSON
        answer = await self._answer(
            host, after=body.bundle_version, krl_digest=body.krl_digest, trust_version=body.trust_version
        )
        return Whole(200, answer, _STORE_NOTHING)

    async def agent_renew(self, scope: Scope, body: api.HostRenewRequest) -> Whole:
        renewed = await self._renewing.host_renew(scope, body)
        answer = await self._answer(admitted(scope), after=body.bundle_version, certificates=renewed.certificates)
        return Whole(201, answer, _STORE_NOTHING)

    async def _answer(
        self,
        host: HostRecord,
        *,
        after: int = 0,
        krl_digest: str = "",
        trust_version: int = 0,
        certificates: Iterable[bytes] = (),
    ) -> bytes:
        """`after` (a bundle's version), `krl_digest` and `trust_version` say what the host has already."""
        (document, signature), krl = await self._heart.text_bundle(host, after)
        public = self._public.now()
        lines = ["daypass-agent-v1"]
        if public.trust_version > trust_version:
            root = SshSignature.from_armor(public.trust.signature).public_key
            lines += [f"trust-root {root.line()}", *_signed("trust", public.trust.document, public.trust.signature)]
        lines += _signed("bundle", document, signature)
        lines += [f"krl {b64encode(krl.krl).decode()}"] if krl.digest != krl_digest else []
        lines += [f"certificate {Certificate.parse(blob).line()}" for blob in certificates]
        return "\n".join([*lines, "end", ""]).encode()


def _signed(name: str, document: str, signature: str) -> Iterator[str]:
    yield f"{name} {b64encode(document.encode()).decode()}"
    yield f"{name}-signature {b64encode(SshSignature.from_armor(signature).encode()).decode()}"
