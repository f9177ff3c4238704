"""How much an entry of the ledger matters to somebody who is not looking."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from daypass.ca.event_ports import Severity

__all__ = ["ALARMS", "severity"]

ALARMS = (
    "ca.break-glass",  # what hosts let in on the day everything is down has changed (trust 8.5)
    "credential.reused",  # a sign-in was used for a second key: theft (trust 3.2)
    "ending.held",  # so many people at once that their sessions wait for an operator
    "host.break-glass",  # somebody has come in by it
    "host.clone",  # two machines live under one certificate
    "pam.attacked",  # an account is tried with wrong passwords, from wherever (trust 8.6)
    "recheck.other",  # somebody's sign-in was to be re-checked by another person's token
    "provider.foreign",  # a transmitter of events speaks of another issuer's people (trust 6.9)
    "provider.stream",  # and says that it is going to be silent
    "provider.unmatched",  # a provider takes somebody out whom nobody here is
)
_GRAVER = (
    ("*.deny", Severity.WARNING),
    ("person.lock", Severity.WARNING),
    ("recheck.lost", Severity.WARNING),
    ("host.replace", Severity.WARNING),
    ("pam.paused", Severity.WARNING),
    ("certificate.issue", Severity.INFO),
    ("device.*", Severity.INFO),
    ("host.rekey", Severity.INFO),
)
"""The first that fits counts; what is not listed is a notice."""


def severity(act: str, fields: Mapping[str, object]) -> Severity:
    """`fields`: what the entry says; an ending whose sessions wait for an operator is an alarm by that."""
    if act in ALARMS or fields.get("held") is True:
        return Severity.ALERT
    return next((grave for pattern, grave in _GRAVER if fnmatchcase(act, pattern)), Severity.NOTICE)
