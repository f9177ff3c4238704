"""When a host's certificates are renewed: at two thirds of their time, each host a little later than the others.

The moment is the host's own and the same after every restart. Hosts that were enrolled in the same minute come back
spread over a twentieth of the lifetime.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from daypass.host.state import State

__all__ = ["next_renewal", "renew_due"]

_DUE, _SPREAD = 2 / 3, 1 / 20  # of a certificate's time


def next_renewal(state: State) -> float:
    """When the first of them is due, in unix seconds; infinite for a host that has none."""
    return min(
        (_due(state, each.begins, each.expires, each.serial) for each in state.certificates), default=float("inf")
    )


def renew_due(state: State, now: float) -> bool:
    """Whether it is time. One that has ended is due too: the CA decides what it still may have; so is a lost one."""
    lost = any(not Path(each.path).is_file() for each in state.certificates)
    return lost or next_renewal(state) <= now


def _due(state: State, begins: int, expires: int, serial: int) -> float:
    """A certificate of which nothing but its end is known is due at once."""
    life = max(0, expires - begins)
    own = int.from_bytes(sha256(f"{state.host_id}\0{serial}".encode()).digest()[:4], "big") / 2**32
    return begins + life * (_DUE + own * _SPREAD)
