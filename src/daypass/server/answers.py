"""Answers: the error tree as status codes and bodies, and the headers every answer carries."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.types import Receive, Send

from daypass.api import Error
from daypass.errors import (
    Conflict,
    DaypassError,
    Denied,
    Internal,
    Invalid,
    Misconfigured,
    NotFound,
    Throttled,
    Unauthenticated,
    Unavailable,
)
from daypass.server.bodies import TooLarge, TooSlow
from daypass.server.renewing import NotImplementedHere

__all__ = [
    "MethodNotAllowed",
    "Stream",
    "Whole",
    "encode",
    "failure",
    "request_facts",
    "send",
    "send_stream",
    "status_of",
    "told",
]

Header = tuple[bytes, bytes]
log = logging.getLogger("daypass.server")


class MethodNotAllowed(Invalid):
    """405, with the methods that are."""

    default_code = "method"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__("that method is not allowed here", hint="use " + " or ".join(allowed))
        self.allowed = ", ".join(allowed)


STATUSES: Final[dict[type[DaypassError], int]] = {
    Invalid: 400,
    Unauthenticated: 401,
    Denied: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    TooSlow: 408,
    Conflict: 409,
    TooLarge: 413,
    NotImplementedHere: 501,
    Throttled: 429,
    Misconfigured: 500,
    Internal: 500,
    Unavailable: 503,
}
_RETRY_AFTER: Final = {429: 1, 503: 5}  # seconds, where the error does not say

_encode = msgspec.json.Encoder().encode
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_COMMON: Final = ((b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff"))
STORE_NOTHING: Final = (*_COMMON, (b"cache-control", b"no-store"))
REVALIDATE: Final = (*_COMMON, (b"cache-control", b"no-cache"))


def encode(answer: Any) -> bytes:
    """JSON and the line break that step's server also ends with."""
    return _encode(answer) + b"\n"


def request_facts(headers: Sequence[Header]) -> tuple[bytes, int | None]:
    """The request's id, the client's own where it is harmless in a log, and its Content-Length."""
    request_id, length = None, None
    for name, value in headers:
        if name == b"content-length":
            length = int(value)
        elif name in (b"x-request-id", b"x-smallstep-id") and _REQUEST_ID.fullmatch(value):
            request_id = value
    return request_id or os.urandom(12).hex().encode(), length


def status_of(error: DaypassError) -> int:
    """The status of the nearest class in the tree."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


class Whole(msgspec.Struct, frozen=True):
    """An answer as it goes out: an error, or a page."""

    status: int
    content: bytes
    headers: tuple[Header, ...]


class Stream:
    """An answer of no known length: JSON lines, sent as they come. What fails on the way ends the connection, so
    that nobody takes a part for the whole. `over` is told when the client has gone, and at the end."""

    __slots__ = ("over", "parts")

    def __init__(self, parts: AsyncIterator[bytes], over: Callable[[], None] | None = None) -> None:
        self.parts = parts
        self.over = over


def failure(error: Exception, request_id: bytes) -> Whole:
    """What a program sees of `error`."""
    body, headers = told(error, request_id)
    return Whole(body.status, encode(body), (*STORE_NOTHING, *headers))


def told(error: Exception, request_id: bytes) -> tuple[Error, tuple[Header, ...]]:
    """What anyone is told of `error`, and what stands in the head. What is not of our tree is logged whole and shown
    not at all."""
    if not isinstance(error, DaypassError):
        log.error("request %s failed", request_id.decode(), exc_info=error)
        hint = f"the CA's log tells more under request id {request_id.decode()}"
        error = Internal("the CA could not do this because of a fault of its own", hint=hint)
    elif isinstance(error, Misconfigured | Internal):
        log.error("request %s: %s: %s", request_id.decode(), error.code, error.message, exc_info=error)
    elif isinstance(error, Unavailable):
        log.warning("request %s: %s: %s", request_id.decode(), error.code, error.message)
    status = status_of(error)
    # What a database says names its address and its accounts, and nobody has signed in yet.
    message = "the CA's database can't be used right now" if error.code.startswith("store.") else error.message
    body = Error(status=status, message=message, code=error.code, hint=error.hint)
    return body, _failure_headers(error, status)


def _failure_headers(error: DaypassError, status: int) -> tuple[Header, ...]:
    headers: list[Header] = []
    if status in _RETRY_AFTER:
        headers.append((b"retry-after", str(error.retry_after or _RETRY_AFTER[status]).encode()))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allowed.encode()))
    if status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):  # the rest is not read
        headers.append((b"connection", b"close"))
    return tuple(headers)


async def send(send: Send, status: int, content: bytes, headers: Sequence[Header], request_id: bytes) -> None:
    """Write one whole answer."""
    length = (b"content-length", str(len(content)).encode())
    start = {"type": "http.response.start", "status": status}
    await send(start | {"headers": [*headers, length, (b"x-request-id", request_id)]})
    await send({"type": "http.response.body", "body": content})


async def send_stream(receive: Receive, send: Send, status: int, stream: Stream, request_id: bytes) -> None:
    """Write an answer piece by piece."""
    if stream.over is None:
        await _send_parts(send, status, stream, request_id)
        return
    over = stream.over
    gone = asyncio.ensure_future(receive())  # after a whole request, that the client hangs up is all there is
    gone.add_done_callback(lambda _: over())
    try:
        await _send_parts(send, status, stream, request_id, ((b"connection", b"close"),))
    finally:
        gone.cancel()
        over()


async def _send_parts(
    send: Send, status: int, stream: Stream, request_id: bytes, more: Sequence[Header] = ()
) -> None:
    headers = ((b"content-type", b"application/jsonl"), *STORE_NOTHING[1:], (b"x-request-id", request_id), *more)
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    async for part in stream.parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
