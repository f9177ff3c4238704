"""What a host says of itself. It admits nobody: it stands in lists, and shows copies of a disk."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from daypass import __version__
from daypass.api import HostSelf
from daypass.errors import DaypassError
from daypass.host import tools
from daypass.host.breakglass import opens
from daypass.host.machine import machine_of
from daypass.host.settings import Paths
from daypass.host.state import State
from daypass.wire import Certificate

__all__ = ["about"]

_MOST = 120  # characters of a version


def about(paths: Paths, state: State) -> HostSelf:
    return HostSelf(
        agent=f"daypass {__version__}",
        openssh=_openssh(),
        machine=machine_of(paths, state.ca_id),
        expires=state.expires,
        krl_version=state.krl_version,
        since=state.heard_at,
        break_glass=sorted(opens(paths)),
        keys=[key for each in state.certificates if (key := _key(Path(each.path)))],
    )


def _key(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError, DaypassError):
        return Certificate.from_line(path.read_text(encoding="ascii")).public_key.fingerprint
    return ""


def _openssh() -> str:
    """`OpenSSH_9.2p1 Debian-2+deb12u3`. ssh and sshd are of one source; the older sshd tell no version."""
    with suppress(DaypassError, OSError):
        program = tools.find("ssh", "openssh-client")
        return _version(program, program.stat().st_mtime_ns)
    return ""


@lru_cache(maxsize=1)
def _version(program: Path, _changed: int) -> str:
    return tools.run([program, "-V"]).words.partition(",")[0][:_MOST]
