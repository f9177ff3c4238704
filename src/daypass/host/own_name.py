"""What this machine calls itself, for a join token that is for several hosts. The CA says whether it may."""

from __future__ import annotations

import socket

from daypass.model import is_host_name

__all__ = ["own_name"]


def own_name() -> str:
    """Its full name as hostname(1) and the resolver have it; empty where that is none."""
    name = socket.gethostname()
    whole = name if "." in name else socket.getfqdn(name)
    plain = whole.rstrip(".").lower()
    return plain if "." in plain and is_host_name(plain) else ""
