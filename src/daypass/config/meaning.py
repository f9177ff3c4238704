"""The second look: what a well-formed file means, and whether that can be wanted.

This file judges the CA itself (addresses, keys, lifetimes, hosts); `people` judges providers and roles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from daypass.config.bastions import bastion_faults
from daypass.config.events import event_faults
from daypass.config.failclosed import fail_closed_faults
from daypass.config.files import pattern_faults
from daypass.config.hostnames import host_name_faults
from daypass.config.people import people
from daypass.config.problem import Problem, did_you_mean, error, quoted, warning
from daypass.config.schema import CaSection, Config, EndingsSection, KeySection, LifetimeSection, PagesSection
from daypass.config.values import (
    Fault,
    database_fault,
    duration_fault,
    each,
    host_fault,
    host_pattern_fault,
    listen_fault,
    network_fault,
    path_fault,
    public_url_fault,
    said,
    seconds,
    sni_fault,
)
from daypass.model import is_login_name

__all__ = ["meaning"]

REMAINS = ("report", "quarantine", "lock")
KEY_USES = ("user", "host", "bundle", "tls")
_CA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")  # X.509 allows a common name 64 characters
_LEAST_STALE = 3 * 86400  # seconds
_USER_CEILING = 20 * 3600  # no certificate outlives a sign-in by more (trust 3.7)
_BACKDATE = 3600


def meaning(config: Config) -> Iterator[Problem]:
    """Every mistake and every warning. Empty text and lists are stand-ins where the shape was already wrong."""
    if config.config_version != 1:
        yield error("config_version", f"this daypass reads version 1, not {config.config_version}")
    yield from pattern_faults(config.include)
    yield from _ca(config.ca)
    yield from _keys(config.keys)
    if config.pages is not None:
        yield from _pages(config.pages, config.ca)
    yield from _lifetimes(config.lifetimes)
    yield from _hosts(config.hosts.domains)
    yield from host_name_faults(config.hosts)
    yield from _stale(config.hosts.stale_after)
    yield from fail_closed_faults(config.hosts)
    yield from _endings(config.endings)
    yield from people(config)
    yield from bastion_faults(config)
    yield from event_faults(config)
    yield from _reserved(config.reserved_logins)


def _ca(ca: CaSection) -> Iterator[Problem]:
    if not _CA_NAME.fullmatch(ca.name):
        yield error("ca.name", f"{quoted(ca.name)} is not a name", "letters, digits, spaces and ._- up to 64")
    yield from said("ca.url", public_url_fault(ca.url))
    yield from each("ca.names", ca.names, host_fault)
    yield from said("ca.listen", listen_fault(ca.listen))
    yield from said("ca.database", database_fault(ca.database))
    yield from said("ca.state", path_fault(ca.state))
    yield from said("ca.trust", path_fault(ca.trust))
    yield from said("ca.secrets_key", path_fault(ca.secrets_key))
    yield from said("ca.admin_socket", path_fault(ca.admin_socket, socket=True))
    if ca.passphrase_file is not None:
        yield from said("ca.passphrase_file", path_fault(ca.passphrase_file))


def _keys(keys: list[KeySection]) -> Iterator[Problem]:
    for index, key in enumerate(keys):
        if key.use not in KEY_USES:
            suggestion = did_you_mean(key.use, KEY_USES) or f"one of {', '.join(KEY_USES)}"
            yield error(f"keys[{index}].use", f"{quoted(key.use)} is not what a key is for", suggestion)
        yield from said(f"keys[{index}].file", path_fault(key.file))
        if key.file in [other.file for other in keys[:index]]:
            yield error(f"keys[{index}].file", "one key file can't serve twice", "give each use a key of its own")
    used = {key.use for key in keys}
    for use in KEY_USES if used <= set(KEY_USES) else ():
        if use not in used:
            yield error("keys", f"there is no {use} key", f'add [[keys]] with use = "{use}"')


def _pages(pages: PagesSection, ca: CaSection) -> Iterator[Problem]:
    yield from said("pages.url", public_url_fault(pages.url))
    files = {"certificate": pages.certificate, "key": pages.key}
    for name, path in files.items():
        other = "key" if name == "certificate" else "certificate"
        if path is not None:
            yield from said(f"pages.{name}", path_fault(path))
        elif files[other] is not None:
            yield error(f"pages.{name}", f"is missing, and pages.{other} is given", "give both, or neither")
    if pages.certificate is not None:
        yield from said("pages.url", sni_fault(pages.url, ca.url, ca.names))
    yield from each("pages.trusted_proxies", pages.trusted_proxies, network_fault)


def _lifetimes(lifetimes: LifetimeSection) -> Iterator[Problem]:
    for name in ("user", "host", "floor", "user_ceiling", "host_ceiling", "backdate"):
        yield from said(f"lifetimes.{name}", duration_fault(getattr(lifetimes, name)))
    yield from _at_most(lifetimes, "floor", "user")
    yield from _at_most(lifetimes, "user", "user_ceiling")
    yield from _at_most(lifetimes, "floor", "host")
    yield from _at_most(lifetimes, "host", "host_ceiling")
    if (seconds(lifetimes.user_ceiling) or 0) > _USER_CEILING:
        yield error("lifetimes.user_ceiling", "may be 20h at most: a sign-in counts no longer than that")
    if (seconds(lifetimes.backdate) or 0) > _BACKDATE:
        yield error("lifetimes.backdate", "may be 1h at most: it is there for clocks that run a little behind")


def _at_most(lifetimes: LifetimeSection, lesser: str, greater: str) -> Iterator[Problem]:
    low, high = getattr(lifetimes, lesser), getattr(lifetimes, greater)
    small, large = seconds(low), seconds(high)
    if small is not None and large is not None and small > large:
        yield error(f"lifetimes.{lesser}", f"{quoted(low)} is more than {greater}, which is {quoted(high)}")


def _hosts(domains: list[str]) -> Iterator[Problem]:
    if not domains:
        yield error("hosts.domains", "is empty: the host CA may speak for no host", 'for example ["*.example.com"]')
    yield from each("hosts.domains", domains, host_pattern_fault)
    for index, name in enumerate(domains):
        if "." not in name and host_pattern_fault(name) is None:
            yield warning(f"hosts.domains[{index}]", f"{quoted(name)} is a short name: elsewhere it is another host")


def _stale(after: str) -> Iterator[Problem]:
    yield from said("hosts.stale_after", duration_fault(after))
    if (seconds(after) or _LEAST_STALE) < _LEAST_STALE:
        fault = "is too short: a machine that was off over a weekend would lose its names"
        yield error("hosts.stale_after", fault, '"3d" or more')


def _endings(endings: EndingsSection) -> Iterator[Problem]:
    if endings.held_above < 0:
        yield error("endings.held_above", "is below 0", "0 has every session wait for an operator")
    if endings.remains not in REMAINS:
        hint = did_you_mean(endings.remains, REMAINS) or f"one of {', '.join(REMAINS)}"
        yield error("endings.remains", f"{quoted(endings.remains)} is nothing that a host does with them", hint)


def _reserved(logins: list[str]) -> Iterator[Problem]:
    yield from each("reserved_logins", logins, lambda login: None if is_login_name(login) else _no_login(login))


def _no_login(login: str) -> Fault:
    return f"{quoted(login)} is not a login name", "a-z, 0-9 and ._- up to 32, a letter or _ first"
