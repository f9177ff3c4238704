"""What a person may have: a day pass with all that lasts the day, or one narrow role in a certificate of its own.

A role is narrow if it says so (`day_pass = false`) or ends before the day pass does: by its lifetime, by the end of
the window that is open, or by what `max_auth_age` leaves of the sign-in (trust 2.3). How long the day pass is may be
asked for; unasked it is as long as the configuration says, or as the longest of the person's roles if that is less.
So plain ssh signs those in too whose roles are all short, and a short `--lifetime` takes in roles that are short
themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from daypass.ca.bounds import Bounds, span, too_short
from daypass.ca.denials import alone, asked_for, nearly_over, no_role, too_long
from daypass.ca.index import RoleIndex
from daypass.ca.names import Names
from daypass.ca.ports import View
from daypass.ca.roles import Role, git_extensions
from daypass.ca.subject import Subject
from daypass.errors import Denied
from daypass.model import KEY_ID, MAX_PRINCIPALS, Grant, Identity, Kind, Proof, Request
from daypass.wire import CertType

__all__ = ["People"]

SLACK = 100  # a role that ends within this part of the day pass's end stays in it, and the day pass ends with it


class People:
    def __init__(self, roles: Sequence[Role], bounds: Bounds, names: Names) -> None:
        self._roles, self._bounds, self._names = tuple(roles), bounds, names
        self._by_name = {role.name: role for role in roles}
        self._index = RoleIndex(roles)

    def decide(self, proof: Proof, request: Request, view: View, now: int) -> Grant:
        """Raises Denied with the rule that said no, Invalid for times that can't be."""
        if request.type is not CertType.USER:
            raise Denied("a person signs in for a user certificate, not for a host's", code="policy.kind")
        if view.person is not None and view.person.locked:
            who = view.person.login or f"{proof.identity.provider}:{proof.identity.subject}"
            raise Denied(f"{who} is locked", code="policy.locked", hint="ask an administrator of your CA")
        subject = Subject.of(proof)
        names = self._names.of(proof, subject, view, now) if proof.identity.kind is Kind.PERSON else ()
        held = [self._asked(subject, request.role, now)] if request.role else self._held(subject, now)
        start, end, roles = self._laid_out(held, subject, request, now, proof.until)
        given = tuple(role.name for role in roles)
        principals = _principals(roles, names)
        called = names[0] if names else ""
        return Grant(
            type=CertType.USER,
            key_id=_key_id(proof.identity, called),
            principals=_narrow(principals, request.principals),
            valid_after=start,
            valid_before=end,
            roles=given,
            extensions=tuple(sorted((*_extensions(roles), *git_extensions(roles, proof.identity, called)))),
            critical_options=_critical_options(roles) if request.role else (),
            claims=names,
            narrow=_left_out(held, given),
        )

    def _held(self, subject: Subject, now: int) -> list[Role]:
        held = self._index.held(subject, now)
        if not held:
            raise no_role(self._roles, subject, now)
        return held

    def _asked(self, subject: Subject, name: str, now: int) -> Role:
        role = self._by_name.get(name)
        if role is None or not role.holds(subject, now):
            raise asked_for(name, role, subject, now)
        return role

    def _laid_out(
        self, held: Sequence[Role], subject: Subject, request: Request, now: int, until: int | None
    ) -> tuple[int, int, list[Role]]:
        """Start, end and the roles that reach it; `valid_before` is never beyond one of them, nor `until`."""
        roles = held if request.role else [role for role in held if role.day_pass]
        if not roles:
            raise alone(held)
        ends = [role.ends(subject, now) if role.is_timed else now + role.limit for role in roles]
        furthest = max(ends)
        if furthest - now < self._bounds.floor:
            raise nearly_over(roles[ends.index(furthest)], furthest - now)
        default = min(self._bounds.user, furthest - max(now, request.valid_after or now))
        start, end = self._day(subject, request, now, default)
        end = end if until is None else min(end, until)
        least = furthest if request.role else end - min(self._bounds.floor, (end - now) // SLACK)
        if furthest < least:
            raise too_long(roles[ends.index(furthest)], furthest - now, end - now)
        end = min(end, *(ending for ending in ends if ending >= least))
        if end - max(start, now) < self._bounds.floor:
            raise too_short()
        return start, end, [role for role, ending in zip(roles, ends, strict=True) if ending >= least]

    def _day(self, subject: Subject, request: Request, now: int, default: int) -> tuple[int, int]:
        """What was asked for, else `default` seconds, under the ceiling that starts at the sign-in (trust 3.7)."""
        bounds = self._bounds
        start, end = span(request, now, default)
        if end - max(start, now) < bounds.floor:
            raise too_short()
        end = min(end, now + bounds.user_ceiling)
        if subject.auth_time is not None:
            end = min(end, subject.auth_time + bounds.user_ceiling)
        if end - max(start, now) < bounds.floor:
            raise Denied(
                "what is left of this sign-in is shorter than the shortest certificate",
                code="policy.lifetime",
                hint="sign in anew: daypass login --force",
            )
        return (now - bounds.backdate if request.valid_after is None else max(start, now - bounds.backdate)), end


def _principals(roles: Sequence[Role], names: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys([name for role in roles for name in role.principals(names)]))
    if not found:
        raise Denied(
            "a workload has no account of its own, and its roles open no other",
            code="policy.workload",
            hint="operator: give the role accounts by name, not {login}",
        )
    if len(found) > MAX_PRINCIPALS:
        raise Denied(
            f"{len(roles)} roles give {len(found)} principals; a certificate carries {MAX_PRINCIPALS}",
            code="policy.principals",
            hint="merge roles, or take this person out of some groups",
        )
    return found


def _left_out(held: Sequence[Role], given: tuple[str, ...]) -> tuple[str, ...]:
    if len(held) == len(given):
        return ()
    included = frozenset(given)
    return tuple(role.name for role in held if role.name not in included)


def _extensions(roles: Iterable[Role]) -> list[tuple[str, str]]:
    """All that any of them permits, since our hosts hold each role to its own on its line; but where a login name
    opens hosts without such lines, only what that role permits there (trust 2.4)."""
    given = frozenset[str]().union(*{role.extensions for role in roles})
    given = given.intersection(*[role.extensions for role in roles if role.bare_hosts])
    return [(name, "") for name in given]


def _critical_options(roles: Iterable[Role]) -> tuple[tuple[str, str], ...]:
    """Of a narrow role: where it may be used from. In a day pass it would bind the other roles, too."""
    return tuple(("source-address", ",".join(role.source_address)) for role in roles if role.source_address)


def _narrow(principals: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    if not wanted:
        return principals
    if foreign := sorted(set(wanted) - set(principals)):
        raise Denied(f"no role gives you the principal {foreign[0]}", code="policy.principal")
    return tuple(name for name in principals if name in wanted)


def _key_id(identity: Identity, login: str) -> str:
    """Of a workload: its subject, or what stands for one that no log could carry."""
    if identity.kind is Kind.WORKLOAD:
        plain = f"{identity.provider}:{identity.subject}"
        return plain if KEY_ID.fullmatch(plain) else f"{identity.provider}:{sha256(plain.encode()).hexdigest()[:32]}"
    email = identity.email or ""
    return email if KEY_ID.fullmatch(email) else f"{login}@{identity.provider}"
