"""What a host may have: the names of its join token, or what is left of them at a renewal."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from daypass.ca.bounds import Bounds, span, too_short
from daypass.ca.ports import View
from daypass.ca.reach import glob
from daypass.errors import Denied, Invalid, Unauthenticated
from daypass.hostnames import ADDRESS_LIFETIME, HostNames, address
from daypass.model import Grant, HostFacts, Joining, Renewal, Request, is_host_name
from daypass.wire import CertType

__all__ = ["Machines", "used_up"]


class Machines:
    """`speaks`: what this CA speaks for."""

    def __init__(self, bounds: Bounds, speaks: HostNames) -> None:
        self._bounds, self._speaks = bounds, speaks

    def enrolled(
        self, facts: HostFacts, joins: Joining | None, request: Request, now: int, until: int | None = None
    ) -> Grant:
        """`until`: no certificate by what was shown reaches further."""
        if request.type is not CertType.HOST:
            raise Denied("what was shown is good for a host certificate only", code="policy.kind")
        if joins is not None:
            _require_network(joins)
            _require_fit(facts.name, joins.patterns)
        names = tuple(dict.fromkeys((facts.name, *facts.aliases)))
        for name in names:
            self.require_name(name)
        for each in facts.addresses:
            self.require_address(each)
        bounds = self._bounds
        end = min(span(request, now, bounds.host)[1], now + self._ceiling(facts.addresses))
        end = end if until is None else min(end, until)
        if end - now < bounds.floor:
            raise too_short()
        principals = (*self._speaks.with_short(names), *facts.addresses)
        return Grant(request.type, facts.name, principals, now - bounds.backdate, end, roles=())

    def renewed(self, facts: HostFacts, shown: Renewal, request: Request, view: View, now: int) -> Grant:
        """Never more than the certificate that is shown: of its names those that are the host's still and that this
        CA speaks for, and no longer than it was. Its first name is the host's own; without that there is nothing.
        First labels go with their names, by today's policy."""
        host, bounds = view.host, self._bounds
        if host is None or host.id != shown.host or host.name != facts.name:
            raise Denied(
                f"{facts.name} is no longer the name of the host with this certificate",
                code="policy.host-name",
                hint="enrol it anew: daypass token host NAME",
            )
        self.require_name(host.name)
        known = (name for name in (host.name, *facts.aliases) if name == host.name or name in host.aliases)
        names = tuple(name for name in known if self._speaks.holds(name))
        addresses = tuple(
            each for each in facts.aliases if each in host.addresses and self._speaks.holds_address(each)
        )
        end = now + min(bounds.host, self._ceiling(addresses), shown.length - bounds.backdate)
        if end - now < bounds.floor:
            text = "a certificate this short is not renewed"
            raise Denied(text, code="policy.lifetime", hint="enrol the host anew")
        principals = (*self._speaks.with_short(names), *addresses)
        return Grant(request.type, host.name, principals, now - bounds.backdate, end, roles=())

    def _ceiling(self, addresses: tuple[str, ...]) -> int:
        """Seconds: a certificate with an address lives for a day (trust 5.2)."""
        return min(self._bounds.host_ceiling, ADDRESS_LIFETIME) if addresses else self._bounds.host_ceiling

    def require_name(self, name: str) -> None:
        """Raises Invalid for what is no host name, Denied outside `hosts.domains` (trust 5.2)."""
        if not is_host_name(name):
            raise Invalid(
                f"{name!r} is not a host name", code="policy.host-name", hint="lower case, like web-1.example.com"
            )
        if not self._speaks.holds(name):
            raise Denied(
                f"{name} is outside the domains of this CA ({', '.join(self._speaks.patterns)})",
                code="policy.host-domain",
                hint="add its domain to hosts.domains in daypass.toml",
            )

    def require_address(self, text: str) -> None:
        """Raises Invalid for what is no address in its shortest spelling, Denied outside `hosts.addresses`."""
        if address(text) is None:
            raise Invalid(f"{text!r} is not an address", code="policy.host-address", hint="like 10.0.0.7 or fd00::7")
        if not self._speaks.holds_address(text):
            networks = ", ".join(self._speaks.networks) or "none"
            raise Denied(
                f"{text} is in none of the networks whose addresses are names here ({networks})",
                code="policy.host-address",
                hint="add its network to hosts.addresses in daypass.toml",
            )


def used_up() -> Unauthenticated:
    """The join token was good, and is so no more."""
    return Unauthenticated(
        "this join token was used as often as it may be, or has been revoked",
        code="join.token",
        hint="make a new one on the CA machine: daypass token host NAME",
    )


def _require_network(joins: Joining) -> None:
    if joins.networks and not _is_inside(joins.address, joins.networks):
        raise Denied(
            f"this join token is not for machines at {joins.address or 'an unknown address'}",
            code="join.address",
            hint="the CA sees another address than the token was made for; operator: daypass token host … --from",
        )


def _require_fit(name: str, patterns: tuple[str, ...]) -> None:
    if patterns and not any(glob(pattern).fullmatch(name) for pattern in patterns):
        raise Denied(
            f"this join token is not for {name}, but for {', '.join(patterns)}",
            code="join.name",
            hint="daypass host enroll --name NAME, with one that fits",
        )


def _is_inside(address: str, networks: tuple[str, ...]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in ip_network(each) for each in networks)
