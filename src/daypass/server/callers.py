"""From where a request really comes: its peer, or what a proxy that the operator trusts says.

X-Forwarded-For is a header that anyone can write, so it is read from its end, and only as far as trusted proxies
wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.types import Scope

__all__ = ["UNKNOWN", "Callers"]

UNKNOWN = "unknown"  # the address of a connection that has none

_MAX_HOPS = 32
_Address = IPv4Address | IPv6Address


class Callers:
    """`trusted`: addresses and networks of our proxies, as `pages.trusted_proxies` has them."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = tuple(ip_network(each) for each in trusted)

    def address(self, scope: Scope) -> str:
        """An address in its shortest spelling; UNKNOWN on a connection that has none."""
        found = _parsed(str(scope["client"][0]).partition("%")[0]) if scope.get("client") else None
        if found is None:
            return UNKNOWN
        for hop in _hops(scope) if self._is_ours(found) else ():
            before = _parsed(hop)
            if before is None:
                break
            found = before
            if not self._is_ours(found):
                break
        return str(found)

    def _is_ours(self, address: _Address) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)


def _hops(scope: Scope) -> list[str]:
    """What X-Forwarded-For says, the nearest proxy's word first."""
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return ",".join(lines).split(",")[: -_MAX_HOPS - 1 : -1]


def _parsed(text: str) -> _Address | None:
    """With or without a port: `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]:443`. None for all else.

    For a zone too: Python takes any text of any length for one.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if "%" in text:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
