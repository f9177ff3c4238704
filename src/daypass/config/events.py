"""[[events]]: who outside is told of what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from daypass.config.problem import Problem, did_you_mean, error, quoted, warning
from daypass.config.schema import Config, EventSection
from daypass.config.values import Fault, each, issuer_fault, path_fault, said
from daypass.model import ROLE_NAME

__all__ = ["SEVERITIES", "event_faults"]

SEVERITIES = ("alert", "warning", "notice", "info")
STDOUT = Path("-")
_TYPES = {"webhook": ("url", "secret_file", "roots"), "syslog": ("address", "roots"), "json": ("file",)}
_KEYS = ("url", "secret_file", "address", "file", "roots")
_PATTERN = re.compile(r"[a-z*][a-z_.*-]{0,63}")
_ADDRESS = re.compile(r"unix:/.{1,106}|(udp|tcp|tls):(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]):[0-9]{1,5}")


def event_faults(config: Config) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, section in enumerate(config.events):
        path = f"events[{index}]"
        if not ROLE_NAME.fullmatch(section.name):
            yield error(
                f"{path}.name", f"{quoted(section.name)} is not a name", "a-z, 0-9 and - up to 63, a letter first"
            )
        elif section.name in seen:
            yield error(f"{path}.name", f"{quoted(section.name)} is taken by another one")
        seen.add(section.name)
        yield from _what(section, path)
        yield from _whereto(section, path)


def _what(section: EventSection, path: str) -> Iterator[Problem]:
    if not section.acts:
        yield error(f"{path}.acts", "is empty: nothing would be told", 'acts = ["*"] for everything')
    yield from each(f"{path}.acts", section.acts, _pattern_fault)
    if section.severity not in SEVERITIES:
        suggestion = did_you_mean(section.severity, SEVERITIES) or f"one of {', '.join(SEVERITIES)}"
        yield error(f"{path}.severity", f"{quoted(section.severity)} is not a severity", suggestion)


def _pattern_fault(pattern: str) -> Fault:
    if _PATTERN.fullmatch(pattern):
        return None
    return f"{quoted(pattern)} fits no act", 'acts are written like "person.lock"; "person.*" is all of a kind'


def _whereto(section: EventSection, path: str) -> Iterator[Problem]:
    if section.type not in _TYPES:
        suggestion = did_you_mean(section.type, _TYPES) or f"one of {', '.join(_TYPES)}"
        yield error(f"{path}.type", f"{quoted(section.type)} is not a way out", suggestion)
        return
    needed, given = _TYPES[section.type], {name: getattr(section, name) for name in _KEYS}
    for name, value in given.items():
        if value and name not in needed:
            yield warning(f"{path}.{name}", f"says nothing of a {section.type}")
        elif not value and name in needed and name != "roots":
            yield error(f"{path}.{name}", f"is missing: a {section.type} needs it")
    yield from _values(section, path)


def _values(section: EventSection, path: str) -> Iterator[Problem]:
    if section.url:
        yield from said(f"{path}.url", _url_fault(section.url))
    if section.address:
        yield from _address(section.address, f"{path}.address")
    for name in ("secret_file", "file", "roots"):
        value: Path | None = getattr(section, name)
        if value is not None and not (name == "file" and value == STDOUT):
            yield from said(f"{path}.{name}", path_fault(value))


def _url_fault(url: str) -> Fault:
    """As of a provider, but with a query if need be. It is not shown: many receivers know their senders by it."""
    try:
        parts = urlsplit(url)
        bare = f"{parts.scheme}://{parts.netloc}{parts.path}"
    except ValueError:
        return "is not a URL", "write it like https://alerts.example.com/daypass"
    if parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        return "is not a URL that can be asked", "write it like https://alerts.example.com/daypass"
    fault = issuer_fault(bare)
    return fault and ("must be https:// and a host, or http:// on loopback", "")


def _address(address: str, path: str) -> Iterator[Problem]:
    found = _ADDRESS.fullmatch(address)
    if found is None or int(address.rpartition(":")[2] if found[1] else 1) not in range(1, 65536):
        yield error(path, f"{quoted(address)} is not an address", '"unix:/dev/log" or "tls:log.example.com:6514"')
    elif found[1] in ("udp", "tcp") and not re.match(r"...:(localhost|127\.|\[::1\])", address):
        yield warning(path, "goes over the network as plain text: anybody on the way reads it and adds to it", "tls:")
