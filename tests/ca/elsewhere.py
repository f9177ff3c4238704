"""A sign-in on another device: the terminal that asks, and the browser elsewhere."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
import pytest

from daypass.ca.device import DeviceAsk, DeviceAsked, DeviceBegun, DeviceDone, DevicePolled, Devices
from daypass.config import CALLBACK
from daypass.errors import DaypassError, Denied
from daypass.wire import PublicKey
from tests.ca.heart import REDIRECT, Heart, new_key

__all__ = ["HOME", "TERMINAL", "Browser", "Terminal", "begun", "both_refused", "refused", "signed_in", "until"]

TERMINAL, HOME = "192.0.2.7", "203.0.113.5"


@dataclass(slots=True)
class Terminal:
    heart: Heart
    key: PublicKey
    begun: DeviceBegun

    async def poll(self, devices: Devices | None = None) -> DevicePolled:
        """As the terminal does it: not too early."""
        self.heart.clock.later += self.begun.interval
        return await (devices or self.heart.devices).poll(self.begun.device_code)


async def begun(heart: Heart, address: str = TERMINAL, **change: Any) -> Terminal:
    key = new_key()
    ask = DeviceAsk(**{"key": key, "salt": os.urandom(32), "machine": "alice@build-7", **change})
    return Terminal(heart, ask.key, await heart.devices.begin(ask, address))


@dataclass(slots=True)
class Browser:
    """`devices`: those of another CA process, where they are not the heart's own."""

    devices: Devices
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    async def type(self, terminal: Terminal) -> DeviceAsked:
        return await self.devices.typed(terminal.begun.user_code, self.secret, HOME)

    async def say(self, yes: bool) -> str:
        return await self.devices.answer(self.secret, yes) or ""

    async def come_back(self, at: str = "", **fields: str) -> DeviceDone:
        """`at`: behind the address that is registered where the CA has one provider."""
        return await self.devices.callback(self.secret, fields, f"{CALLBACK}{at}")

    async def allow(self, terminal: Terminal, name: str = "alice") -> dict[str, str]:
        """Up to the provider's answer."""
        await self.type(terminal)
        return await at_provider(await self.say(yes=True), name)

    @property
    def state(self) -> str:
        digest = sha256(f"daypass-device-state\0{self.secret}".encode()).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


async def signed_in(heart: Heart, **change: Any) -> tuple[Terminal, Browser, DeviceDone]:
    """One honest sign-in, from start to end."""
    terminal, browser = await begun(heart, **change), Browser(heart.devices)
    at = f"/{change['provider']}" if len(heart.settings.providers) > 1 else ""
    return terminal, browser, await browser.come_back(at, **await browser.allow(terminal))


async def refused(kind: type[DaypassError], act: Awaitable[object], code: str) -> DaypassError:
    with pytest.raises(kind) as caught:
        await act
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert caught.value.hint or caught.value.retry_after
    return caught.value


async def both_refused(
    terminal: Terminal, browser: Browser, fields: dict[str, str], kind: type[DaypassError], code: str
) -> DaypassError:
    """The page and the terminal hear the same, and so does a page that is loaded again."""
    told = await refused(kind, browser.come_back(**fields), code)
    for again in (terminal.poll(), terminal.poll(), browser.come_back(**fields)):
        heard = await refused(Denied, again, code)
        assert (heard.message, heard.hint) == (told.message, told.hint)
    return told


async def until(happened: Callable[[], object]) -> None:
    """Another thread's doing: there is nothing that could be awaited."""
    while not happened():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@contextmanager
def unlogged() -> Iterator[None]:
    """The browser is not on the CA's machine: what it would log is not the CA's."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


async def at_provider(url: str, name: str) -> dict[str, str]:
    """What the provider sends the browser back with; `name` is the password, too, where a form asks for one."""
    with unlogged():
        return await _at_provider(url, name)


async def _at_provider(url: str, name: str) -> dict[str, str]:
    async with httpx2.AsyncClient(trust_env=False) as browser:
        for _ in range(10):
            page = await browser.get(url)
            if page.status_code == 200:
                page = await browser.post(url, data={"username": name, "password": name})
            url = urljoin(url, page.headers["location"])
            if url.startswith(REDIRECT):
                return dict(parse_qsl(urlsplit(url).query))
    raise AssertionError(f"the provider does not come back: {url}")
