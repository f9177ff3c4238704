"""A stream of security events that is polled (RFC 8936)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx2
import msgspec

from daypass.ca.inbound_ports import Told
from daypass.config import SignalsSection
from daypass.errors import DaypassError, Invalid, Unavailable
from daypass.provisioners.discovery import CONNECT_TIMEOUT
from daypass.provisioners.jose import MAX_TOKEN, parse_object

__all__ = ["PolledFeed"]

MOST = 50  # SETs in one answer
WAIT = 60  # seconds an answer may take: the transmitter keeps the question until there is something
_MAX_ANSWER = (MOST + 1) * MAX_TOKEN
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]{1,8192}=*")  # RFC 6750 section 2.1
_FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError, OSError, Invalid)


class PolledFeed:
    def __init__(self, name: str, signals: SignalsSection, http: httpx2.AsyncClient) -> None:
        self._name, self._signals, self._http = name, signals, http

    async def poll(self, done: Sequence[str], refused: Mapping[str, tuple[str, str]]) -> Told:
        """An answer that does not come in time is one without events."""
        asked: dict[str, object] = {"maxEvents": MOST, "returnImmediately": False, "ack": list(done)}
        if refused:
            told = {jti: {"err": err, "description": text} for jti, (err, text) in refused.items()}
            asked["setErrs"] = told
        try:
            async with asyncio.timeout(WAIT + CONNECT_TIMEOUT):
                return _told(await self._ask(msgspec.json.encode(asked)))
        except (httpx2.ReadTimeout, TimeoutError):
            return Told({})
        except _FAILURES as error:
            said = error.message if isinstance(error, DaypassError) else type(error).__name__
            raise Unavailable(f"the events of {self._name} can't be polled: {said}", code="signal.poll") from None

    async def _ask(self, body: bytes) -> Mapping[str, object]:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "Authorization": f"Bearer {await asyncio.to_thread(self._token)}",
        }
        timeout = httpx2.Timeout(WAIT, connect=CONNECT_TIMEOUT)
        url = self._signals.poll_url
        async with self._http.stream(
            "POST", url, content=body, headers=headers, timeout=timeout, follow_redirects=False
        ) as response:
            if response.status_code != 200:
                raise Invalid(f"it answered with status {response.status_code}", code="signal.poll")
            return parse_object(await _read(response))

    def _token(self) -> str:
        """Read each time: it may be replaced. Never in a message."""
        path = Path(self._signals.poll_token_file)
        try:
            text = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"its token can't be read: {type(error).__name__}", code="signal.token") from None
        if not _BEARER.fullmatch(text):
            raise Invalid(f"{path} holds no bearer token", code="signal.token")
        return text


async def _read(response: httpx2.Response) -> bytes:
    if "content-encoding" in response.headers:
        raise Invalid("it answered in an encoding that was not asked for", code="signal.poll")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _MAX_ANSWER:
            raise Invalid(f"it sent more than {_MAX_ANSWER} bytes", code="signal.poll")
    return bytes(body)


def _told(answer: Mapping[str, object]) -> Told:
    sets, more = answer.get("sets", {}), answer.get("moreAvailable") is True
    if not isinstance(sets, dict) or not all(isinstance(each, str) for each in sets.values()):
        raise Invalid("its answer has no sets", code="signal.poll")
    return Told(sets, more)
