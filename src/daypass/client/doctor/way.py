"""The way to the CA and to the identity providers: names, proxies, TLS, clocks, and who else answers on it."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from daypass.api import CaInfo, OidcLogin
from daypass.client.doctor.report import Finding, note, ok, problem
from daypass.client.doctor.vouching import voucher
from daypass.client.signin.idp import Idp
from daypass.client.signin.oidc import discover
from daypass.client.trust import Membership
from daypass.network import LOOKUP_SECONDS, lookup, proxy_for, within
from daypass.stranger import meet

__all__ = [
    "Answer",
    "ask_ca",
    "ca",
    "clock",
    "names",
    "portals",
    "provider",
    "proxies",
    "stranger",
    "unverified_clock",
]

CLOCK_SLACK: Final = 30  # seconds that a clock may be off
_SECONDS = 6.0  # for each step
_VARIABLES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_ODD = (
    ("0.0.0.0/8", "a name server that blocks names answers so"),
    ("127.0.0.0/8", "that is this machine"),
    ("::1/128", "that is this machine"),
    ("169.254.0.0/16", "no address of a real host"),
    ("192.0.2.0/24", "captive portals answer so"),
    ("198.18.0.0/15", "a VPN or filter on this machine answers so"),
    ("2001:db8::/32", "no address of a real host"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the CA says of itself, and the local times (unix seconds) before and after."""

    info: CaInfo
    before: float
    after: float


def ask_ca(membership: Membership) -> Answer:
    with membership.remote() as remote:
        remote.health()  # the connection is made, so what follows takes one round trip
        before = time.time()
        return Answer(remote.ca(), before, time.time())


def names(host: str) -> Iterator[Finding]:
    """Both families, and answers that no honest name server gives."""
    with contextlib.suppress(ValueError):
        yield ok(f"{host} is an address already: IPv{ip_address(host).version}")
        return
    found, began = dict[str, tuple[str, ...]](), time.monotonic()
    for kind, family in (("IPv4", socket.AF_INET), ("IPv6", socket.AF_INET6)):
        try:
            found[kind] = lookup(host, LOOKUP_SECONDS, family)
        except TimeoutError:
            yield problem(f"no name server answers for {host} ({kind})", "check that this machine is online; VPN?")
            return
        except (OSError, UnicodeError):
            found[kind] = ()
    addresses = (*found["IPv4"], *found["IPv6"])
    if not addresses:
        yield problem(f"the name {host} is not known here", "check the spelling, and whether you are on the VPN")
        return
    missing = "".join(f"; no {kind}" for kind, each in found.items() if not each)
    took = f"{(time.monotonic() - began) * 1000:.0f} ms"
    yield ok(f"{host} is {', '.join(addresses)}{missing} ({took})")
    if host != "localhost":
        yield from (_odd(host, each) for each in addresses if _reason(each))


def _odd(host: str, address: str) -> Finding:
    return problem(f"{host} should hardly be {address}: {_reason(address)}", "see who answers: getent ahosts " + host)


def _reason(address: str) -> str:
    plain = ip_address(address.partition("%")[0])
    return next(
        (why for net, why in _ODD if plain.version == ip_network(net).version and plain in ip_network(net)), ""
    )


def proxies(urls: dict[str, str]) -> Iterator[Finding]:
    """`urls`: whom we call -> where. Which of them go through which proxy, and whether it is there."""
    seen = [name for name in _VARIABLES if os.environ.get(name)]
    if not seen and not any(proxy_for(url) for url in urls.values()):
        yield ok("no proxy is set")
        return
    exempt = next((os.environ[name] for name in ("no_proxy", "NO_PROXY") if os.environ.get(name)), "")
    yield ok(
        f"set: {', '.join(seen) or 'by the system'}; NO_PROXY is {exempt[:200]!r}"
        if exempt
        else f"set: {', '.join(seen)}"
    )
    if len({os.environ.get(name) for name in ("https_proxy", "HTTPS_PROXY") if os.environ.get(name)}) > 1:
        yield note("https_proxy and HTTPS_PROXY differ; the one in lower case counts", "unset one of them")
    reached = dict[str, bool]()
    for who, url in urls.items():
        proxy = proxy_for(url)
        if proxy is None:
            yield ok(f"{who} is reached directly")
        elif reached.setdefault(str(proxy), _answers(proxy.host, proxy.port)):
            yield ok(f"{who} is reached through {proxy} ({proxy.source})")
        else:
            hint = f"check {proxy.source}; to go without it: NO_PROXY={urlsplit(url).hostname}"
            yield problem(f"the proxy {proxy}, through which {who} is reached, does not answer", hint)


def _answers(host: str, port: int) -> bool:
    def connect() -> bool:
        with socket.create_connection((host, port), _SECONDS):
            return True

    try:
        return within(_SECONDS + LOOKUP_SECONDS, connect)
    except (OSError, UnicodeError):
        return False


def ca(membership: Membership, answer: Answer) -> Iterator[Finding]:
    """It answered: its certificate was vouched for by the pinned root."""
    took = f"{(answer.after - answer.before) * 1000:.0f} ms"
    yield ok(f"{membership.url} answers ({took}), vouched for by the pinned root")
    if answer.info.ca_id != membership.trust.ca_id:
        yield problem(
            "the CA says it is another one than was joined", "ask its operator; do not go on before you know"
        )


def stranger(membership: Membership) -> Iterator[Finding]:
    """Where the pinned root did not vouch: who it was, in full."""
    found = meet(membership.url, _SECONDS)
    if found is not None and found.fingerprint:
        text = f"what answers there shows a certificate for {found.subject or 'no name'}, signed by {found.issuer}"
        yield note(f"{text}; SHA-256 {found.fingerprint}", "show this line to whoever looks after your network")


def portals(host: str) -> Iterator[Finding]:
    """A network that wants a sign-in first answers for every host at port 80; a CA does not live there."""
    url = f"http://[{host}]/" if ":" in host else f"http://{host}/"
    found = meet(url, _SECONDS)
    target = urlsplit(found.portal).hostname if found is not None else None
    if found is None or not found.portal or target in (None, host):
        yield ok("no sign-in page of the network in the way")
        return
    hint = f"open {found.portal} in a browser; then try again"
    yield note(f"{url} leads to {target}: the network may want you to sign in to it first", hint)


def clock(answer: Answer) -> Iterator[Finding]:
    """Certificates are good by the clock: 30 s off and a fresh one may be from the future."""
    middle = (answer.before + answer.after) / 2
    behind = answer.info.time + 0.5 - middle  # it sends whole seconds
    if abs(behind) <= CLOCK_SLACK:
        yield ok(f"this machine's clock and the CA's are {abs(behind):.0f} s apart")
        return
    side = "behind" if behind > 0 else "ahead of"
    yield problem(f"this machine's clock is {abs(behind):.0f} s {side} the CA's", _set_clock())


def unverified_clock(membership: Membership, now: float) -> Iterator[Finding]:
    """Where TLS failed: by the Date of whoever answered, which proves nothing."""
    found = meet(membership.url, _SECONDS)
    with contextlib.suppress(ValueError, TypeError):
        date = parsedate_to_datetime(found.date).timestamp() if found is not None else now
        if abs(date - now) > CLOCK_SLACK:
            side = "behind" if date > now else "ahead of"
            yield problem(f"this machine's clock seems {abs(date - now):.0f} s {side} the others'", _set_clock())


def _set_clock() -> str:
    return {"darwin": "sudo sntp -sS time.apple.com", "win32": "w32tm /resync"}.get(
        sys.platform, "sudo timedatectl set-ntp true"
    )


def provider(login: OidcLogin) -> Iterator[Finding]:
    """It describes itself, and by whose word it is believed."""
    began = time.monotonic()
    with Idp(login.issuer, _SECONDS) as idp:
        found = discover(login, idp)
    took = f"{(time.monotonic() - began) * 1000:.0f} ms"
    by = voucher(found.token_endpoint, _SECONDS)
    yield ok(
        f"{login.issuer} answers ({took})" + (f", vouched for by {by} of this machine's trust store" if by else "")
    )
