"""Every no to a person, with the role that is nearest and the condition that failed.

Codes: `policy.no-role` where they are nobody a role is for; `policy.role.` and the condition (window, age, amr, acr,
remote …) where a role is theirs but not so, or not now; `policy.role.unknown` for one that there is not.
"""

from __future__ import annotations

from collections.abc import Sequence

from daypass.ca.roles import Role, nearest_role
from daypass.ca.subject import Subject
from daypass.ca.who import Condition, listed
from daypass.errors import Denied
from daypass.model import shown
from daypass.times import duration

__all__ = ["alone", "asked_for", "nearly_over", "no_role", "refused", "too_long"]

_ASK = "ask an administrator of your CA, and show them this"
_SIGN_IN = "sign in anew: daypass login --force"
_HINTS = {
    "max_auth_age": _SIGN_IN,
    "amr": "sign in with what your role asks for: daypass login --force",
    "acr": "sign in with what your role asks for: daypass login --force",
    "refuse_remote": "sign in on a machine with a browser, or with: daypass login --device",
    "windows": "come back when it is open, or ask an administrator of your CA",
}


def no_role(roles: Sequence[Role], subject: Subject, now: int) -> Denied:
    role, failed = nearest_role(roles, subject, now) if roles else (None, None)
    if role is None or failed is None:
        return Denied(f"no role is for {subject.called}", code="policy.no-role", hint="daypass.toml has no roles")
    if failed.is_on_who:
        text = f'no role is for {subject.called}; nearest is "{role.name}": {failed}'
        return Denied(text, code="policy.no-role", hint=_ASK, role=role.name, condition=failed.key)
    return refused(role.name, failed, subject)


def asked_for(name: str, role: Role | None, subject: Subject, now: int) -> Denied:
    """To somebody who asked for one role alone."""
    if role is None:
        return Denied(f"there is no role {shown(name)}", code="policy.role.unknown", hint=_ASK)
    failed = role.judge(subject, now).failed or Condition("conditions")
    return refused(name, failed, subject)


def alone(held: Sequence[Role]) -> Denied:
    """To somebody who asked for a day pass and has roles, none of which goes into one."""
    names, first = listed(tuple(role.name for role in held)), held[0].name
    return Denied(
        f"no role of yours goes into a day pass; each is had alone: {names}",
        code="policy.role.alone",
        hint=f"daypass login --role {first}",
        role=first,
    )


def too_long(best: Role, left: int, asked: int) -> Denied:
    """`best`: the role that reaches furthest; how long, and how long was asked for, in seconds."""
    return Denied(
        f"no role of yours gives a certificate for {duration(asked)}",
        code="policy.lifetime",
        hint=f'role "{best.name}" gives {duration(left)}: daypass login --lifetime {left // 60}m',
        role=best.name,
    )


def nearly_over(best: Role, left: int) -> Denied:
    return Denied(
        f'role "{best.name}" ends in {duration(left)}, which is less than the shortest certificate',
        code="policy.lifetime",
        hint=_HINTS["windows"] if best.schedule.texts else _SIGN_IN,
        role=best.name,
    )


def refused(name: str, failed: Condition, subject: Subject) -> Denied:
    text = f"is not for {subject.called}" if failed.is_on_who else f"is not for {subject.called} now"
    return Denied(
        f'role "{name}" {text}: {failed}',
        code=f"policy.role.{failed.code}",
        hint=_HINTS.get(failed.key, _ASK),
        role=name,
        condition=failed.key,
    )
