"""Why somebody may log in to an account of a host, or why not.

The answer is the policy's own: `Policy.decide` for a sign-in that happens now, and `Policy.for_host` for the lines of
the host. So it can't say anything else than what a sign-in and sshd would. Pure; `questions` brings the facts.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from daypass.ca.host_ports import HostRecord, KnownHost
from daypass.ca.lines import Line, lines_for
from daypass.ca.nearest import Missed, Place, nearest
from daypass.ca.policy import Policy
from daypass.ca.ports import View
from daypass.errors import DaypassError
from daypass.model import Grant, Person, Proof, Request
from daypass.wire import CertType

__all__ = ["Answer", "Asker", "Way", "explain"]


class Asker(Struct, frozen=True):
    """Somebody who signs in now: what their provider says of them, and the person on record."""

    proof: Proof
    person: Person | None = None

    @property
    def login(self) -> str:
        """Empty where they have none."""
        return (self.person.login if self.person else self.proof.identity.login) or ""

    @property
    def called(self) -> str:
        who = self.proof.identity
        return who.email or self.login or f"{who.provider}:{who.subject}"


class Way(Struct, frozen=True):
    """How to get in. `narrow`: by a certificate of that role alone; `seconds`: how long it would last from now."""

    line: Line
    narrow: bool
    seconds: int


class Answer(Struct, frozen=True):
    """`ways`: the one that counts first; none for a no, and then `code`, `message` and `hint` say why, as the CA's
    own denial would. `missed`: the nearest role, and what kept it away."""

    who: str
    account: str
    host: str
    ways: tuple[Way, ...] = ()
    code: str = ""
    message: str = ""
    hint: str = ""
    missed: Missed | None = None
    notes: tuple[str, ...] = ()

    @property
    def yes(self) -> bool:
        return bool(self.ways)


def explain(
    policy: Policy, asker: Asker, account: str, name: str, host: HostRecord | None, now: int, *, only: str = ""
) -> Answer:
    """`host`: None for one that is not on record as `name`, where only a plain principal can help. `only`: by this
    role and no other."""
    lines = tuple(line for line in lines_for(policy, account, asker.login, host) if only in ("", line.role))
    day, refused = _decided(policy, asker, "", now)
    ways = tuple(_ways(policy, asker, lines, day, now))
    called = host.name if host else name
    if ways:
        return Answer(asker.called, account, called, ways, notes=(*_only_alone(refused), *_notes(account, host)))
    missed, error = nearest(policy, asker.proof, Place(asker.login, account, called, host, lines, only), refused, now)
    return Answer(asker.called, account, called, (), error.code, error.message, error.hint or "", missed)


def _ways(policy: Policy, asker: Asker, lines: tuple[Line, ...], day: Grant | None, now: int) -> Iterator[Way]:
    """By the day pass, where the first line that matches counts; then by certificates of one role."""
    held = set(day.roles) if day else set()
    if day is not None:
        for line in lines:
            if line.principal in day.principals:
                yield Way(line, False, day.valid_before - now)
                break
    for line in lines:
        if line.role and line.role not in held:
            alone, _ = _decided(policy, asker, line.role, now)
            if alone is not None and line.principal in alone.principals:
                yield Way(line, True, alone.valid_before - now)


def _decided(policy: Policy, asker: Asker, role: str, now: int) -> tuple[Grant | None, DaypassError | None]:
    request = Request(CertType.USER, (), role=role)
    try:
        return policy.decide(asker.proof, request, View(asker.person, None, None, policy.hash, now), now), None
    except DaypassError as error:
        return None, error


def _only_alone(refused: DaypassError | None) -> tuple[str, ...]:
    """A role is had alone, and plain `daypass login` is refused for another reason than that."""
    if refused is None or refused.code == "policy.role.alone":
        return ()
    return (f"plain daypass login is refused: {refused.message} ({refused.code})",)


def _notes(account: str, host: HostRecord | None) -> tuple[str, ...]:
    """What stands between this yes and a shell, and is not the CA's to say."""
    if host is None:
        return ("only where sshd trusts this CA and has no principals files: no such host is on record",)
    notes = ["the host's owner has the last word (never, allowed_groups): there, daypass host explain"]
    if isinstance(host, KnownHost):
        if host.synced_at is None:
            notes.append(f"{host.name} has not fetched its principals yet: there, daypass host sync")
        elif host.accounts and account not in (*host.accounts.system, *host.accounts.ordinary):
            notes.append(f"at its last sync {host.name} had no account {account}")
    return tuple(notes)
