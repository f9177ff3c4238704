"""What one value may say: durations, URLs, names.

Each check gives a fault (message, suggestion), or None where the value is good.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from daypass.config.problem import Problem, error, quoted
from daypass.errors import Invalid
from daypass.model import is_host_name, is_host_pattern, parse_duration

__all__ = [
    "ALGORITHMS",
    "Fault",
    "algorithm_faults",
    "database_fault",
    "duration_fault",
    "each",
    "host_fault",
    "host_pattern_fault",
    "issuer_fault",
    "listen_fault",
    "network_fault",
    "path_fault",
    "public_url_fault",
    "said",
    "seconds",
    "sni_fault",
]

Fault = tuple[str, str] | None

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")

_SHORT = re.compile(r"[0-9a-z]{1,12}")  # ASCII, and nothing that int() would choke on
_PRINTABLE = re.compile(r"[!-~]{1,2048}")
_WIDEST = {4: 8, 6: 7}  # prefix lengths of 10.0.0.0/8 and fc00::/7, the widest that one organisation can have
_MAX_SOCKET_PATH = 107  # bytes; sun_path of unix(7) less its NUL


def said(path: str, fault: Fault) -> Iterator[Problem]:
    if fault is not None:
        yield error(path, *fault)


def each(path: str, values: Iterable[str], check: Callable[[str], Fault]) -> Iterator[Problem]:
    """Every value checked on its own, and none of them twice in the list."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        place = f"{path}[{index}]"
        yield from said(place, check(value))
        if value in seen:
            yield error(place, f"{quoted(value)} is listed twice")
        seen.add(value)


def algorithm_faults(names: Iterable[str], path: str) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name not in ALGORITHMS:
            fault = f"{quoted(name)} is not a signature that proves who made it"
            yield error(f"{path}[{index}]", fault, f"any of {', '.join(ALGORITHMS)}")


def seconds(text: str) -> int | None:
    """Seconds of a good duration above zero, else None."""
    if not _SHORT.fullmatch(text):
        return None
    try:
        return parse_duration(text) or None
    except Invalid:
        return None


def duration_fault(text: str) -> Fault:
    if seconds(text) is not None:
        return None
    return f"{quoted(text)} is not a duration above zero", 'write it like "16h", "30d" or "1h30m"'


def path_fault(path: Path, *, socket: bool = False) -> Fault:
    if not path.is_absolute() or "\0" in str(path):
        return f"{quoted(str(path))} is not an absolute path", "start it with /"
    if socket and len(str(path).encode()) > _MAX_SOCKET_PATH:
        return f"is longer than the {_MAX_SOCKET_PATH} bytes that a Unix socket's path may have", ""
    return None


def host_fault(name: str) -> Fault:
    """A host name or an address."""
    if is_host_name(name) or _is_address(name):
        return None
    lower = name.lower()
    suggestion = f"did you mean {quoted(lower)}?" if lower != name and is_host_name(lower) else ""
    return f"{quoted(name)} is not a host name or address", suggestion


def host_pattern_fault(pattern: str) -> Fault:
    """What the host CA may speak for. A pattern wider than one organisation's domain is refused (trust 5.2)."""
    if is_host_pattern(pattern):
        return None
    if pattern in ("*", "*.") or is_host_name(pattern.removeprefix("*.")):
        return f"{quoted(pattern)} would speak for hosts that are not yours", 'name your domain: "*.example.com"'
    if _is_address(pattern):
        return f"{quoted(pattern)} is an address, and addresses change hands", "list host names"
    lower = pattern.lower()
    if lower != pattern and is_host_name(lower.removeprefix("*.")):
        return f"{quoted(pattern)} has capital letters", f"did you mean {quoted(lower)}?"
    if is_host_name(pattern.lstrip(".")):
        return f"{quoted(pattern)} is not a host pattern", f"did you mean {quoted('*.' + pattern.lstrip('.'))}?"
    return f"{quoted(pattern)} is not a host pattern", 'write "*.example.com", or one host\'s full name'


def public_url_fault(url: str) -> Fault:
    """`https://HOST[:PORT]`, nothing more: it is compared, printed and pinned."""
    parts = _split(url)
    if parts is None or not parts.hostname:
        return f"{quoted(url)} is not a URL", "write it like https://ca.example.com"
    if parts.scheme != "https":
        return "must start with https://", f"did you mean {quoted('https://' + parts.netloc)}?"
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc or url.endswith(("?", "#")):
        return "must be https://HOST[:PORT] and nothing more", ""
    return host_fault(parts.hostname)


def sni_fault(url: str, ca_url: str, ca_names: Iterable[str]) -> Fault:
    """Whether a certificate of its own can be chosen for `url`: by a name that no laptop reaches the CA by."""
    here, there = _split(url), _split(ca_url)
    if here is None or there is None or not here.hostname:
        return None
    if here.hostname == there.hostname:
        return "is ca.url's host, where laptops want the CA's own certificate", "give the pages a name of their own"
    if not _is_address(here.hostname) and here.hostname in ca_names:
        return "is one of ca.names, where laptops want the CA's own certificate", "give the pages a name of their own"
    if _is_address(here.hostname):
        return "is an address: browsers say no name there that a certificate could be chosen by", "use a host name"
    return None


def issuer_fault(url: str) -> Fault:
    """OpenID Connect Discovery 1.0 section 3: https, no query, no fragment. Plain http on loopback, for trials."""
    parts = _split(url)
    if parts is None or not parts.hostname or parts.scheme not in ("https", "http"):
        return f"{quoted(url)} is not a URL", "copy the issuer from the provider's discovery document"
    if "@" in parts.netloc:
        return "must not carry a user name or password", ""
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        return "must have no query and no fragment", ""
    if url.endswith("/.well-known/openid-configuration"):
        issuer = url.removesuffix("/.well-known/openid-configuration")
        return "is the discovery document's address, not the issuer", f"did you mean {quoted(issuer)}?"
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        return "must start with https:// (plain http only on loopback)", ""
    return None


def network_fault(text: str) -> Fault:
    """An address, or a network by its first address: a proxy that is wider than meant would speak for others."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        pass
    else:
        if "%" in text:
            return f"{quoted(text)} has a zone", "leave out the % and what follows"
        if network.prefixlen < _WIDEST[network.version]:
            return f"{quoted(text)} is half the internet: anybody is in it", "list networks that are yours"
        return None
    try:
        inside = str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return f"{quoted(text)} is not an address or network", 'write it like "192.0.2.7" or "10.0.0.0/8"'
    return f"{quoted(text)} is an address inside a network", f"did you mean {quoted(inside)}?"


def listen_fault(listen: str) -> Fault:
    """`HOST:PORT`, `[IPV6]:PORT` or `:PORT`; port 0 takes any free one."""
    host, colon, port = listen.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    digits = port.isascii() and port.isdigit() and len(port) <= 5 and int(port) < 65536
    if colon and digits and (not bare or host_fault(bare) is None) and (":" not in bare or bare != host):
        return None
    return f"{quoted(listen)} is not an address to listen on", "write it like 0.0.0.0:8443 or [::]:8443"


def database_fault(url: str) -> Fault:
    """The URL is never shown: it may hold a password."""
    if url.startswith("sqlite:"):
        durable = url.startswith("sqlite:////") and len(url) > len("sqlite:////") and "?" not in url
        return None if durable else ("must name a file by its absolute path", "sqlite:////var/lib/daypass/ca.sqlite")
    if url.startswith(("postgresql://", "postgresql+psycopg://")):
        return None
    return "must start with sqlite:// or postgresql://", "sqlite:////var/lib/daypass/ca.sqlite"


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url) if _PRINTABLE.fullmatch(url) else None
        return parts if parts is None or parts.port != 0 else None
    except ValueError:  # a port that is no number, a bracket that does not close
        return None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
