"""A one-time token for a host, by a JSON Web Key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from tests.parts.onetime import jwk_of
from tests.provisioners.kinds import Desk
from tests.provisioners.kinds.jwk import HOLDER, open_jwk

from daypass.config import JwkSection

__all__ = ["open_desk"]


@contextmanager
def open_desk(runner: asyncio.Runner) -> Iterator[Desk]:
    section = JwkSection(name="machines", key=jwk_of(HOLDER), hosts=["*.example.com"])
    yield open_jwk(runner, section, "web-1.example.com", "host")
