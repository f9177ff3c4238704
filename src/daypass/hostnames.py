"""What a host CA may speak for: names under its patterns, first labels of one domain, addresses (trust 5.2).

The CA goes by what its policy says, laptops by what the offline root has signed; both ask here.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from msgspec import Struct

from daypass.model import host_pattern_matches, is_host_name

__all__ = ["ADDRESS_LIFETIME", "HostNames", "address", "network", "network_holds"]

ADDRESS_LIFETIME = 86400  # seconds that a certificate with an address lives at most: addresses change hands
WIDEST = {4: 8, 6: 7}  # prefix lengths of 10.0.0.0/8 and fc00::/7, the widest that one organisation can have


class HostNames(Struct, frozen=True):
    """`short_domain`: hosts directly in it go by their first label, too; empty: none does."""

    patterns: tuple[str, ...] = ()
    short_domain: str = ""
    networks: tuple[str, ...] = ()

    def holds(self, name: str) -> bool:
        """A host's whole name."""
        return is_host_name(name) and any(host_pattern_matches(pattern, name) for pattern in self.patterns)

    def holds_address(self, text: str) -> bool:
        """Written as ssh's users would: `10.0.0.7`, `fd00::7`."""
        found = address(text)
        inside = (network(each) for each in self.networks)
        return found is not None and any(each is not None and found in each for each in inside)

    def short(self, name: str) -> str:
        """`web-1` for `web-1.example.com` where that is directly in the short domain; else empty."""
        label, _, rest = name.partition(".")
        return label if self.short_domain and rest == self.short_domain and is_host_name(label) else ""

    def with_short(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """And behind them the first labels that are theirs, each once."""
        return tuple(dict.fromkeys((*names, *filter(None, map(self.short, names)))))

    def admits(self, name: str, beside: frozenset[str]) -> bool:
        """Whether it may be a principal of a certificate with all of these: first labels only beside their names."""
        whole = f"{name}.{self.short_domain}"
        if whole in beside and self.short(whole) == name and self.holds(whole):
            return True
        return self.holds(name) or self.holds_address(name)


def address(text: str) -> IPv4Address | IPv6Address | None:
    """None for what is no address, or another spelling of one: a certificate's names are compared as text."""
    if ":" not in text and text.strip("0123456789."):
        return None  # said at once: lists have ten thousands of names
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found if str(found) == text and "%" not in text else None


@lru_cache(maxsize=1024)
def network(text: str) -> IPv4Network | IPv6Network | None:
    """None for what is no network by its first address, or one wider than a single organisation's."""
    try:
        found = ip_network(text)
    except ValueError:
        return None
    return found if found.prefixlen >= WIDEST[found.version] and "%" not in text else None


def network_holds(outer: str, inner: str) -> bool:
    wide, narrow = network(outer), network(inner)
    if isinstance(wide, IPv4Network) and isinstance(narrow, IPv4Network):
        return narrow.subnet_of(wide)
    return isinstance(wide, IPv6Network) and isinstance(narrow, IPv6Network) and narrow.subnet_of(wide)
