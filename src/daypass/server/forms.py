"""What a browser sends: forms, queries, cookies, and where a form was filled in. Strict: nothing stands twice.

A page's POST counts only if the browser says that it was sent from our own page (Origin, Sec-Fetch-Site) and brings
the page's cookie, so no other site can type a code or say yes for somebody.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec
from starlette.types import Scope

from daypass.errors import Denied, Invalid

__all__ = ["CODE", "COOKIE", "TOLD", "SameOrigin", "cookie", "form_decoder", "origin_of", "query", "set_cookie"]

COOKIE: Final = "__Host-daypass"  # the browser's random secret; the prefix keeps sibling hosts from planting one
CODE: Final = "__Host-daypass-code"  # what was typed, so that the page that asks can be loaded again
TOLD: Final = "__Host-daypass-told"  # what the last page is to say; nothing of worth to anybody
_FORM_TYPE: Final = b"application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 16
_MAX_QUERY: Final = 8192  # characters; a provider's code may be a token of two thousand


def form_decoder(kind: type[Any]) -> Callable[[bytes], Any]:
    """A function that turns a form's body into `kind`; it raises Invalid and nothing else."""

    def decode(body: bytes) -> Any:
        try:
            text = body.decode("ascii")  # urlencoded is, whatever was typed
        except UnicodeDecodeError:
            raise _unreadable("form") from None
        try:
            return msgspec.convert(_fields(text, "form"), kind)
        except msgspec.ValidationError:
            raise _unreadable("form") from None

    return decode


def query(scope: Scope) -> dict[str, str]:
    """The query's fields. Raises Invalid for one that stands there twice, and for too much."""
    text = scope["query_string"].decode("latin-1")
    if len(text) > _MAX_QUERY or not text.isascii():
        raise _unreadable("address")
    return _fields(text, "address")


def _fields(text: str, where: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=_MAX_FIELDS
        )
    except ValueError:
        raise _unreadable(where) from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _unreadable(where)
    return found


def _unreadable(where: str) -> Invalid:
    return Invalid(f"the page's {where} is not what this page sends", code="page.form", hint="go back and try again")


# -- where it comes from --------------------------------------------------------------------------------------


class SameOrigin:
    """The guard of the pages: a form counts only from a page of ours, in a form's own encoding."""

    def __init__(self, pages_url: str) -> None:
        self._url = pages_url
        self._origin = origin_of(pages_url).encode()

    def __call__(self, scope: Scope) -> None:
        if scope["method"] != "POST":
            return
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, []).append(value)
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
        said = origin is not None or site is not None
        if not said or origin not in (None, [self._origin]) or site not in (None, [b"same-origin"]):
            hint = f"open {self._url}/device and type the code there"
            raise Denied("this form was not sent from the CA's own page", code="page.origin", hint=hint)
        kinds = [kind.partition(b";")[0].strip().lower() for kind in headers.get(b"content-type", [])]
        if kinds != [_FORM_TYPE]:
            raise _unreadable("form")


def origin_of(url: str) -> str:
    """As a browser writes it (RFC 6454): the port only where it is not https's own."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"https://{host}" if parts.port in (None, 443) else f"https://{host}:{parts.port}"


# -- cookies (RFC 6265bis) ------------------------------------------------------------------------------------

_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{1,3900}")


def cookie(scope: Scope, name: str) -> str | None:
    """Its value; None where it is not there, stands there twice, or holds what we never put in."""
    lines = [value.decode("latin-1") for key, value in scope["headers"] if key == b"cookie"]
    pairs = [part.strip().partition("=") for line in lines for part in line.split(";")]
    values = [value for key, _, value in pairs if key == name]
    return values[0] if len(values) == 1 and _VALUE.fullmatch(values[0]) else None


def set_cookie(name: str, value: str, seconds: int) -> tuple[bytes, bytes]:
    """Lax: the provider's answer is a link from another site, and has to bring it along."""
    line = f"{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"
    return b"set-cookie", line.encode()
