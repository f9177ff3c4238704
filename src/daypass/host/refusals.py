"""What sshd's words mean: one finding for each connection it turned away, with the reason and what to do.

The words are those of OpenSSH 9.2 (auth2-pubkey.c, auth2-pubkeyfile.c, auth-options.c, auth.c, krl.c, sshkey.c); the
tests provoke each from the real one. Whoever connects chooses the user name, so every pattern holds a whole line, and
where a name stands in it nothing before the last ` from ADDRESS port NUMBER` is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from daypass.host.sshdlog import Line

__all__ = ["Finding", "Reason", "findings"]


class Reason(NamedTuple):
    """`code` is for scripts."""

    code: str
    what: str
    hint: str


@dataclass(slots=True)
class Finding:
    """One connection that got nobody in. `key_id`, `serial`, `ca` (a fingerprint) are of the last certificate shown;
    sshd tells them at LogLevel VERBOSE only. `detail`: sshd's own words beside the reason."""

    user: str = ""
    address: str = ""
    time: float | None = None
    reasons: list[Reason] = field(default_factory=list)
    detail: str = ""
    key_id: str = ""
    serial: int | None = None
    ca: str = ""
    shown: int = 0  # keys and certificates that were tried and failed, where sshd tells


_LOGIN = "on their machine: daypass login"
EXPIRED = Reason(
    "expired", "the certificate has expired", f"{_LOGIN}; if it is new, set this machine's clock: timedatectl"
)
NOT_YET = Reason(
    "not-yet-valid", "the certificate is not valid yet", "a clock is wrong, first look here: timedatectl"
)
PRINCIPAL = Reason(
    "principal",
    "no role in the certificate is for this account on this host",
    "here: daypass host sync; on the CA's machine: daypass explain WHO ACCOUNT@HOST",
)
REVOKED = Reason("revoked", "the certificate is revoked", f"whoever is to have access signs in anew; {_LOGIN}")
KRL = Reason("krl", "the revocation list is missing or broken: sshd refuses every key", "here: daypass host sync")
SOURCE = Reason("source", "the role lets nobody in from that address", "connect from an address that it names")
SOURCE_CERT = Reason("source-certificate", "the certificate lets nobody in from that address", _LOGIN)
COMMAND = Reason(
    "command",
    "the certificate forces one command and the role on this host another",
    "leave the command to the role on the host; a new certificate: daypass login --force",
)
NO_USER = Reason("no-user", "there is no such account here", "look at the name; accounts: getent passwd")
NOT_ALLOWED = Reason("not-allowed", "sshd's configuration shuts this account out", "look at it: sshd -T")
ACCOUNT_EXPIRED = Reason("account-expired", "the account has expired or is locked", "look at it: chage -l ACCOUNT")
TOO_MANY = Reason(
    "too-many", "too many keys were offered before the right one", "on their machine: daypass ssh-config"
)
MODES = Reason("modes", "a file that decides may be written to by others", "only root may own and write to it")
UNKNOWN_CA = Reason(
    "unknown-ca",
    "the certificate is by a CA that this host does not trust",
    "on their machine: daypass context; here: daypass host status",
)
NO_CERTIFICATE = Reason("no-certificate", "a plain key was offered, and no certificate", _LOGIN)
OTHER = Reason(
    "other", "sshd does not say why", "a host's certificate opens nothing; else look at: sshd -T, daypass host status"
)
SILENT = Reason(
    "silent",
    "sshd does not say why: a plain key, or a certificate of another CA",
    "set LogLevel VERBOSE in sshd_config, reload sshd, and try again",
)

_WORDS: tuple[tuple[re.Pattern[str], Reason], ...] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"(?:error: )?Certificate invalid: expired", EXPIRED),
        (r"(?:error: )?Certificate invalid: not yet valid", NOT_YET),
        (r"(?:error: )?Certificate does not contain an authorized principal", PRINCIPAL),
        (r"(?:error: )?Certificate lacks principal list", PRINCIPAL),
        (r"(?:error: )?Authentication key \S+ \S+ revoked by file .+", REVOKED),
        (r"(?:error: )?Error checking authentication key \S+ \S+ in revoked keys file .+", KRL),
        (r"(?:principals: )?Authentication tried for .+ with correct key but not from a permitted host .+", SOURCE),
        (
            r"cert: Authentication tried for .+ with valid certificate but not from a permitted source address .+",
            SOURCE_CERT,
        ),
        (r"(?:error: )?forced command options do not match", COMMAND),
        (r"Authentication refused: bad ownership or modes for .+", MODES),
        (r"Account \S+ has expired", ACCOUNT_EXPIRED),
        (r"(?:error: )?maximum authentication attempts exceeded for .+", TOO_MANY),
    )
)
_FROM = r"(?P<address>\S+) port \d+"
_NO_USER = re.compile(rf"Invalid user (?P<user>.*) from {_FROM}")
_NOT_ALLOWED = re.compile(r"User (?P<user>.*) from (?P<address>\S+) not allowed because (?P<why>.+)")
_FAILED = re.compile(
    rf"Failed publickey for (?:invalid user )?(?P<user>.*) from {_FROM} ssh2: (?P<kind>\S+) \S+"
    r"(?: ID (?P<key_id>\S+) \(serial (?P<serial>\d+)\) CA \S+ (?P<ca>SHA256:\S+))?"
)
_END = re.compile(
    r"(?:Connection (?:closed|reset) by|Disconnected from|Disconnecting)"
    rf"(?: (?:authenticating|invalid) user (?P<user>.*))? {_FROM}(?:: .*)? \[preauth\]"
)
_ACCEPTED = re.compile(rf"Accepted \S+ for (?P<user>.*) from {_FROM} ssh2.*")
_OVER = re.compile(r"(?:Disconnected from user .*|Connection closed by \S+ port \d+|pam_unix.*session closed.*)")


def findings(lines: Iterable[Line], trusted: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """In the order their connections ended. `trusted`: fingerprints of the CA keys this host accepts."""
    open_ones = dict[int, Finding]()
    for line in lines:
        finding = open_ones.setdefault(line.pid, Finding())
        finding.time = line.time or finding.time
        if _ACCEPTED.fullmatch(line.message) or _OVER.fullmatch(line.message):
            del open_ones[line.pid]
        elif (end := _END.fullmatch(line.message)) is not None:
            finding.user, finding.address = end["user"] or finding.user, end["address"]
            if concluded := _concluded(open_ones.pop(line.pid), trusted):
                yield concluded
        else:
            _read(finding, line.message)


def _read(finding: Finding, message: str) -> None:
    for pattern, reason in _WORDS:
        if pattern.fullmatch(message):
            _add(finding, reason, message)
    if match := _NO_USER.fullmatch(message):
        finding.user, finding.address = match["user"], match["address"]
        _add(finding, NO_USER, message)
    elif match := _NOT_ALLOWED.fullmatch(message):
        finding.user, finding.address = match["user"], match["address"]
        _add(finding, NOT_ALLOWED, message)
    elif match := _FAILED.fullmatch(message):
        finding.shown += 1
        if match["ca"]:
            finding.key_id, finding.serial, finding.ca = match["key_id"], int(match["serial"]), match["ca"]


def _add(finding: Finding, reason: Reason, words: str) -> None:
    if reason not in finding.reasons:
        finding.reasons.append(reason)
        finding.detail = words


def _concluded(finding: Finding, trusted: frozenset[str]) -> Finding | None:
    """With a reason from what was left unsaid; None for one who went away without a user name: a scan."""
    if not finding.user and not finding.reasons:
        return None
    if not finding.reasons:
        finding.reasons.append(_unsaid(finding, trusted))
    return finding


def _unsaid(finding: Finding, trusted: frozenset[str]) -> Reason:
    """sshd passes over a certificate of a CA it does not know without a word."""
    if not finding.shown:
        return SILENT
    if not finding.ca:
        return NO_CERTIFICATE
    return UNKNOWN_CA if trusted and finding.ca not in trusted else OTHER
