"""A configuration against what is on record: who has signed in, which hosts are enrolled, which accounts they have.

Nothing here decides anything. It finds what is well-formed and will never be: a group that nobody was ever in, a role
that reaches no host, an account that none of its hosts has.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct

from daypass.ca.host_ports import KnownHost
from daypass.ca.person_ports import Facts, PersonRecord
from daypass.ca.reach import reaches
from daypass.ca.roles import OWN_ACCOUNT
from daypass.ca.subject import Subject, claim_values
from daypass.ca.who import Who, is_on_who
from daypass.config import Config, Problem, RoleSection
from daypass.config.problem import key_path, quoted, warning
from daypass.config.schema import WhoSection
from daypass.config.ways import the_only

__all__ = ["Record", "findings", "holders"]


class Record(Struct, frozen=True):
    """What the store knows. Without people, or without hosts, nothing is said of them."""

    people: Sequence[PersonRecord]
    hosts: Sequence[KnownHost]


def findings(config: Config, record: Record) -> list[Problem]:
    """Warnings, in the order of the file's keys."""
    found: list[Problem] = []
    facts = [each.facts for person in record.people for each in person.identities if each.facts]
    for index, role in enumerate(config.roles):
        found += _never_sent(role, f"roles[{index}]", _said_by(role, config, facts))
        found += _reach(role, f"roles[{index}]", record.hosts)
    for index, operator in enumerate(config.operators):
        found += _never_sent(operator, f"operators[{index}]", _said_by(operator, config, facts))
    return found


def holders(config: Config, record: Record) -> dict[str, int]:
    """Role -> how many people on record are who it is for, as their providers described them last; how and when they
    sign in is another matter. Whoever is locked has none."""
    subjects = [
        [Subject.of_record(identity, person.login) for identity in person.identities]
        for person in record.people
        if person.locked_at is None
    ]
    only = the_only(config)
    return {
        role.name: sum(any(_is_for(who, subject) for subject in each) for each in subjects)
        for role in config.roles
        for who in [Who.compile(role, only)]
    }


def _is_for(who: Who, subject: Subject) -> bool:
    return not any(is_on_who(key) for key in who.failing(subject, 0))


def _said_by(who: WhoSection, config: Config, facts: Sequence[Facts]) -> list[Facts]:
    names = {who.provider} if who.provider else {provider.name for provider in config.providers}
    return [each for each in facts if each.provider in names]


def _never_sent(who: WhoSection, path: str, facts: Sequence[Facts]) -> Iterator[Problem]:
    """Words that stood in no sign-in, where there was one at all."""
    if not facts:
        return
    sent = {
        "groups": {group for each in facts for group in each.groups},
        "amr": {way for each in facts for way in each.amr},
        "acr": {each.acr for each in facts if each.acr},
    }
    for key, known in sent.items():
        yield from _unknown(getattr(who, key), f"{path}.{key}", known)
    for name, values in who.claims.items():
        said = {value for each in facts for value in claim_values(each.claims.get(name))}
        place = key_path(f"{path}.claims", name)
        if said:
            yield from _unknown(values, place, said)
        else:
            names = {claim for each in facts for claim in each.claims}
            yield warning(place, "no sign-in on record had this claim", _near(name, names))


def _unknown(values: Sequence[str], path: str, known: Collection[str]) -> Iterator[Problem]:
    for index, value in enumerate(values):
        if value not in known:
            yield warning(f"{path}[{index}]", f"{quoted(value)} was in no sign-in on record", _near(value, known))


def _reach(role: RoleSection, path: str, hosts: Sequence[KnownHost]) -> Iterator[Problem]:
    if not hosts:
        return
    reached = [host for host in hosts if reaches(role, (host.name, *host.aliases), host.labels)]
    if not reached:
        yield warning(path, _none_of(len(hosts)), _near_label(role, hosts))
    reported = [host.accounts for host in reached if host.accounts is not None]
    known = {name for accounts in reported for name in (*accounts.system, *accounts.ordinary)}
    for index, account in enumerate(role.accounts if reported else ()):
        if account != OWN_ACCOUNT and account not in known:
            fault = f"no host that the role reaches has an account {quoted(account)}"
            yield warning(f"{path}.accounts[{index}]", fault, _near(account, known))


def _none_of(count: int) -> str:
    return "does not reach the one enrolled host" if count == 1 else f"reaches none of the {count} enrolled hosts"


def _near_label(role: RoleSection, hosts: Sequence[KnownHost]) -> str:
    """A label, or a value of one, that no host has and that looks like one."""
    labels = _labels(hosts)
    for name, values in role.labels.items():
        if name not in labels:
            return _near(name, labels)
        if not labels[name].intersection(values):
            return next(filter(None, (_near(value, labels[name]) for value in values)), "")
    return ""


def _labels(hosts: Sequence[KnownHost]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for host in hosts:
        for name, value in host.labels.items():
            found.setdefault(name, set()).add(value)
    return found


def _near(word: str, known: Collection[str]) -> str:
    """`did you mean "Staff"?`, whatever letters are capital."""
    folded = {each.casefold(): each for each in sorted(known)[:10_000]}
    near = difflib.get_close_matches(word.casefold()[:60], folded, n=1, cutoff=0.6)
    return f"did you mean {quoted(folded[near[0]])}?" if near else ""
