"""canaille, an OpenID Provider in Python, as a process on loopback (idps/canaille_serve.py)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts.needs import need
from tests.parts.processes import stop

__all__ = ["Canaille", "run_canaille"]

_SERVE = Path(__file__).parent / "idps/canaille_serve.py"


@dataclass(frozen=True, slots=True)
class Canaille:
    """People are alice (engineers, night-shift) and dave (dba); the password is the name."""

    issuer: str
    client_id: str = "daypass"


@contextmanager
def run_canaille(*redirect_uris: str) -> Iterator[Canaille]:
    """With a client that may be sent back to `redirect_uris`. It ends by itself when this process does."""
    python = need("canaille").with_name("python")
    process = subprocess.Popen(
        [python, _SERVE, *redirect_uris], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        word, _, issuer = process.stdout.readline().decode().strip().partition(" ")
        assert word == "READY", f"canaille did not start: run {python} {_SERVE} by hand to see why"
        yield Canaille(issuer)
    finally:
        stop(process)
