"""The way to an identity provider: its HTTPS end, with the system's trust store and proxies, over one connection.

What comes back is capped and strictly parsed; what the provider says instead of an answer becomes one of our errors,
split by who must act. No redirects: an endpoint is where it says it is.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

import msgspec

from daypass import __version__
from daypass.connection import End, captive, unreachable, unusable_proxy
from daypass.errors import DaypassError, Denied, Misconfigured, Unavailable
from daypass.network import await_name
from daypass.stranger import portal

if TYPE_CHECKING:
    import httpx2

    from daypass.client.aside import Aside
    from daypass.client.progress import Progress

__all__ = ["SECONDS", "Idp", "Refusal", "check_secure", "decode", "new_client", "refused"]

SECONDS = 10.0  # for each step of a call
_CALL_SECONDS = 60.0  # for a whole call, however slowly its bytes drip
_MAX_BYTES = 1 << 20
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/.*)?")
_URL = re.compile(r"[A-Za-z0-9._~:/?@!$&'()*+,;=%\[\]-]+")
_TELL = "tell the CA's operator: every address of the provider must be a plain one that starts with https://"
_AGAIN = "try again; if it stays so: daypass doctor. A day pass you hold goes on working"
_Answer = TypeVar("_Answer")
_log = logging.getLogger(__name__)


class Refusal(msgspec.Struct, frozen=True):
    """An answer that is none (RFC 6749 section 5.2)."""

    error: str = ""
    error_description: str = ""

    @classmethod
    def parse(cls, content: bytes) -> Refusal:
        """Whatever can be read of it."""
        try:
            return msgspec.json.decode(content, type=cls)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            return cls()

    @property
    def text(self) -> str:
        return (self.error_description or self.error)[:400]


def new_client(patience: float) -> httpx2.Client:
    """With this machine's trust store and proxies. Raises ImportError or ValueError for a proxy that is none."""
    import httpx2

    headers = {"user-agent": f"daypass/{__version__}", "accept": "application/json"}
    return httpx2.Client(timeout=patience, follow_redirects=False, headers=headers)


class Idp:
    """The provider `issuer`; a context manager. The connection is opened with the first call, and kept.

    `client`: `new_client` that was made aside, since reading this machine's trust store takes a while.
    """

    def __init__(
        self,
        issuer: str,
        patience: float = SECONDS,
        progress: Progress | None = None,
        client: Aside[httpx2.Client] | None = None,
    ) -> None:
        self.issuer = issuer
        self._patience, self._progress = patience, progress
        self._made = client.result if client else lambda: new_client(patience)
        self._client: httpx2.Client | None = None

    def __enter__(self) -> Idp:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()

    def call(
        self,
        method: str,
        url: str,
        kind: type[_Answer],
        form: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> _Answer:
        """The answer. Raises any of the error tree for one that is not 2xx, and for one of another shape."""
        status, content = self.exchange(method, url, form, headers)
        if not 200 <= status < 300:
            raise refused(status, Refusal.parse(content), self.issuer)
        return decode(content, kind, self.issuer)

    def exchange(
        self, method: str, url: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body, whatever they are. Raises Unavailable where none came."""
        import httpx2

        began = time.monotonic()
        try:
            with self._waiting(), self._opened(url).stream(method, url, data=form, headers=headers) as response:
                status, content = response.status_code, self._read(response)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError) as error:
            raise unreachable(error, self._end(url)) from error
        _log.debug(
            "%s %s: %d after %.0f ms", method, url.partition("?")[0], status, (time.monotonic() - began) * 1000
        )
        page = portal(url, status, response.headers)
        if page and (status < 500 or status == 511):
            raise captive(self._end(url), page)
        return status, content

    def _opened(self, url: str) -> httpx2.Client:
        if self._client is None:
            await_name(url)
            try:
                self._client = self._made()
            except (ImportError, ValueError) as error:
                raise unusable_proxy(self._end(url)) from error
        return self._client

    def _end(self, url: str) -> End:
        return End(
            where=f"the identity provider {self.issuer}",
            url=url,
            kind="provider",
            name="identity provider",
            voucher="this machine's trust store",
            hint="if that is your company's own, its root belongs into the trust store (or SSL_CERT_FILE)",
            seconds=self._patience,
        )

    def _read(self, response: httpx2.Response) -> bytes:
        content, end = bytearray(), time.monotonic() + _CALL_SECONDS
        for part in response.iter_bytes():
            content += part
            if time.monotonic() > end:
                raise Unavailable(
                    f"the identity provider {self.issuer} took too long to answer",
                    code="provider.timeout",
                    hint=_AGAIN,
                )
            if len(content) > _MAX_BYTES:
                raise Unavailable(
                    f"the identity provider {self.issuer} answers without end", code="provider.size", hint=_AGAIN
                )
        return bytes(content)

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        with self._progress.waiting(f"the identity provider {self.issuer}") if self._progress else _NOTHING:
            yield


_NOTHING = contextlib.nullcontext()


def decode(content: bytes, kind: type[_Answer], issuer: str) -> _Answer:
    """Raises Misconfigured for an answer of another shape."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise Misconfigured(
            f"the identity provider {issuer} does not answer as OpenID Connect says",
            code="provider.answer",
            hint="is a proxy or portal in the way? daypass doctor looks; else tell the CA's operator",
        ) from error


def refused(status: int, said: Refusal, issuer: str) -> DaypassError:
    """What the provider says instead of an answer, by who must act."""
    text = said.text or f"status {status}"
    if status >= 500 or status == 429:
        return Unavailable(f"the identity provider {issuer} has a problem: {text}", code="provider.down", hint=_AGAIN)
    if said.error == "invalid_grant":
        return Denied(
            f"the identity provider took the sign-in back: {text}",
            code="provider.invalid_grant",
            hint="sign in again; if it stays so, your account may have been disabled there",
        )
    return Misconfigured(
        f"the identity provider {issuer} refused the request: {text}",
        code="provider.refused",
        hint="tell the CA's operator: client id, secret and redirect address must fit what the provider knows",
    )


def check_secure(url: str, issuer: str) -> None:
    """https, or http on this very machine, which nobody else can listen to (RFC 8252 section 8.3).

    It is printed on a terminal and handed to a browser's command: RFC 3986's characters and no others, no fragment
    (RFC 6749 section 3.1).
    """
    if not _URL.fullmatch(url):
        raise Misconfigured(
            f"the identity provider {issuer} names an address that is none", code="provider.address", hint=_TELL
        )
    if not (url.startswith("https://") or _LOOPBACK.fullmatch(url)):
        raise Misconfigured(
            f"the identity provider {issuer} asks to be met without TLS", code="provider.tls", hint=_TELL
        )
