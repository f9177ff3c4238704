"""The network between here and a CA or a provider: names that never answer, and proxies.

httpx2 decides which proxy is used (HTTPS_PROXY, NO_PROXY, the system's settings); `proxy_for` says the same for
people, and never a proxy's password. getaddrinfo(3) has no time-out and minutes of patience, so a thread asks it.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit

__all__ = ["LOOKUP_SECONDS", "Proxy", "await_name", "lookup", "plain", "proxy_for", "within"]

LOOKUP_SECONDS: Final = 8.0
"""What a name may take: glibc asks the next name server after 5 s."""

_Result = TypeVar("_Result")


def within(seconds: float, function: Callable[[], _Result]) -> _Result:
    """What `function` returns or raises; TimeoutError where it takes longer. Then its thread is left behind."""
    results: list[_Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    for error in errors:
        raise error
    if not results:
        raise TimeoutError(f"not within {seconds:g} s")
    return results[0]


def lookup(host: str, seconds: float = LOOKUP_SECONDS, family: int = 0) -> tuple[str, ...]:
    """Addresses of a name, in the order they are tried. Raises TimeoutError, or socket.gaierror as it came."""
    found = within(seconds, lambda: socket.getaddrinfo(host, 443, family, socket.SOCK_STREAM))
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))


def await_name(url: str, seconds: float = LOOKUP_SECONDS) -> None:
    """TimeoutError where the name that must be known first, the proxy's or the host's, is never answered for.

    Every other trouble with it is left to whoever connects next, and says more.
    """
    proxy = proxy_for(url)
    host = proxy.host if proxy else urlsplit(url).hostname or ""
    if host == "localhost" or _is_address(host):
        return
    try:
        lookup(host, seconds)
    except TimeoutError:
        raise
    except (OSError, UnicodeError):
        return


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy as people know it: without its password. `source` is the variable it stands in."""

    scheme: str
    host: str
    port: int
    source: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def proxy_for(url: str) -> Proxy | None:
    """The proxy that `url` is reached through; None where it is reached directly, or the proxy can't be read."""
    from urllib.request import getproxies

    target, proxies = urlsplit(url), getproxies()
    name = next((each for each in (target.scheme, "all") if proxies.get(each)), None)
    if name is None or any(_is_exempt(each.strip(), target) for each in proxies.get("no", "").split(",")):
        return None
    value = proxies[name] if "://" in proxies[name] else f"http://{proxies[name]}"
    try:
        parts = urlsplit(value)
        port = parts.port or {"https": 443, "socks5": 1080, "socks5h": 1080}.get(parts.scheme, 80)
    except ValueError:
        return None
    return Proxy(parts.scheme, parts.hostname or "", port, _source(name))


def _source(name: str) -> str:
    spellings = (f"{name}_proxy", f"{name.upper()}_PROXY")
    return next((each for each in spellings if os.environ.get(each)), "the system's settings")


def _is_exempt(entry: str, target: SplitResult) -> bool:
    """One entry of NO_PROXY: *, an address, a network, localhost, a name with all below it, .name: those below it."""
    host = target.hostname or ""
    if not entry or entry == "*":
        return entry == "*"
    try:
        network = ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return _is_name_exempt(entry.lower(), target)
    return _is_address(host) and ip_address(host) in network


def _is_name_exempt(entry: str, target: SplitResult) -> bool:
    """`name:443` exempts nothing at the ordinary port: to httpx2 a URL without a port has none."""
    host, (name, _, port) = target.hostname or "", entry.partition(":")
    ordinary = {"https": 443}.get(target.scheme, 80)
    if port and (target.port in (None, ordinary) or port != str(target.port)):
        return False
    if name.startswith(("*.", ".")):
        return host.endswith(name.lstrip("*"))
    return host == name or (name != "localhost" and host.endswith(f".{name}"))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def plain(text: str, limit: int) -> str:
    """Text from elsewhere on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text[:limit]).strip()
