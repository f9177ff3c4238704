"""Which certificates somebody could have now, and by which of a host's lines each of them lets in."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from daypass.ca.asking import askers
from daypass.ca.explain import Asker
from daypass.ca.person_ports import PersonRecord
from daypass.ca.policy import Policy
from daypass.ca.ports import View
from daypass.ca.roles import OWN_ACCOUNT
from daypass.ca.subject import Subject
from daypass.errors import DaypassError
from daypass.model import Grant, HostRole, Request
from daypass.wire import CertType

__all__ = ["Certificate", "Held", "Lines", "Way", "held_by", "ways"]


class Certificate(Struct, frozen=True):
    """Of a person: the day pass, or one of a narrow role. `seconds`: how long it would last from now."""

    roles: tuple[str, ...]
    seconds: int
    extensions: tuple[tuple[str, str], ...]
    critical_options: tuple[tuple[str, str], ...]
    narrow: bool


class Way(Struct, frozen=True):
    role: str
    options: str
    certificate: Certificate


Held = tuple[Certificate, ...]
Lines = tuple[HostRole, ...]


def held_by(policy: Policy, person: PersonRecord, now: int) -> Held:
    """Every certificate that they can have, by any of their identities."""
    found = [each for asker in askers(person, now) for each in _certificates(policy, asker, now)]
    return tuple(dict.fromkeys(found))


def _certificates(policy: Policy, asker: Asker, now: int) -> Iterator[Certificate]:
    day = _decided(policy, asker, "", now)
    if day is not None:
        yield _certificate(day, now, narrow=False)
    subject = Subject.of(asker.proof)
    alone = day.narrow if day is not None else [role.name for role in policy.roles if role.holds(subject, now)]
    for role in alone:
        if (grant := _decided(policy, asker, role, now)) is not None:
            yield _certificate(grant, now, narrow=True)


def _decided(policy: Policy, asker: Asker, role: str, now: int) -> Grant | None:
    try:
        view = View(asker.person, None, None, policy.hash, now)
        return policy.decide(asker.proof, Request(CertType.USER, (), role=role), view, now)
    except DaypassError:
        return None


def _certificate(grant: Grant, now: int, *, narrow: bool) -> Certificate:
    return Certificate(grant.roles, grant.valid_before - now, grant.extensions, grant.critical_options, narrow)


def ways(held: Held, lines: Lines) -> dict[str, tuple[Way, ...]]:
    """By account: with each certificate the first line that it matches."""
    found: dict[str, list[Way]] = {}
    for certificate in held:
        met: set[str] = set()
        for line in lines:
            if line.name in certificate.roles:
                for account in (*line.accounts, *([OWN_ACCOUNT] if line.own_account else [])):
                    if account not in met:
                        found.setdefault(account, []).append(Way(line.name, line.options, certificate))
                        met.add(account)
    return {account: tuple(ways) for account, ways in found.items()}
