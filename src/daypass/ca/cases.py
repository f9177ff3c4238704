"""A table of expected answers, for `daypass policy test`: who, where, when, yes or no.

Read from TOML; works with a configuration alone, so that a change is tried before it is anywhere.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from daypass.ca.explain import Answer, Asker, explain
from daypass.ca.host_ports import HostRecord
from daypass.ca.policy import Policy
from daypass.errors import Invalid
from daypass.model import Identity, Kind, OnceId, Proof, is_login_name, shown

__all__ = ["Case", "Cases", "Outcome", "read_cases", "run"]

MAX_BYTES = 4 * 1024 * 1024
MAX_LINE = 4 * 1024  # tomllib takes quadratic time for a dotted key, which can't leave its line


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Somebody(_Table, frozen=True):
    """What their provider says. `login`: the part of the e-mail before the @, unless it is given."""

    email: str = ""
    login: str = ""
    provider: str = ""
    groups: list[str] = []
    amr: list[str] = []
    acr: str = ""
    claims: dict[str, str | list[str]] = {}
    remote: bool = False  # signed in by the provider's own device page


class Place(_Table, frozen=True):
    aliases: list[str] = []
    labels: dict[str, str] = {}


class Case(_Table, frozen=True):
    """`who`: a name of `people`, or their e-mail there. `role`: the one that is to say yes, or to come nearest."""

    who: str
    at: str
    expect: str
    role: str = ""
    when: datetime | None = None


class Cases(_Table, frozen=True):
    people: dict[str, Somebody] = {}
    hosts: dict[str, Place] = {}
    cases: list[Case] = []


class Outcome(msgspec.Struct, frozen=True):
    number: int  # from 1, as they stand in the file
    case: Case
    answer: Answer
    got: str  # yes or no
    role: str  # that said yes, or came nearest

    @property
    def passed(self) -> bool:
        return self.got == self.case.expect and self.case.role in ("", self.role)


def read_cases(content: bytes) -> Cases:
    """Raises Invalid, with the key that is wrong."""
    try:
        text = content.decode()
        if len(content) > MAX_BYTES or any(len(line) > MAX_LINE for line in text.split("\n")):
            raise Invalid("the table is too large, or a line of it is", code="cases.large")
        cases = msgspec.convert(tomllib.loads(text), Cases)
    except (UnicodeDecodeError, RecursionError) as error:
        raise Invalid("the table is not TOML in UTF-8", code="cases.toml") from error
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"the table is not TOML: {error}", code="cases.toml") from error
    except msgspec.ValidationError as error:
        raise Invalid(f"the table has a mistake: {error}", code="cases.shape", hint="docs/guide/policy.md") from error
    _check(cases)
    return cases


def _check(cases: Cases) -> None:
    if not cases.cases:
        raise Invalid("the table has no cases", code="cases.none", hint="each begins with [[cases]]")
    for number, case in enumerate(cases.cases, 1):
        if case.expect not in ("yes", "no"):
            raise Invalid(f'case {number}: expect is "yes" or "no"', code="cases.expect")
        account, at, host = case.at.rpartition("@")
        if not (account and at and host in cases.hosts):
            hint = 'write at = "root@web-1", and [hosts.web-1] with its labels'
            text = f"case {number}: no host of this table in at = {shown(case.at)}"
            raise Invalid(text, code="cases.at", hint=hint)
        if _called(cases, case.who) is None:
            hint = "write [people.NAME] with email, groups …"
            raise Invalid(f"case {number}: nobody here is {shown(case.who)}", code="cases.who", hint=hint)


def run(policy: Policy, cases: Cases, now: int) -> Iterator[Outcome]:
    """`now`: unix seconds, for cases without a time. A time without a zone is UTC."""
    for number, case in enumerate(cases.cases, 1):
        account, _, host = case.at.rpartition("@")
        at = now if case.when is None else _unix(case.when)
        person = _called(cases, case.who)
        if person is None:
            raise Invalid(f"case {number}: nobody here is {shown(case.who)}", code="cases.who")
        answer = explain(policy, _asker(policy, case.who, person, at), account, host, _host(cases.hosts, host), at)
        best = answer.ways[0].line.role if answer.yes else answer.missed.role if answer.missed else ""
        yield Outcome(number, case, answer, "yes" if answer.yes else "no", best)


def _called(cases: Cases, who: str) -> Somebody | None:
    return cases.people.get(who) or next((each for each in cases.people.values() if each.email == who != ""), None)


def _host(hosts: Mapping[str, Place], name: str) -> HostRecord:
    found = hosts[name]
    return HostRecord(id="", name=name, aliases=tuple(found.aliases), labels=found.labels, keys=(), live_until=0)


def _asker(policy: Policy, name: str, person: Somebody, now: int) -> Asker:
    provider = person.provider or (next(iter(policy.issuers)) if len(policy.issuers) == 1 else "")
    kind = policy.kind_of(provider)
    login = person.login or person.email.partition("@")[0] or name
    valid = login if is_login_name(login) and kind is Kind.PERSON else None
    identity = Identity(
        kind=kind,
        provider=provider,
        issuer="",
        subject=name,
        email=person.email or None,
        login=valid,
        names=(valid,) if valid else (),
        groups=frozenset(person.groups),
        auth_time=now,
        amr=tuple(person.amr),
        acr=person.acr or None,
        claims=person.claims,
    )
    return Asker(Proof(identity, OnceId("test", name), now, now, bound=True, remote=person.remote))


def _unix(moment: datetime) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
