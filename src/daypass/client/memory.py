"""What a private key in memory asks of the process."""

from __future__ import annotations

import contextlib
import sys

__all__ = ["protect"]

_PR_SET_DUMPABLE = 4


def protect() -> None:
    """No core dump and no debugger of the same user while a private key is in memory (prctl(2))."""
    if sys.platform == "win32":
        return
    import resource

    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
