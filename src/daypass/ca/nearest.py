"""Which role comes nearest to a yes, and what keeps it away."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

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
    that their `login` can match."""

    login: str
    account: str
    called: str
    host: HostRecord | None
    lines: tuple[Line, ...]


def nearest(
    policy: Policy, proof: Proof, place: Place, refused: DaypassError | None, now: int
) -> tuple[Missed | None, DaypassError]:
    """`refused`: what the CA says to a sign-in for the day pass, None where it gives one."""
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
    return _missed(role, failed), Denied(
        f'role "{role.name}" is the nearest: {failed}', code=f"policy.role.{failed.code}", hint=_hint(failed)
    )


def _unreached(section: RoleSection, names: tuple[str, ...], labels: Mapping[str, str]) -> Condition | None:
    """Why the role is not for a host of these names and labels; `reach.reaches`, in words."""
    if not section.hosts and not section.labels:
        return Condition("hosts")
    if section.hosts and not any(glob(pattern).fullmatch(name) for pattern in section.hosts for name in names):
        return Condition("hosts", tuple(section.hosts), names)
    for label, values in section.labels.items():
        if labels.get(label) not in values:
            return Condition(f"labels.{label}", tuple(values), (labels[label],) if label in labels else ())
    return None


def _elsewhere(
    policy: Policy, subject: Subject, place: Place, host: HostRecord, now: int
) -> tuple[Missed | None, DaypassError]:
    """No line of the account can be theirs: is the role for other hosts, or the account for nobody?"""
    names, account = (host.name, *host.aliases), place.account
    roles = [
        each for each in policy.roles if account in each.accounts or (each.own_account and account == subject.login)
    ]
    if roles:
        role, _ = nearest_role(roles, subject, now)
        failed = _unreached(policy.sections[role.name], names, host.labels)
        if failed is not None:
            text = f'role "{role.name}" is not for {host.name}: {failed}'
            return _missed(role, failed), Denied(text, code="policy.role.host", hint=_operator(role.name))
    here = policy.for_host(host.name, host.aliases, host.labels)
    accounts = sorted({each for role in here for each in role.accounts})
    if any(role.own_account for role in here):
        accounts.append("each person's own")
    hint = f"accounts that roles give on {host.name}: {', '.join(accounts[:20]) or 'none'}"
    return None, Denied(f"no role lets you become {shown(account)} on {host.name}", code="policy.account", hint=hint)


def _no_host(name: str) -> DaypassError:
    return NotFound(
        f"no host on record is called {shown(name)}",
        code="host.unknown",
        hint="those that have enrolled: daypass hosts",
    )


def _not_given(role: Role) -> DaypassError:
    return Denied(
        f'role "{role.name}" is not given now', code="policy.lifetime", hint=f"daypass login --role {role.name}"
    )


def _missed(role: Role, failed: Condition) -> Missed:
    return Missed(role.name, failed.key, failed.wanted, failed.found)


def _hint(failed: Condition) -> str:
    if failed.key in ("amr", "acr", "max_auth_age", "refuse_remote"):
        return "sign in again, as the role wants it: daypass login --force"
    if failed.key == "windows":
        return f"come back then: {listed(failed.wanted, ' or ')}"
    return "ask whoever gives out that group or role, or an operator of your CA"


def _operator(role: str) -> str:
    return f'operator: hosts and labels of role "{role}" in daypass.toml, or the labels of the host'
