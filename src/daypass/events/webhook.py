"""Webhooks by Standard Webhooks 1.0 (https://www.standardwebhooks.com): a POST for each event, in order.

Body: {"type": act, "timestamp": RFC 3339, "severity": …, "seq": number in the ledger, "data": the entry}. Headers:
webhook-id (the same at every try), webhook-timestamp (unix seconds of this try), and webhook-signature, which is
"v1," and base64 of HMAC-SHA256 over `id.timestamp.body`.

The address is the configuration's, never an answer's: no redirect is followed, https only (plain http on loopback),
no proxy and no cookie. Of an answer only the status is read. Neither the secret nor more of the address than its host
is ever in a message: many receivers know their senders by the path.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import msgspec

from daypass import __version__
from daypass.ca.event_ports import Event
from daypass.errors import Misconfigured, Unavailable
from daypass.events.sizes import fitting
from daypass.times import utc

__all__ = ["MOST", "Webhook", "read_secret", "signature"]

MOST = 16 * 1024  # bytes of an entry; the specification asks for less than 20 kB in all
CONNECT, TOTAL = 5, 8  # seconds
LEAST_SECRET, MOST_SECRET = 24, 64  # bytes
_PREFIX = "whsec_"


class Webhook:
    def __init__(
        self,
        url: str,
        secret: bytes,
        *,
        roots: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`roots`: PEM of who may vouch for the receiver, instead of the system's. Raises Misconfigured."""
        self._url, self._secret, self._clock = url, secret, clock
        self._host = urlsplit(url).hostname or ""
        limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1)
        timeout = httpx2.Timeout(TOTAL, connect=CONNECT)
        self._http = httpx2.AsyncClient(
            timeout=timeout, limits=limits, verify=_context(roots), trust_env=False, follow_redirects=False
        )

    async def send(self, event: Event) -> None:
        body = _body(event)
        now = int(self._clock())
        headers = {
            "content-type": "application/json",
            "user-agent": f"daypass/{__version__}",
            "webhook-id": event.id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(self._secret, event.id, now, body),
        }
        try:
            async with self._http.stream("POST", self._url, content=body, headers=headers) as answer:
                self._judge(answer)
        except (httpx2.HTTPError, OSError) as error:
            raise _failed(f"{self._host} can't be reached: {_reason(error)}") from error
        finally:
            self._http.cookies.clear()

    def _judge(self, answer: httpx2.Response) -> None:
        if answer.is_success:
            return
        after = answer.headers.get("retry-after", "")
        asked = int(after) if after.isascii() and after.isdigit() and len(after) < 9 else None
        raise _failed(f"{self._host} answered with status {answer.status_code}", asked)

    async def settle(self) -> None:
        """An answer was had for each."""

    async def close(self) -> None:
        await self._http.aclose()


def signature(secret: bytes, message_id: str, at: int, body: bytes) -> str:
    """Standard Webhooks, "Signature scheme"."""
    signed = hmac.new(secret, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def read_secret(path: Path) -> bytes:
    """`whsec_` and base64 of 24 to 64 bytes, in a file that only its owner can read. Raises Misconfigured."""
    hint = f"(umask 077; echo whsec_$(openssl rand -base64 32) > {path})"
    try:
        mode, text = path.stat().st_mode, path.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise Misconfigured(f"the secret {path} can't be read", code="events.secret", hint=hint) from error
    if mode & 0o077:
        raise Misconfigured(f"others can read {path}", code="events.secret", hint=f"chmod 600 {path}")
    try:
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not text.startswith(_PREFIX) or not LEAST_SECRET <= len(secret) <= MOST_SECRET:
        fault = f"{path} holds no secret: {_PREFIX} and base64 of {LEAST_SECRET} to {MOST_SECRET} bytes"
        raise Misconfigured(fault, code="events.secret", hint=hint)
    return secret


def _body(event: Event) -> bytes:
    told = {
        "type": event.act,
        "timestamp": utc(event.time),
        "severity": event.severity.word,
        "seq": event.seq,
        "data": msgspec.Raw(fitting(event, MOST)),
    }
    return msgspec.json.encode(told)


def _context(roots: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=roots)
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{roots} holds no certificates in PEM", code="events.roots") from error


def _reason(error: Exception) -> str:
    """Without the address, which some libraries put into what they say."""
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its certificate is not one to believe"
    if isinstance(error, httpx2.TimeoutException):
        return "it has not answered in time"
    if isinstance(error, httpx2.ConnectError):
        found = next((each for each in _causes(error) if isinstance(each, socket.gaierror)), None)
        return "nobody there listens, or the way is closed" if found is None else "its name is not known"
    return type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _failed(message: str, after: int | None = None) -> Unavailable:
    return Unavailable(message, code="events.webhook", retry_after=after)
