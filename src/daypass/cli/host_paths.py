"""Where `daypass host` works: this machine, for root alone, or below a folder."""

from __future__ import annotations

import os
from pathlib import Path

from daypass.errors import Misconfigured
from daypass.host.settings import Paths

__all__ = ["paths_below"]


def paths_below(root: Path) -> Paths:
    if root == Path("/") and os.geteuid() != 0:
        raise Misconfigured("a server's certificates are root's business", code="host.root", hint="run it with sudo")
    return Paths(root.absolute())
