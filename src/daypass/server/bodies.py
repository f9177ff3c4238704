"""Request bodies: read within limits, then decoded strictly into the types of `api`.

Whatever a client sends ends in an `Invalid` that names the field, never in a traceback. Values are not repeated
in messages: some of them are tokens.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, TypeVar

import msgspec
from starlette.types import Message, Receive

from daypass.api import MAX_BODY
from daypass.errors import Invalid, Unavailable

__all__ = ["BODY_SECONDS", "ClientGone", "TooLarge", "TooSlow", "decoder", "read"]

BODY_SECONDS: Final = 10.0
Body = TypeVar("Body", bytes, bytearray)


class TooLarge(Invalid):
    """413."""

    default_code = "too-large"


class TooSlow(Unavailable):
    """408."""

    default_code = "too-slow"


class ClientGone(Exception):
    """The client hung up before its request was whole; there is nobody to answer."""


async def read(receive: Receive, length: int | None, most: int = MAX_BODY) -> bytes:
    """The whole body. `length` is what Content-Length promised, None for a chunked body.

    Raises `TooLarge` over `most` bytes, `TooSlow` after `BODY_SECONDS`, `ClientGone`.
    """
    if length is not None and length > most:
        raise _too_large(most)
    first = _Begun(receive())
    if first.done:
        message = await first
        if not message.get("more_body"):
            return _within(_part(message), most)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _collect(await first, receive, most)
    except TimeoutError:
        raise TooSlow(f"the request body did not arrive within {BODY_SECONDS:g} seconds") from None


class _Begun:
    """An awaitable, run up to where it first has to wait.

    Most bodies are there before anyone asks, and a timer costs as much as everything else in this file.
    """

    __slots__ = ("_result", "_steps", "_waiting", "done")

    def __init__(self, awaitable: Awaitable[Message]) -> None:
        self._steps = awaitable.__await__()
        self._result: Message = {}
        self.done = False
        try:
            self._waiting = next(self._steps)
        except StopIteration as end:
            self.done, self._result = True, end.value

    def __await__(self) -> Generator[Any, Any, Message]:
        if not self.done:
            try:
                yield self._waiting
                self._result = yield from self._steps
            finally:
                self._steps.close()
        return self._result


async def _collect(message: Message, receive: Receive, most: int) -> bytes:
    body = bytearray(_within(_part(message), most))
    while message.get("more_body"):
        message = await receive()
        body += _part(message)
        _within(body, most)
    return bytes(body)


def _within(body: Body, most: int) -> Body:
    if len(body) > most:
        raise _too_large(most)
    return body


def _part(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGone
    part: bytes = message.get("body", b"")
    return part


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the request body is larger than {most} bytes")


def decoder(type_: type[Any]) -> Callable[[bytes], Any]:
    """A function that turns a body into `type_`, made once per route. It raises `Invalid` and nothing else."""
    decode = msgspec.json.Decoder(type_).decode

    def checked(body: bytes) -> Any:
        try:
            return decode(body)
        except msgspec.ValidationError as error:
            raise Invalid(explain(str(error)), code="body.field") from None
        except (msgspec.DecodeError, RecursionError, ValueError):
            raise _not_json(body) from None

    return checked


def _not_json(body: bytes) -> Invalid:
    if not body.strip():
        return Invalid("the request body is empty", code="body.empty", hint="send a JSON object")
    return Invalid("the request body is not JSON", code="body.json", hint="send one JSON object in UTF-8")


_AT = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_EXPECTED = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_KINDS = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "bytes": "base64 text",
}


def explain(message: str) -> str:
    """msgspec's message in the words of whoever wrote the request: `keys[0].proof is missing`."""
    match = _AT.fullmatch(message)
    what, path = (match["what"], (match["path"] or "").lstrip(".")) if match else (message, "")
    if missing := _MISSING.fullmatch(what):
        return f"{path}.{missing[1]} is missing".lstrip(".")
    path = path or "the request body"
    if expected := _EXPECTED.fullmatch(what):
        return f"{path}: expected {_kinds(expected[1])}, got {_kinds(expected[2])}"
    if "base64" in what:
        return f"{path} is not standard base64"
    return f"{path}: {what[:1].lower()}{what[1:]}"


def _kinds(names: str) -> str:
    return " or ".join(_KINDS.get(name, name) for name in names.split(" | "))
