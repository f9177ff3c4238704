"""One sign-in on another device, played: what HTTP makes of each answer is tested with it.

The real `ca.device.Devices` is behind the routes in test_device_company.py.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from tests.parts.processes import free_port
from tests.server.kit import Double, Root, Running, public_info, running

from daypass.ca.device import DeviceAsk, DeviceAsked, DeviceBegun, DeviceDone, DevicePolled, Progress
from daypass.errors import Conflict, DaypassError, NotFound
from daypass.model import Issued

__all__ = ["CODE", "OTHER", "PagesServer", "Played", "asked", "run_pages", "shown", "submit"]

CODE, OTHER = CODES = ("BCDF-GHJK", "LMNP-QRST")
ISSUED = Issued(1, b"the-certificate", b"key", ("role:engineers:alice",), 0, 2_000_000_000)


def asked(**changes: Any) -> DeviceAsked:
    facts: dict[str, Any] = {
        "machine": "alice@build-7",
        "address": "203.0.113.9",
        "fingerprint": "SHA256:8iPlPcIfwSDZvBeKVTt/3feJFYk8dbO3cStMrU7bKbE",
        "provider": "id.example.com",
        "lifetime": None,
        "started_at": int(time.time()) - 90,
    }
    return DeviceAsked(**(facts | changes))


@dataclass
class Played:
    """Takes any of CODES, one per browser. `fail` is raised by the method of that name; `did` is what was called."""

    what: DeviceAsked = field(default_factory=asked)
    url: str = "https://id.example.com/authorize?state=s"
    done: DeviceDone = field(default_factory=lambda: DeviceDone("alice", int(time.time()) + 57600, "alice@build-7"))
    polled: DevicePolled = field(default_factory=lambda: DevicePolled(Progress.WAITING))
    fail: dict[str, DaypassError] = field(default_factory=dict)
    did: list[tuple[Any, ...]] = field(default_factory=list)
    bound: dict[str, str] = field(default_factory=dict)  # browser -> code

    def _note(self, name: str, *facts: Any) -> None:
        self.did.append((name, *facts))
        if name in self.fail:
            raise self.fail[name]

    async def begin(self, ask: DeviceAsk, address: str) -> DeviceBegun:
        self._note("begin", ask, address)
        return DeviceBegun("device-code", CODE, 5, 600)

    async def poll(self, device_code: str) -> DevicePolled:
        self._note("poll", device_code)
        return self.polled

    async def typed(self, user_code: str, browser: str, address: str) -> DeviceAsked:
        self._note("typed", user_code, browser, address)
        if user_code.upper() not in CODES:
            raise NotFound(
                "this code is not known, or was used or has expired", code="device.code", hint="compare it"
            )
        if self.bound.setdefault(browser, user_code) != user_code:
            raise Conflict("this browser is busy with another sign-in", code="device.browser")
        return self.what

    async def answer(self, browser: str, yes: bool) -> str | None:
        self._note("answer", browser, yes)
        return self.url if yes else None

    async def callback(self, browser: str, fields: Mapping[str, str], path: str) -> DeviceDone:
        self._note("callback", browser, dict(fields), path)
        return self.done


@dataclass
class PagesServer:
    server: Running
    played: Played
    url: str  # the pages' origin

    def play(self, **changes: Any) -> Played:
        """A fresh sign-in."""
        vars(self.played).update(vars(Played(**changes)))
        return self.played


@contextmanager
def run_pages(proxies: tuple[str, ...] = ()) -> Iterator[PagesServer]:
    """The real server with pages at https://localhost:PORT."""
    port, root, played = free_port(), Root(), Played()
    url = f"https://localhost:{port}"
    info = public_info(root, pages_url=url, trusted_proxies=proxies)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "s", Double(devices=played), root=root, info=info, port=port) as server,
    ):
        yield PagesServer(server, played, url)


def submit(pages: PagesServer, guest: httpx2.Client, path: str, **fields: str) -> httpx2.Response:
    """A form as a browser sends it."""
    return guest.post(path, data=fields, headers={"origin": pages.url, "sec-fetch-site": "same-origin"})


def shown(pages: PagesServer, guest: httpx2.Client, code: str = CODE) -> str:
    """Types the code; gives the hidden field of the page that asks."""
    guest.get("/device")
    sent = submit(pages, guest, "/device", code=code)
    assert (sent.status_code, sent.headers["location"]) == (303, "/device/ask"), sent.text
    answer = guest.get("/device/ask")
    assert answer.status_code == 200, answer.text
    found = re.search(r'name="request" value="([0-9a-f]{64})"', answer.text)
    assert found
    return found[1]
