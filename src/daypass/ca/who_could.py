"""Who could log in to one account of one host: everybody on record, by role, and whom else the roles are for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from daypass.ca.asking import askers
from daypass.ca.explain import Asker, Way, explain
from daypass.ca.host_ports import HostRecord
from daypass.ca.person_ports import PersonRecord
from daypass.ca.policy import Policy
from daypass.ca.roles import Role
from daypass.ca.subject import Subject
from daypass.ca.who import listed

__all__ = ["Holders", "conditions", "who_could"]


class Holders(Struct, frozen=True):
    """`conditions`: whom the role is for, in words."""

    role: str
    options: str
    narrow: bool
    people: tuple[str, ...]  # as an operator finds them: login, or a workload's PROVIDER:SUBJECT
    conditions: str


def who_could(
    policy: Policy, people: Sequence[PersonRecord], account: str, host: HostRecord, now: int
) -> list[Holders]:
    """In the order of the host's lines. Each person once, by the way that counts for them."""
    here = {role.name for role in policy.for_host(host.name, host.aliases, host.labels)}
    roles = [role for role in policy.roles if role.name in here and (account in role.accounts or role.own_account)]
    found: dict[tuple[str, bool], list[str]] = {}
    options: dict[str, str] = {role.name: role.on_host.options for role in roles}
    for person in people:
        way = _way(policy, roles, person, account, host, now)
        if way is not None:
            found.setdefault((way.line.role, way.narrow), []).append(_called(person))
    rows = [
        Holders(role.name, options[role.name], narrow, tuple(found[role.name, narrow]), conditions(role))
        for role in roles
        for narrow in (False, True)
        if (role.name, narrow) in found
    ]
    held = {row.role for row in rows}
    return rows + [
        Holders(role.name, options[role.name], not role.day_pass, (), conditions(role))
        for role in roles
        if role.name not in held and account in role.accounts
    ]


def _called(person: PersonRecord) -> str:
    named = (f"{each.provider}:{each.subject}" for each in person.identities if each.provider)
    return person.login or next(named, f"#{person.id}")


def _way(
    policy: Policy, roles: Sequence[Role], person: PersonRecord, account: str, host: HostRecord, now: int
) -> Way | None:
    """Judging the few roles of this account first costs a hundredth of a whole decision."""
    for asker in askers(person, now):
        if _may(roles, asker, account, now):
            answer = explain(policy, asker, account, host.name, host, now)
            if answer.yes:
                return answer.ways[0]
    return None


def _may(roles: Sequence[Role], asker: Asker, account: str, now: int) -> bool:
    subject = Subject.of(asker.proof)
    return any((account in role.accounts or account == asker.login) and role.judge(subject, now).ok for role in roles)


def conditions(role: Role) -> str:
    """Whom it is for, in words that fit on a line."""
    return "; ".join(_told(role))


def _told(role: Role) -> Iterator[str]:
    who = role.who
    pairs = [("groups", who.groups), ("e-mails", who.emails), ("e-mail domains", who.domains)]
    pairs += [(f"claim {name}", values) for name, values in who.claims]
    pairs += [("amr", who.amr), ("acr", who.acr)]
    for word, values in pairs:
        if values:
            yield f"{word} {listed(tuple(sorted(values)), ' or ')}"
    if who.provider:
        yield f"from {who.provider}"
