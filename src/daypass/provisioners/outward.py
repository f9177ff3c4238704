"""Where a provider's own words may send the CA: out, or to where the provider itself is, and nowhere else.

A discovery document names further addresses. They are https (`is_safe_url`) and no redirect is followed; but a name
in it may be that of a machine inside (or of a metadata service), so one that is not the issuer's host is looked up
first. What can't be looked up is left to the proxy, if there is one. A name that answers differently a moment later
gets a TLS hello and nothing more: the request comes after the server's certificate.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from daypass.errors import Invalid
from daypass.provisioners.addresses import METADATA

__all__ = ["require_outward"]

Address = IPv4Address | IPv6Address
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


async def require_outward(url: str, issuer: str) -> None:
    """Raises Invalid for an address inside that is not the issuer's: only an issuer that is inside itself may name
    one, and nobody one of link-local, loopback or multicast."""
    here, there = _host(issuer), _host(url)
    if here == there:
        return
    found = await _addresses(there)
    if any(_is_nobodys(each) for each in found):
        raise _inside(url)
    if not all(each.is_global for each in found) and all(each.is_global for each in await _addresses(here)):
        raise _inside(url)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")


async def _addresses(host: str) -> tuple[Address, ...]:
    try:
        return (_plain(ip_address(host)),)
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(_read(str(sockaddr[0]) for *_, sockaddr in found))


def _read(texts: Iterable[str]) -> Iterable[Address]:
    for text in dict.fromkeys(texts):
        yield _plain(ip_address(text.partition("%")[0]))


def _plain(address: Address) -> Address:
    """The IPv4 address that one of IPv6 stands for."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_nobodys(address: Address) -> bool:
    special = address.is_link_local or address.is_loopback or address.is_multicast or address.is_unspecified
    return special or address in METADATA


def _inside(url: str) -> Invalid:
    return Invalid(f"it names {url:.200}, which leads to a place inside that is not its own", code="oidc.inside")
