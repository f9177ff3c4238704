"""One request from the socket to the answer.

    guard (who may knock at all)  ->  body, within limits  ->  admit (whose call this is)
        ->  the route's type  ->  handler  ->  answer, log line

Plain ASGI: a request and a response object per call cost as much as everything else in here together.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from daypass.api import Access, Error, Route
from daypass.errors import NotFound
from daypass.server import answers, bodies, forms

__all__ = ["Admit", "Endpoint", "Failed", "Guard", "Handler", "Resource", "log_request", "not_found", "peer_uid"]

Handler = Callable[[Scope, Any], Awaitable[Any]]
"""Takes the ASGI scope and the decoded body, None where the route has none; gives the answer, its bytes, or all of it
(`answers.Whole`)."""
Guard = Callable[[Scope], None]
Admit = Callable[[Scope, bytes], Awaitable[None]]
"""Judges a request together with its body; raises what the caller is told."""

Failed = Callable[[Error], answers.Whole]
"""How this route tells an error, where that is not JSON."""

_CLIENT_GONE: Final = 499  # in the log only; nobody is there to read it
access_log = logging.getLogger("daypass.access")


class Endpoint:
    """A route and its handler, as an ASGI application."""

    __slots__ = ("_admit", "_decode", "_failed", "_guard", "_handler", "_headers", "_path", "_status", "head")

    def __init__(
        self,
        route: Route,
        handler: Handler,
        guard: Guard | None,
        admit: Admit | None = None,
        failed: Failed | None = None,
    ) -> None:
        is_page = route.access is Access.PAGE
        self.head = not is_page  # what only looks at a link must not spend the code in it
        self._failed = failed
        self._path = route.path
        self._status = route.status
        self._handler = handler
        self._guard = guard
        self._admit = admit
        self._decode = _decoder(route)
        self._headers = answers.REVALIDATE if route.access is Access.OPEN else answers.STORE_NOTHING

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        request_id, length = answers.request_facts(scope["headers"])
        try:
            whole = await self._answer(scope, receive, length)
        except bodies.ClientGone:
            log_request(scope, self._path, _CLIENT_GONE, started, request_id)
            return
        except Exception as error:
            whole = self._failure(error, request_id)
        if isinstance(whole, answers.Stream):
            await answers.send_stream(receive, send, self._status, whole, request_id)
            log_request(scope, self._path, self._status, started, request_id)
            return
        await answers.send(send, whole.status, whole.content, whole.headers, request_id)
        log_request(scope, self._path, whole.status, started, request_id)

    def _failure(self, error: Exception, request_id: bytes) -> answers.Whole:
        if self._failed is None:
            return answers.failure(error, request_id)
        said, more = answers.told(error, request_id)
        whole = self._failed(said)
        return answers.Whole(whole.status, whole.content, (*whole.headers, *more))

    async def _answer(self, scope: Scope, receive: Receive, length: int | None) -> answers.Whole | answers.Stream:
        if self._guard is not None:
            self._guard(scope)
        content = b"" if self._decode is None else await bodies.read(receive, length)
        if self._admit is not None:
            await self._admit(scope, content)
        body = None if self._decode is None else self._decode(content)
        answer = await self._handler(scope, body)
        if isinstance(answer, answers.Whole | answers.Stream):
            return answer
        content = answer if isinstance(answer, bytes) else answers.encode(answer)
        return answers.Whole(self._status, content, self._headers)


def _decoder(route: Route) -> Callable[[bytes], Any] | None:
    if route.body is None:
        return None
    if route.access is Access.INBOUND:
        return bytes  # what is wrong with it is told in the words of another protocol
    return (forms.form_decoder if route.access is Access.PAGE else bodies.decoder)(route.body)


class Resource:
    """Everything that may be done at one path: an endpoint per method, HEAD wherever GET only looks."""

    __slots__ = ("_endpoints", "_path")

    def __init__(self, path: str, endpoints: Mapping[str, Endpoint]) -> None:
        self._path = path
        self._endpoints = dict(endpoints)
        get = self._endpoints.get("GET")
        if get is not None and get.head:
            self._endpoints["HEAD"] = get

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoints.get(scope["method"])
        if endpoint is not None:
            await endpoint(scope, receive, send)
        else:
            await _refuse(scope, send, answers.MethodNotAllowed(sorted(self._endpoints)), self._path)


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """The answer wherever there is no route."""
    await _refuse(scope, send, NotFound("there is nothing at this path", hint="see /v1/openapi.json"), "-")


async def _refuse(scope: Scope, send: Send, error: Exception, path: str) -> None:
    started = perf_counter()
    request_id, _ = answers.request_facts(scope["headers"])
    failure = answers.failure(error, request_id)
    await answers.send(send, failure.status, failure.content, failure.headers, request_id)
    log_request(scope, path, failure.status, started, request_id)


def log_request(scope: Scope, path: str, status: int, started: float, request_id: bytes) -> None:
    """One line per request. The path is the route's template: what a client wrote never gets in."""
    if access_log.isEnabledFor(logging.INFO):
        took = (perf_counter() - started) * 1000
        line = "method=%s path=%s status=%d ms=%.2f id=%s peer=%s"
        method = scope["method"] if scope["method"].isalpha() else "-"
        access_log.info(line, method, path, status, took, request_id.decode(), _peer(scope))


def _peer(scope: Scope) -> str:
    uid = peer_uid(scope)
    if uid is not None:
        return f"uid:{uid}"
    return str(scope["client"][0]) if scope.get("client") else "-"


def peer_uid(scope: Scope) -> int | None:
    """Who is at the other end of a Unix socket, as the kernel says; None on any other connection."""
    peer = (scope.get("extensions") or {}).get("daypass.peer")
    return peer["uid"] if peer is not None else None
