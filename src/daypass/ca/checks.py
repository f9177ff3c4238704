"""The last look before a signature. Only `check` makes a Checked, and only a Checked can be signed.

It trusts nothing that came before: every field is judged as it stands in the certificate that will be signed,
wherever it came from (CVE-2026-115369, CVE-2025-44005).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_network

from daypass.errors import Internal
from daypass.hostnames import ADDRESS_LIFETIME, HostNames, address
from daypass.model import (
    KEY_ID,
    LOGIN_NAME,
    MAX_PRINCIPALS,
    Draft,
    git_extension,
    is_git_name,
    is_host_name,
)
from daypass.wire import Certificate, CertType

__all__ = ["Checked", "Rules", "check"]

ROLE_PRINCIPAL = re.compile(rf"role:([a-z][a-z0-9-]{{0,62}})(:{LOGIN_NAME.pattern}|@[0-9a-f]{{32}})?")
EMAIL_PRINCIPAL = re.compile(r"[A-Za-z0-9._+-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+")  # with login_name = "step" only
CRITICAL_OPTIONS = frozenset({"force-command", "source-address", "verify-required"})
EXTENSIONS = frozenset(
    {
        "permit-X11-forwarding",
        "permit-agent-forwarding",
        "permit-port-forwarding",
        "permit-pty",
        "permit-user-rc",
        "no-touch-required",
    }
)
FLAGS = EXTENSIONS | {"verify-required"}
MAX_SERIAL = 2**63 - 1  # what every database holds as an integer
CLOCK_SLACK = 60  # seconds


@dataclass(frozen=True, slots=True)
class Rules:
    """The bounds of this CA: what no certificate may exceed, whoever asks."""

    user_keys: frozenset[bytes]
    host_keys: frozenset[bytes]
    bundle_keys: frozenset[bytes]
    ca_id: bytes  # SHA-256 of the offline root's key
    host_names: HostNames
    bare_accounts: frozenset[str]
    permits: Mapping[str, frozenset[str]]  # role -> extensions that it may bring
    floor: int
    user_ceiling: int
    host_ceiling: int
    backdate: int

    def is_own(self, key: bytes) -> bool:
        """Whether this is a key of the CA, whatever its use."""
        return (
            key in self.user_keys
            or key in self.host_keys
            or key in self.bundle_keys
            or sha256(key).digest() == self.ca_id
        )


_token = object()


@dataclass(frozen=True, slots=True, init=False)
class Checked:
    """A certificate that passed, and the very bytes to sign."""

    certificate: Certificate
    to_be_signed: bytes

    def __init__(self, certificate: Certificate, token: object) -> None:
        if token is not _token:
            raise TypeError("only check() makes a Checked")
        object.__setattr__(self, "certificate", certificate)
        object.__setattr__(self, "to_be_signed", certificate.to_be_signed())


def check(draft: Draft, rules: Rules, now: int) -> Checked:
    """Raises Internal: what gets here has been decided already, so a failure is a fault of ours, and no signature."""
    cert = draft.certificate
    _require(cert.signature == b"" and cert.reserved == b"", "it is not a fresh draft")
    _require(len(cert.nonce) >= 16, "its nonce is short")
    _require(0 < cert.serial <= MAX_SERIAL, "its serial is out of range")
    _require(KEY_ID.fullmatch(cert.key_id) is not None, "its key id has characters that logs can't carry")
    _require(0 < len(cert.principals) <= MAX_PRINCIPALS, "it has no principals, or too many")
    _require(len(set(cert.principals)) == len(cert.principals), "a principal stands in it twice")
    _check_keys(cert, rules)
    if cert.type is CertType.USER:
        _check_user(draft, rules)
        _check_validity(cert, now, rules.user_ceiling, rules)
    else:
        _check_host(cert, rules)
        addressed = any(map(rules.host_names.holds_address, cert.principals))
        ceiling = min(rules.host_ceiling, ADDRESS_LIFETIME) if addressed else rules.host_ceiling
        _check_validity(cert, now, ceiling, rules)
    return Checked(cert, _token)


def _check_keys(cert: Certificate, rules: Rules) -> None:
    own = rules.user_keys if cert.type is CertType.USER else rules.host_keys
    _require(cert.signature_key.blob in own, "it would be signed by a key of another use")
    _require(not rules.is_own(cert.public_key.blob), "its key is a CA key")


def _check_user(draft: Draft, rules: Rules) -> None:
    cert = draft.certificate
    for name in cert.principals:
        if typed := ROLE_PRINCIPAL.fullmatch(name):
            _require(typed[1] in draft.grant.roles, "{!r} is of a role that was not given", name)
            continue
        plain = LOGIN_NAME.fullmatch(name) or (name in draft.grant.claims and EMAIL_PRINCIPAL.fullmatch(name))
        _require(plain is not None and bool(plain), "{!r} is not a principal", name)
        _require(name in draft.grant.claims or name in rules.bare_accounts, "{!r} is nobody's to give", name)
    for name, value in cert.critical_options:
        _require(name in CRITICAL_OPTIONS, "critical option {!r} is unknown", name)
        _require(bool(value) != (name in FLAGS), "critical option {!r} has no sense with this value", name)
        _require(_BINDS.get(name, _always)(value), "critical option {!r} binds nobody, or everybody", name)
    permitted = frozenset[str]().union(*(rules.permits.get(role, ()) for role in draft.grant.roles))
    for name, value in cert.extensions:
        flag = name in EXTENSIONS & permitted and not value
        _require(flag or _names_git_user(name, value), "extension {!r} is unknown, or its value no good", name)


def _is_address_list(value: str) -> bool:
    """Networks as sshd reads them for `source-address` (addr_match_cidr_list): canonical, and none that holds every
    address, which would be no restriction at all (CVE-2026-56854)."""
    try:
        networks = [ip_network(each) for each in value.split(",")]
    except ValueError:
        return False
    return all(each.prefixlen > 0 for each in networks) and value == ",".join(map(str, networks))


def _is_one_command(value: str) -> bool:
    return value.isprintable() and not value.isspace()


def _always(_value: str) -> bool:
    return True


_BINDS: Mapping[str, Callable[[str], bool]] = {"source-address": _is_address_list, "force-command": _is_one_command}


def _names_git_user(name: str, value: str) -> bool:
    """`login@HOST` with a name that can be one there, and nothing else that looks like it."""
    host = name.partition("@")[2]
    return name == git_extension(host) and is_host_name(host) and is_git_name(host, value)


def _check_host(cert: Certificate, rules: Rules) -> None:
    names = rules.host_names
    for name in cert.principals:
        _require(is_host_name(name) or address(name) is not None, "{!r} is not a host name", name)
        inside = names.admits(name, frozenset(cert.principals))
        _require(inside, "{!r} is outside the domains of this CA", name)
    _require(not cert.critical_options and not cert.extensions, "a host certificate carries no options")


def _check_validity(cert: Certificate, now: int, ceiling: int, rules: Rules) -> None:
    start, end = cert.valid_after, cert.valid_before
    _require(now - rules.backdate - CLOCK_SLACK <= start <= now + ceiling, "it starts at the wrong time")
    _require(end - max(start, now) >= min(rules.floor, ceiling), "it is shorter than allowed")
    _require(end - max(start, now - rules.backdate) <= ceiling + rules.backdate, "it is longer than allowed")
    _require(end <= now + ceiling + CLOCK_SLACK, "it reaches further than allowed")


def _require(holds: bool, sentence: str, *names: str) -> None:
    if not holds:
        raise Internal(f"the certificate was not signed: {sentence.format(*names)}", code="check")
