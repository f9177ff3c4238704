"""Where the CA may be sent by whoever asks it to connect somewhere: a name, looked up once, and every one of its
addresses judged (CWE-918).

An address passes where one of the operator's networks holds it. What is never another machine of theirs (loopback,
link-local with the clouds' metadata services, multicast) and the CA's own addresses pass only where a network is
listed that holds nothing else.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from daypass.errors import Denied, Unavailable
from daypass.network import lookup

__all__ = ["METADATA", "MOST", "Lookup", "reachable"]

MOST = 4  # addresses of one name
LOOKUP_SECONDS = 5.0
METADATA = frozenset(map(ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16")))
"""The clouds' own services at addresses that are not link-local: AWS, Google, Alibaba, Azure."""

Lookup = Callable[[str, float], Sequence[str]]
_pool = ThreadPoolExecutor(4, "daypass-lookup")  # of its own: names that hang keep nothing else waiting
_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


async def reachable(where: str, networks: Sequence[str], look: Lookup = lookup) -> tuple[str, ...]:
    """The addresses of `where`, a name or an address, all of which are inside `networks`.

    Raises Denied where one is not, or there are more than MOST, and Unavailable where the name can't be looked up.
    """
    try:
        found = await asyncio.get_running_loop().run_in_executor(_pool, look, where, LOOKUP_SECONDS)
    except (OSError, UnicodeError) as error:
        hint = "give it an address in DNS, as the CA sees it, and try again"
        raise Unavailable(
            f"{where} has no address that this CA can look up", code="port22.name", hint=hint
        ) from error
    addresses = tuple(dict.fromkeys(map(_plain, found)))
    held = tuple(ip_network(each) for each in networks)
    if not 0 < len(addresses) <= MOST or not all(_may(each, held) for each in addresses):
        hint = "operator: networks in daypass.toml lists where the CA connects to"
        raise Denied(f"{where} is not where this CA may connect to", code="port22.network", hint=hint)
    return tuple(map(str, addresses))


def _plain(text: str) -> _Address:
    """::ffff:10.0.0.7 is 10.0.0.7; a scope (fe80::1%eth0) makes it link-local all the same."""
    found = ip_address(text.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _may(address: _Address, networks: Sequence[_Network]) -> bool:
    holding = [each for each in networks if address in each]
    if address.is_multicast or address.is_unspecified or address.is_reserved or address in METADATA:
        return False
    if address.is_loopback:
        return any(each.is_loopback for each in holding)
    if address.is_link_local:
        return any(each.is_link_local for each in holding)
    if _is_own(address):
        return any(each.prefixlen == each.max_prefixlen for each in holding)
    return bool(holding)


def _is_own(address: _Address) -> bool:
    """Whether it is this machine's: no other address can be bound to."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
