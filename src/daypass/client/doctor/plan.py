"""Everything that is looked at, in the order it is told: what is here, what ssh makes of it, the way out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from daypass.client import contexts, trust
from daypass.client.doctor import company, holds, openssh, way
from daypass.client.doctor.report import Check, Finding, Once, failed, note
from daypass.client.openssh.sshprogram import effective, host_of
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.errors import DaypassError

__all__ = ["checks", "membership_of"]


def checks(settings: Settings, host: str | None = None) -> list[Check]:
    """For the company that `host` belongs to, else the one in use. Without any, what can be looked at without."""
    membership = membership_of(settings, host)
    here = [
        Check("company", partial(company.joined, settings)),
        Check("files", partial(company.modes, settings)),
        Check("agent", partial(holds.agent, settings, membership)),
        Check("ssh", partial(openssh.ssh_version, settings)),
    ]
    if membership is not None:
        here[2:2] = [
            Check("documents", partial(company.ages, membership, time.time())),
            Check("day pass", partial(holds.day_pass, membership, time.time())),
            Check("roles", partial(holds.roles, membership, time.time())),
        ]
        here.append(Check("ssh's setup", partial(openssh.set_up, settings, membership)))
    if host is not None:
        here.append(Check("host", partial(openssh.host, settings, membership, host)))
    return [*here, *(_network(membership) if membership is not None else [_no_way()])]


def membership_of(settings: Settings, host: str | None) -> Membership | None:
    """The company of `host`, else the one in use. None also where files are damaged: the first check says so."""
    try:
        found = _of(settings, host) if host else None
        context = settings.current()
        return found or (trust.load(context) if context is not None else None)
    except DaypassError:
        return None


def _of(settings: Settings, host: str) -> Membership | None:
    """By the name that was typed, else by the one that an alias leads to."""
    found = contexts.for_host(settings, host_of(host))
    return found or contexts.for_host(settings, effective(settings, host).get("hostname", [host])[0])


def _no_way() -> Check:
    return Check("proxy", partial(way.proxies, {"an https:// address": "https://ca.invalid"}))


def _network(membership: Membership) -> Iterator[Check]:
    """Side by side; those that need the CA's answer share one call."""
    host, ask = urlsplit(membership.url).hostname or "", Once(partial(way.ask_ca, membership))
    yield Check("names", partial(way.names, host))
    yield Check("proxy", partial(_proxies, membership, ask))
    yield Check("CA", partial(_ca, membership, ask))
    yield Check("clock", partial(_clock, membership, ask))
    yield Check("providers", partial(_providers, ask))
    yield Check("portal", partial(way.portals, host))


def _proxies(membership: Membership, ask: Once[way.Answer]) -> Iterator[Finding]:
    urls = {"the CA": membership.url}
    try:
        urls |= {each.name: each.issuer for each in ask().info.providers}
    except DaypassError:
        urls |= {}
    yield from way.proxies(urls)


def _ca(membership: Membership, ask: Once[way.Answer]) -> Iterator[Finding]:
    try:
        yield from way.ca(membership, ask())
    except DaypassError as error:
        yield failed(error)
        if error.code == "connection.untrusted":
            yield from way.stranger(membership)


def _clock(membership: Membership, ask: Once[way.Answer]) -> Iterator[Finding]:
    try:
        yield from way.clock(ask())
    except DaypassError:
        yield from way.unverified_clock(membership, time.time())
        yield note("the clock can't be compared while the CA does not answer")


def _providers(ask: Once[way.Answer]) -> Iterator[Finding]:
    try:
        logins = ask().info.providers
    except DaypassError:
        yield note("which identity providers there are, only the CA can say")
        return
    for login in logins:
        host = urlsplit(login.issuer).hostname or ""
        yield from way.names(host)
        try:
            yield from way.provider(login)
        except DaypassError as error:
            yield failed(error)
