"""Which role comes nearest to a yes, and what keeps it away."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from daypass.ca import denials
from daypass.ca.host_ports import HostRecord
from daypass.ca.lines import Line
from daypass.ca.policy import Policy
from daypass.ca.reach import glob
from daypass.ca.roles import Role, nearest_role
from daypass.ca.subject import Subject
from daypass.ca.who import Condition, listed
from daypass.config import RoleSection
from daypass.errors import DaypassError, Denied, NotFound
from daypass.model import Proof, shown

__all__ = ["Missed", "Place", "nearest"]

_OF_A_ROLE = ("policy.no-role", "policy.lifetime", "policy.role.")


class Missed(Struct, frozen=True):
    """The nearest role and its first condition that failed: what it wants, and what there was."""

    role: str
    key: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]


class Place(Struct, frozen=True):
    """Where somebody wants to go: the account, the host as it is called and as it is on record, the account's lines
    that their `login` can match. `only`: the one role that is asked about."""

    login: str
    account: str
    called: str
    host: HostRecord | None
    lines: tuple[Line, ...]
    only: str = ""


def nearest(
    policy: Policy, proof: Proof, place: Place, refused: DaypassError | None, now: int
) -> tuple[Missed | None, DaypassError]:
    """`refused`: what the CA says to a sign-in for the day pass, None where it gives one. Its own words are the
    answer wherever they are about the same role."""
    if refused is not None and not refused.code.startswith(_OF_A_ROLE):
        return None, refused
    if place.host is None:
        return None, _no_host(place.called)
    wanted = {line.role for line in place.lines}
    roles = [role for role in policy.roles if role.name in wanted]
    subject = Subject.of(proof)
    if not roles:
        return _elsewhere(policy, subject, place, place.host, now)
    role, failed = nearest_role(roles, subject, now)
    if failed is None:
        return None, refused or _not_given(role)
    missed = _missed(role, failed)
    if isinstance(refused, Denied) and (refused.role, refused.condition) == (role.name, failed.key):
        return missed, refused
    return missed, denials.refused(role.name, failed, subject)


def _elsewhere(
    policy: Policy, subject: Subject, place: Place, host: HostRecord, now: int
) -> tuple[Missed | None, DaypassError]:
    """No line of the account can be theirs: is the role for other hosts, or the account for nobody?"""
    names, own = (host.name, *host.aliases), place.account == place.login
    roles = [role for role in policy.roles if place.account in role.accounts or (own and role.own_account)]
    roles = [role for role in roles if place.only in ("", role.name)]
    if roles:
        role, _ = nearest_role(roles, subject, now)
        failed = _unreached(policy.sections[role.name], names, host.labels)
        if failed is not None:
            return _missed(role, failed), _not_there(role, failed, host.name)
    here = policy.for_host(host.name, host.aliases, host.labels)
    accounts = sorted({each for role in here for each in role.accounts})[:20]
    if any(role.own_account for role in here):
        accounts.append("each person's own")
    hint = f"accounts that roles give on {host.name}: {', '.join(accounts) or 'none'}"
    text = f"no role lets you become {shown(place.account)} on {host.name}"
    return None, Denied(text, code="policy.account", hint=hint)


def _unreached(section: RoleSection, names: tuple[str, ...], labels: Mapping[str, str]) -> Condition | None:
    """Why the role is not for a host of these names and labels; `reach.reaches`, in words."""
    if not section.hosts and not section.labels:
        return Condition("hosts", (), names)
    if section.hosts and not any(glob(pattern).fullmatch(name) for pattern in section.hosts for name in names):
        return Condition("hosts", tuple(section.hosts), names)
    for label, values in section.labels.items():
        if labels.get(label) not in values:
            return Condition(f"labels.{label}", tuple(values), (labels[label],) if label in labels else ())
    return None


def _missed(role: Role, failed: Condition) -> Missed:
    return Missed(role.name, failed.key, failed.wanted, failed.found)


def _not_there(role: Role, failed: Condition, host: str) -> Denied:
    which = f"hosts with {failed.key.removeprefix('labels.')}" if failed.key != "hosts" else "hosts"
    text = f'role "{role.name}" is for {which} {listed(failed.wanted, " or ")}; {host} has {listed(failed.found)}'
    hint = f'operator: hosts and labels of role "{role.name}" in daypass.toml, or the labels of the host'
    return Denied(text, code="policy.role.host", hint=hint, role=role.name, condition=failed.key)


def _no_host(name: str) -> DaypassError:
    hint = "those that have enrolled: daypass hosts"
    return NotFound(f"no host on record is called {shown(name)}", code="host.unknown", hint=hint)


def _not_given(role: Role) -> DaypassError:
    text = f'role "{role.name}" is not given now'
    return Denied(text, code="policy.lifetime", hint=f"daypass login --role {role.name}", role=role.name)
