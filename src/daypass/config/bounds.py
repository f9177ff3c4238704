"""Within which bounds a role holds: for how long, when, from where, and what sessions may do."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from daypass.config.problem import Problem, did_you_mean, error, quoted, warning
from daypass.config.schema import Config, LifetimeSection, RoleSection
from daypass.config.values import Fault, duration_fault, each, seconds
from daypass.config.windows import Window, longest
from daypass.errors import Invalid
from daypass.model import ROLE_NAME

__all__ = ["bounds_faults"]

PLAIN = ("permit-pty", "permit-port-forwarding")  # what sessions may do where nobody says anything
EXTENSIONS = (*PLAIN, "permit-agent-forwarding", "permit-X11-forwarding", "permit-user-rc")
_MAX_COMMAND = 1000  # characters; hosts take lines of 4096 (host/options.py), and quotes count twice
_MAX_NETWORKS = 1500
_LEAST_SESSION = 60  # seconds


def bounds_faults(role: RoleSection, path: str, config: Config) -> Iterator[Problem]:
    if role.lifetime:
        yield from _lifetime(role, f"{path}.lifetime", config.lifetimes)
    if role.max_session and (fault := _session_fault(role.max_session)):
        yield error(f"{path}.max_session", *fault)
    yield from each(f"{path}.windows", role.windows, window_fault)
    yield from _never_long_enough(role.windows, f"{path}.windows", config.lifetimes)
    yield from each(f"{path}.extensions", role.extensions, _extension_fault)
    yield from each(f"{path}.source_address", role.source_address, source_fault)
    if len(",".join(role.source_address)) > _MAX_NETWORKS:
        yield error(
            f"{path}.source_address", f"is longer than the {_MAX_NETWORKS} characters that its line has for it"
        )
    if role.force_command and (fault := command_fault(role.force_command)):
        yield error(f"{path}.force_command", *fault)
    if role.bare_hosts:
        yield from _not_on_bare_hosts(role, path)


def _lifetime(role: RoleSection, path: str, lifetimes: LifetimeSection) -> Iterator[Problem]:
    text = role.lifetime
    if (fault := duration_fault(text)) is not None:
        yield error(path, *fault)
        return
    limits = (text, lifetimes.floor, lifetimes.user_ceiling, lifetimes.user)
    asked, floor, ceiling, day = (seconds(limit) or 0 for limit in limits)
    if floor and asked < floor:
        yield error(path, f"{quoted(text)} is less than lifetimes.floor, which is {quoted(lifetimes.floor)}")
    if ceiling and asked > ceiling:
        yield error(path, f"{quoted(text)} is more than lifetimes.user_ceiling, {quoted(lifetimes.user_ceiling)}")
    if floor <= asked < day and role.day_pass:
        how = f"daypass login --role {role.name}" if ROLE_NAME.fullmatch(role.name) else ""
        yield warning(path, "is shorter than the day pass, which goes without it", how)


def _session_fault(text: str) -> Fault:
    """Hosts look after their sessions every half minute."""
    if (asked := seconds(text)) is not None and asked < _LEAST_SESSION:
        return f"{quoted(text)} is less than hosts can see to", 'write "1m" or more'
    return duration_fault(text)


def window_fault(text: str) -> Fault:
    try:
        Window.parse(text)
    except Invalid as exc:
        return exc.message, exc.hint or ""
    return None


def _never_long_enough(windows: list[str], path: str, lifetimes: LifetimeSection) -> Iterator[Problem]:
    floor = seconds(lifetimes.floor)
    if not windows or floor is None or any(map(window_fault, windows)):
        return
    held = longest([Window.parse(text) for text in windows])
    if held < floor:
        yield error(
            path, f"never hold for lifetimes.floor, which is {quoted(lifetimes.floor)}: nothing can be issued"
        )


def _extension_fault(name: str) -> Fault:
    if name in EXTENSIONS:
        return None
    hint = did_you_mean(name, EXTENSIONS) or did_you_mean(f"permit-{name}", EXTENSIONS) or " ".join(EXTENSIONS)
    return f"{quoted(name)} is nothing that a role can permit", hint


def source_fault(text: str) -> Fault:
    """sshd wants an address, or a network by its first one (addr_match_cidr_list), as it writes them itself."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"{quoted(text)} is not an address or network", 'write it like "192.0.2.7" or "10.0.0.0/8"'
    plain = str(network) if "/" in text else str(network.network_address)
    if "%" in text:
        return f"{quoted(text)} has a zone", "leave out the % and what follows"
    if network.prefixlen == 0:
        return f"{quoted(text)} is every address", "leave source_address out"
    if network.version == 6 and network.subnet_of(ipaddress.IPv6Network("::ffff:0:0/96")):
        return f"{quoted(text)} never matches: sshd sees such a peer as IPv4", "write it as IPv4"
    if text != plain:
        return f"{quoted(text)} is not how sshd writes it", f"did you mean {quoted(plain)}?"
    return None


def command_fault(command: str) -> Fault:
    r"""What can stand in a principals file between quotes, where `\"` is a quote (sshd(8), AUTHORIZED_KEYS)."""
    if not command.isprintable():
        return "has a line break or another character that nobody sees", "put it into a script, and name that"
    if not command.strip():
        return "is blank: nothing would run", "leave it out, or name a command"
    if command != command.strip():
        return "begins or ends with a space", ""
    if "#" in command:
        return "has a #: sshd would take what comes after it for a comment", "put it into a script, and name that"
    if command.endswith("\\"):
        return "ends with a backslash, which would quote what comes after it", "put it into a script, and name that"
    if len(command) > _MAX_COMMAND:
        return f"is longer than {_MAX_COMMAND} characters", "put it into a script, and name that"
    return None


def _not_on_bare_hosts(role: RoleSection, path: str) -> Iterator[Problem]:
    """There the account's name in the certificate opens it, and nothing stands beside it (trust 2.1)."""
    restricted = {
        "hosts": "*" not in role.hosts and bool(role.hosts),
        "labels": bool(role.labels),
        "extensions": not set(PLAIN) <= set(role.extensions),
        "source_address": bool(role.source_address),
        "force_command": bool(role.force_command),
        "max_session": bool(role.max_session),
    }
    for key in (key for key, given in restricted.items() if given):
        fault = "would not hold on hosts that only trust the CA, which bare_hosts lets in"
        yield error(f"{path}.{key}", fault, "bare_hosts = false, or a role of its own for those hosts")
