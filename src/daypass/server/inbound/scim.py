"""SCIM 2.0 at /scim/v2 (RFC 7643, 7644): a provider pushes its people and groups, each by a bearer of its own.

    bearer (whose directory this is)  ->  body, within limits, less what we keep nothing of
        ->  scim2-server, in a worker thread  ->  what was said is carried out  ->  answer

So nothing is acknowledged that has not had its effect, and a call that failed is made again by the provider. It is a
part of its own beside the routes: its paths, errors and media type are SCIM's.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Sequence
from http import HTTPStatus
from time import perf_counter
from typing import Final
from urllib.parse import parse_qsl

from scim2_models import SCIMException, UnauthorizedException
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService
from starlette.types import Receive, Scope, Send

from daypass.config import ProviderSection
from daypass.errors import DaypassError, Invalid, Unauthenticated
from daypass.server import answers, bodies
from daypass.server.endpoint import log_request
from daypass.server.inbound.late import SCIM as ROOT
from daypass.server.inbound.scim_body import known_part
from daypass.server.inbound.scim_models import MAX_BODY, PROVIDER
from daypass.server.inbound.scim_storage import Storage
from daypass.server.ports import Heart

__all__ = ["Scim"]

AT_ONCE: Final = 4  # worker threads
_HOST: Final = re.compile(rb"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_READS: Final = frozenset({"GET", "HEAD"})
log = logging.getLogger("daypass.server")


class Scim:
    """ASGI, for all paths below ROOT."""

    def __init__(self, heart: Heart) -> None:
        self._tokens, self._directory = heart.scim_tokens, heart.directory
        self._service = ScimService(PROVIDER)
        self._few = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        request_id, length = answers.request_facts(scope["headers"])
        try:
            answer = await self._answer(scope, receive, length)
        except bodies.ClientGone:
            return
        except Exception as error:
            answer = self._failure(error, request_id)
        await answers.send(send, int(answer.status), _content(answer), _headers(answer), request_id)
        log_request(scope, ROOT, int(answer.status), started, request_id)

    async def _answer(self, scope: Scope, receive: Receive, length: int | None) -> ScimResponse:
        section = await self._tokens.admit(_bearer(scope["headers"]))
        body = await bodies.read(receive, length, MAX_BODY)
        request = _request(scope, body)
        async with self._few:
            answer = await asyncio.to_thread(self._serve, section, request, asyncio.get_running_loop())
        if request.method not in _READS:
            await self._directory.settle(section.name)
        return answer

    def _serve(self, section: ProviderSection, request: ScimRequest, loop: asyncio.AbstractEventLoop) -> ScimResponse:
        """In a worker thread. What the library makes of a bad request is an answer; the operations of a bulk request
        that came before stay."""
        request.body = known_part(request.method, request.path, request.body)
        try:
            return ScimHandler(self._service, Storage(section, self._directory, loop)).handle(request)
        except SCIMException as error:
            return self._service.error_response(error)

    def _failure(self, error: Exception, request_id: bytes) -> ScimResponse:
        """Of ours, in SCIM's form (RFC 7644 section 3.12)."""
        if isinstance(error, Unauthenticated):
            return self._service.error_response(UnauthorizedException(detail=error.message))
        said, headers = answers.told(error, request_id)
        status = answers.status_of(error) if isinstance(error, DaypassError) else 500
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status),
                "detail": said.message}  # fmt: skip
        more = {name.decode(): value.decode() for name, value in headers}
        return ScimResponse(HTTPStatus(status), body, more)


def _bearer(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """RFC 6750 section 2.1; "" for anything else, which nobody's bearer is."""
    values = [value for name, value in headers if name == b"authorization"]
    scheme, _, bearer = (values[0] if len(values) == 1 else b"").decode("latin-1").partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else ""


def _request(scope: Scope, body: bytes) -> ScimRequest:
    host = next((value for name, value in scope["headers"] if name == b"host" and _HOST.fullmatch(value)), b"")
    try:
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=32)
    except ValueError:
        raise Invalid("the query has too many fields", code="scim.query") from None
    return ScimRequest(
        method="GET" if scope["method"] == "HEAD" else scope["method"],
        base_url=f"https://{host.decode()}{ROOT}" if host else ROOT,
        path=scope["path"].removeprefix(ROOT) or "/",
        query=dict(pairs),
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
                 if name != b"authorization"],
        body=body,
    )  # fmt: skip


def _content(answer: ScimResponse) -> bytes:
    return b"" if answer.body is None else json.dumps(answer.body).encode()


def _headers(answer: ScimResponse) -> tuple[tuple[bytes, bytes], ...]:
    ours = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
    return (*((name.lower().encode(), value.encode("latin-1", "replace")) for name, value in answer.headers.items()),
            *ours)  # fmt: skip
