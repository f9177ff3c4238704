"""What a change of the policy does to those on record: who gains and who loses which accounts on which hosts.

People with the same roles are one class, and so are hosts that the same roles reach: ten thousand of each are
compared in the time of a few. Everybody is looked at as if they signed in now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from daypass.ca.host_ports import HostRecord
from daypass.ca.person_ports import PersonRecord
from daypass.ca.policy import Policy
from daypass.ca.ways import Held, Lines, Way, held_by, ways
from daypass.times import duration

__all__ = ["Kind", "Row", "access_diff"]


class Kind(StrEnum):
    GAINS = "gains"
    LOSES = "loses"
    WIDER = "wider"  # had it, and has it longer, or on looser terms
    NARROWER = "narrower"


class Row(Struct, frozen=True):
    """One thing that changes, for all these people on all these hosts. `account`: `{login}` is each one's own."""

    kind: Kind
    account: str
    people: tuple[str, ...]
    hosts: tuple[str, ...]
    text: str


def access_diff(
    old: Policy, new: Policy, people: Iterable[PersonRecord], hosts: Iterable[HostRecord], now: int
) -> list[Row]:
    persons: dict[tuple[Held, Held], list[str]] = {}
    for person in people:
        held = held_by(old, person, now), held_by(new, person, now)
        if held != ((), ()):
            persons.setdefault(held, []).append(person.login or f"#{person.id}")
    places: dict[tuple[Lines, Lines], list[str]] = {}
    for host in hosts:
        lines = tuple(policy.for_host(host.name, host.aliases, host.labels) for policy in (old, new))
        places.setdefault((lines[0], lines[1]), []).append(host.name)
    return _merged(
        Row(kind, account, tuple(who), tuple(where), text)
        for (held_before, held_after), who in persons.items()
        for (lines_before, lines_after), where in places.items()
        for kind, account, text in _compared(ways(held_before, lines_before), ways(held_after, lines_after))
    )


def _compared(
    before: dict[str, tuple[Way, ...]], after: dict[str, tuple[Way, ...]]
) -> Iterator[tuple[Kind, str, str]]:
    for account in sorted({*before, *after}):
        old, new = before.get(account, ()), after.get(account, ())
        if not old or not new:
            yield (Kind.GAINS if new else Kind.LOSES), account, _told(new or old)
        elif any(not _is_within(way, old) for way in new):
            yield Kind.WIDER, account, f"{_told(old)} -> {_told(new)}"
        elif any(not _is_within(way, new) for way in old):
            yield Kind.NARROWER, account, f"{_told(old)} -> {_told(new)}"


def _is_within(way: Way, others: Sequence[Way]) -> bool:
    return any(_is_no_more(way, other) for other in others)


def _is_no_more(way: Way, other: Way) -> bool:
    """Whether one way in gives nothing that the other does not: time, permits, extensions, where from, command; and
    what took a sign-in of its own still does."""
    mine, theirs = way.certificate, other.certificate
    return (
        mine.seconds <= theirs.seconds
        and (mine.narrow or not theirs.narrow)
        and set(mine.extensions) <= set(theirs.extensions)
        and set(theirs.critical_options) <= set(mine.critical_options)
        and _options_within(way.options, other.options)
    )


def _options_within(mine: str, theirs: str) -> bool:
    permits, networks, command = _split(mine)
    other_permits, other_networks, other_command = _split(theirs)
    return (
        permits <= other_permits
        and (not other_networks or (bool(networks) and networks <= other_networks))
        and other_command in ("", command)
    )


def _split(options: str) -> tuple[set[str], set[str], str]:
    """Permits, `from="…"` and `command="…"`, as `reach.line_options` writes them: a quote in a command has a
    backslash, so it can't be taken for an option."""
    rest, _, command = options.partition(',command="')
    permits, _, networks = rest.partition(',from="')
    return set(permits.split(",")), set(networks.rstrip('"').split(",")) if networks else set(), command


def _told(ways: Sequence[Way]) -> str:
    return " or ".join(
        f'role "{way.role}" {"alone " if way.certificate.narrow else ""}for {duration(way.certificate.seconds)}: '
        f"{way.options}"
        for way in ways
    )


def _merged(rows: Iterable[Row]) -> list[Row]:
    """Those that say the same of the same people, as one."""
    found: dict[tuple[Kind, str, str, tuple[str, ...]], list[str]] = {}
    for row in rows:
        found.setdefault((row.kind, row.account, row.text, row.people), []).extend(row.hosts)
    return [Row(kind, account, who, tuple(where), text) for (kind, account, text, who), where in found.items()]
