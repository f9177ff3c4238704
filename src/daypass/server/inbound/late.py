"""SCIM's library is an extra, and half a second to import: it is taken in once a directory calls."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from daypass.errors import DaypassError
from daypass.server.endpoint import not_found
from daypass.server.ports import Heart

__all__ = ["SCIM", "LateScim"]

SCIM: Final = "/scim/v2"


class LateScim:
    """ASGI. Where no provider has a directory, or the extra is not there, there is nothing at these paths."""

    def __init__(self, heart: Heart) -> None:
        self._heart = heart
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = await self._made() if self._app is None and self._wanted() else self._app
        await (app or not_found)(scope, receive, send)

    def _wanted(self) -> bool:
        try:
            return bool(self._heart.directory.providers)
        except DaypassError:  # nothing is in force
            return False

    async def _made(self) -> ASGIApp | None:
        try:
            module = await asyncio.to_thread(import_module, "daypass.server.inbound.scim")
        except ModuleNotFoundError:
            return None
        self._app = self._app or module.Scim(self._heart)
        return self._app
