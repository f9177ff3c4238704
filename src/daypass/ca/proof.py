"""How far an ending has come, from what hosts say: which have applied it, whose sessions are over, what stays behind.

From a host in wrong hands its word proves nothing (trust 6.12), and whoever shows this says so. Nothing is called
ended while something of it goes on or stays behind (trust 6.6).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from daypass.ca.ack_ports import AckRecord, Closed, Hit, Remains, Session, Sessions, Word
from daypass.ca.ending_ports import EndingRecord
from daypass.ca.host_ports import HostRecord, KnownHost

__all__ = ["ClosedThere", "Fleet", "OpenThere", "Progress", "RemainsThere", "Unreached", "progress", "state_of"]

LISTED = 200  # of each kind; the counts are of all
LATE = 60  # seconds that a signed sign of life may be older than what the CA knows (ca.streams)
BLIND = "agent.sh"  # the agent in shell applies lists; it ends no session, and looks for nothing
SETTLED = ("quarantined", "locked", "ended", "restored")
TAKEN = ("quarantined", "locked")  # and to be put back when they are let in again


class Unreached(Struct, frozen=True, kw_only=True):
    """A host that has not applied it, or has not looked for what stays behind. `until`: when the last of the
    certificates can be used there no more, 0 where none can; `heard`: the CA's last word of it, 0 for never."""

    host: str
    until: int
    heard: int


class ClosedThere(Struct, frozen=True, kw_only=True):
    host: str
    closed: Closed


class OpenThere(Struct, frozen=True, kw_only=True):
    host: str
    session: Session


class RemainsThere(Struct, frozen=True, kw_only=True):
    host: str
    remains: Remains


class Progress(Struct, frozen=True, kw_only=True):
    """`time`: of this look. `state`: undone (they are back), held (for an operator), waiting (for hosts), open (a
    session goes on, or something of one), remains, unproven (some hosts' agents can't tell), ended. `complete`: all
    have answered who can; where it is undone, all have put back what they had taken.
    `blind`: hosts whose agent applies lists and tells nothing. Lists are cut at LISTED; counts are not."""

    ending: str
    time: int
    state: str
    complete: bool
    hosts: int
    applied: int
    looked: int
    unreached_count: int
    unreached: tuple[Unreached, ...]
    until: int
    closed_count: int
    closed: tuple[ClosedThere, ...]
    survivors: int
    open_count: int
    open: tuple[OpenThere, ...]
    remains_count: int
    remains: tuple[RemainsThere, ...]
    blind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fleet:
    """All hosts, and what they have said; asked of the store once for any number of endings. `closes_after`: seconds
    without word after which a host lets nobody in, 0 for never."""

    hosts: Mapping[str, KnownHost]
    acks: Mapping[str, AckRecord]
    sessions: Sequence[Sessions]
    closes_after: Callable[[HostRecord], int]
    _by_version: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._by_version.extend(sorted((self._version(host), host.id) for host in self.hosts.values()))

    def behind(self, version: int | None) -> list[str]:
        """Hosts that have not applied a list of this version: all, where there is none yet."""
        end = len(self._by_version) if version is None else bisect_left(self._by_version, (version, ""))
        return [host for _, host in self._by_version[:end]]

    def heard(self, host: KnownHost) -> int:
        ack = self.acks.get(host.id)
        return max(host.synced_at or 0, ack.acked_at if ack is not None else 0)

    def blind(self) -> list[str]:
        agents = ((host.name, host.about.agent if host.about is not None else "") for host in self.hosts.values())
        return sorted(name for name, agent in agents if agent.startswith(BLIND))

    def _version(self, host: KnownHost) -> int:
        """By the newer of its two words."""
        ack, about = self.acks.get(host.id), host.about
        if ack is not None and (about is None or ack.acked_at >= (host.synced_at or 0)):
            return ack.krl_version
        return about.krl_version if about is not None else 0


def progress(
    record: EndingRecord, hits: Sequence[Hit], fleet: Fleet, words: Mapping[str, Word], now: int
) -> Progress:
    """`hits`: people's certificates that it took; without any, hosts have nothing to apply."""
    blind = fleet.blind() if hits or record.gone else []
    behind = fleet.behind(record.user_krl) if hits else []
    told = {host: word for host, word in words.items() if host in fleet.hosts}
    undone = record.undone_at is not None
    unlooked = _unlooked(fleet, told, set(blind)) if record.gone and not undone else []
    unreached = _unreached(record, hits, fleet, dict.fromkeys([*behind, *unlooked]), set(behind))
    named = [(fleet.hosts[host].name, word) for host, word in told.items()]
    closed = [ClosedThere(host=name, closed=each) for name, word in named for each in word.closed]
    left = [RemainsThere(host=name, remains=each) for name, word in named for each in word.remains]
    open_now = list(_open(hits, fleet.sessions))
    survivors = sum(len(each.closed.survivors) for each in closed)
    remaining = sum(each.remains.done not in SETTLED for each in left) + sum(word.cut for word in told.values())
    held = record.held and record.released_at is None
    owed = any(each.remains.done in TAKEN for each in left)
    complete = not owed if undone else not (held or unreached or open_now)
    state = _state(
        undone=undone, held=held, waiting=bool(unreached), open=bool(open_now or survivors),
        remains=bool(remaining), unproven=bool(blind),
    )  # fmt: skip
    return Progress(
        ending=record.id, time=now, complete=complete,
        state=state,
        hosts=len(fleet.hosts), applied=len(fleet.hosts) - len(behind),
        looked=sum(word.looked > 0 for word in told.values()),
        unreached_count=len(unreached), unreached=tuple(unreached[:LISTED]),
        until=max((each.until for each in unreached), default=0),
        closed_count=len(closed), closed=tuple(closed[:LISTED]), survivors=survivors,
        open_count=len(open_now), open=tuple(open_now[:LISTED]),
        remains_count=len(left) + sum(word.cut for word in told.values()), remains=tuple(left[:LISTED]),
        blind=tuple(blind[:LISTED]),
    )  # fmt: skip


class _Kept(Struct):
    state: str = ""


_kept = msgspec.json.Decoder(_Kept).decode


def state_of(report: str | None) -> str:
    """Of a report that is kept; empty where there is none."""
    return _kept(report).state if report is not None else ""


def _state(**told: bool) -> str:
    """The first that is so."""
    return next((state for state, so in told.items() if so), "ended")


def _unlooked(fleet: Fleet, words: Mapping[str, Word], blind: set[str]) -> list[str]:
    return [
        host.id for host in fleet.hosts.values()
        if host.name not in blind and (host.id not in words or not words[host.id].looked)
    ]  # fmt: skip


def _unreached(
    record: EndingRecord, hits: Sequence[Hit], fleet: Fleet, hosts: Iterable[str], behind: set[str]
) -> list[Unreached]:
    last = max((hit.valid_before for hit in hits), default=0)
    found = [fleet.hosts[each] for each in hosts]
    return [
        Unreached(
            host=host.name,
            until=_until(host, last, record.time, fleet) if host.id in behind else 0,
            heard=fleet.heard(host),
        )
        for host in sorted(found, key=lambda host: host.name)
    ]


def _until(host: HostRecord, last: int, ended_at: int, fleet: Fleet) -> int:
    """One that fails closed has had its last word before the CA knew, or has applied the list with the next."""
    after = fleet.closes_after(host)
    return min(last, ended_at + LATE + after) if after else last


def _open(hits: Iterable[Hit], sessions: Iterable[Sessions]) -> Iterator[OpenThere]:
    taken = {(hit.serial, hit.ca_key) for hit in hits}
    for there in sessions:
        for session in there.sessions:
            if (session.serial, session.ca) in taken:
                yield OpenThere(host=there.name, session=session)
