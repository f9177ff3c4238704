"""OpenSSH's own programs, run with fixed arguments and never through a shell."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from daypass.errors import Misconfigured, Unavailable

__all__ = ["Ran", "find", "run"]

_SYSTEM = "/usr/sbin:/usr/local/sbin:/sbin"  # where root's programs are, also for a PATH that leaves them out


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended."""

    code: int
    out: str
    words: str  # what it said on stderr, on one line


def find(name: str, package: str) -> Path:
    """The absolute path of a program. Misconfigured where it is missing, with the package to install."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM}")
    if found is None:
        raise Misconfigured(f"{name} is not installed", code="host.tool", hint=f"install {package}")
    return Path(found).absolute()


def run(command: Sequence[str | Path], *, seconds: float = 30) -> Ran:
    """Run a program to its end. Unavailable where it can't be started or takes too long."""
    try:
        ended = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=seconds,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]} can't be run: {error}", code="host.tool") from error
    lines = ended.stderr.decode(errors="replace").split("\n")
    words = "; ".join(line.strip() for line in lines if line.strip())
    return Ran(ended.returncode, ended.stdout.decode(errors="replace"), words)
