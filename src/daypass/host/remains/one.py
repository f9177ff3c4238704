"""The look for one ending: what is done in each account, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from daypass.api import EndingReport, HostEnding, Remain
from daypass.errors import DaypassError
from daypass.host.remains.find import find
from daypass.host.remains.found import Found
from daypass.host.remains.locking import lock, unlock
from daypass.host.remains.memory import Memory
from daypass.host.remains.places import Place, Places
from daypass.host.remains.quarantine import Note, add_ending, notes, put_back, take
from daypass.host.remains.running import left_running, named
from daypass.host.settings import Paths

__all__ = ["One"]

_MOST, _MOST_BYTES = 60, 12 * 1024  # of one report
_STANDS = ("failed", "reported")


@dataclass(frozen=True, slots=True)
class One:
    """The look for one ending."""

    paths: Paths
    ending: HostEnding
    memory: Memory
    places: Places
    now: int
    policy: str
    blind: str = ""  # why it is not known who came in here

    def report(self) -> EndingReport:
        found = list(self._undone() if self.ending.undone else self._looked())
        found = list(dict.fromkeys([*found, *self._before()]))
        found.sort(key=lambda each: (each.done not in _STANDS, not each.theirs, each.account))
        return _cut(EndingReport(ending=self.ending.id, time=self.now, remains=found))

    def _before(self) -> Iterator[Remain]:
        """What was done at looks before this one, and leaves nothing behind that could be found."""
        known = self.memory.endings.get(self.ending.id)
        kinds = ("restored",) if self.ending.undone else ("ended",)
        yield from (each for each in (known.report.remains if known is not None else ()) if each.done in kinds)

    def _looked(self) -> Iterator[Remain]:
        here = self.places.of(self.ending)
        prints = self.places.prints(here)
        if self.blind:
            what = "which accounts they have used is not known"
            yield Remain(account="?", kind="account", what=what, done="failed", error=self.blind)
        for place in here:
            yield from self._in(place, prints)
        for note in notes(self.paths):
            if self.ending.id in note.endings:
                yield from _remains(note, "quarantined")

    def _in(self, place: Place, prints: set[str]) -> Iterator[Remain]:
        if place.own and self.policy == "lock":
            yield from self._locked(place)
        found = list(find(place, self.paths))
        left = list(self._after_taking(place, found, prints)) if self.policy != "report" and not place.why else found
        if place.why and left:
            yield Remain(account=place.account, kind="account", what=f"it is not changed: {place.why}")
        for each in left:
            yield self._standing(place, each, prints)

    def _standing(self, place: Place, found: Found, prints: set[str]) -> Remain:
        alone = place.own or (place.why != "" and place.account in self.ending.logins)
        return Remain(
            account=place.account, kind=found.kind, what=found.what[:400], error=found.error[:200],
            done="failed" if found.error else "reported",
            theirs=(alone and found.theirs) or self._is_theirs(found, prints),
        )  # fmt: skip

    def _locked(self, place: Place) -> Iterator[Remain]:
        running = {each.what for each in left_running(place)}
        account, what = place.account, "the account has expired, and no certificate admits to it"
        try:
            survivors = {named(pid) for pid in lock(self.paths, place, self.ending.id, self.memory)}
        except (DaypassError, OSError) as error:
            yield Remain(account=account, kind="account", what="it is not locked", done="failed", error=_words(error))
            return
        yield Remain(account=account, kind="account", what=what, done="locked")
        yield from (
            Remain(account=account, kind="process", what=each, done="ended") for each in sorted(running - survivors)
        )

    def _after_taking(self, place: Place, found: Sequence[Found], prints: set[str]) -> Iterator[Found]:
        """What still stands."""
        for group in _by_file(found):
            file, mine = group[0].file, [each for each in group if place.own or self._is_theirs(each, prints)]
            if file is None or file.error or not mine or (file.link and not place.own):
                yield from group
                continue
            lines = None if place.own else tuple(each.line.number for each in mine if each.line is not None)
            try:
                taken = [each.what for each in mine]
                take(self.paths, place, mine[0].kind, file, lines, taken, self.ending.id, self.now)
            except (DaypassError, OSError) as error:
                yield from (_failed(each, error) for each in mine)
            yield from (each for each in group if each not in mine)

    def _is_theirs(self, found: Found, prints: set[str]) -> bool:
        """In an account of several: a key that is called as they are, or by which they came into their own."""
        line = found.line
        return line is not None and (line.print in prints or line.comment in self.ending.key_ids)

    def _undone(self) -> Iterator[Remain]:
        for note in list(notes(self.paths)):
            if self.ending.id in note.endings:
                others = set(note.endings) - {self.ending.id}
                try:
                    add_ending(self.paths, note, others) if others else put_back(self.paths, note)
                except (DaypassError, OSError) as error:
                    done, words = "failed", _words(error)
                else:
                    done, words = ("quarantined" if others else "restored"), ""
                yield from _remains(note, done, words)
        for account, locked in list(self.memory.locked.items()):
            if self.ending.id in locked.endings:
                yield self._opened(account)

    def _opened(self, account: str) -> Remain:
        what = "the account"
        try:
            opened = unlock(self.paths, account, self.ending.id, self.memory)
        except (DaypassError, OSError) as error:
            return Remain(account=account, kind="account", what=what, done="failed", error=_words(error))
        return Remain(account=account, kind="account", what=what, done="restored" if opened else "locked")


def _remains(note: Note, done: str, error: str = "") -> Iterator[Remain]:
    yield from (Remain(account=note.account, kind=note.kind, what=each, done=done, error=error) for each in note.what)


def _by_file(found: Iterable[Found]) -> list[list[Found]]:
    groups = dict[tuple[str, str], list[Found]]()
    for number, each in enumerate(found):
        key = (each.kind, each.file.path) if each.file is not None else ("", str(number))
        groups.setdefault(key, []).append(each)
    return list(groups.values())


def _failed(found: Found, error: Exception) -> Found:
    return Found(kind=found.kind, what=found.what, line=found.line, theirs=found.theirs, error=_words(error))


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return error.message if isinstance(error, DaypassError) else str(error)


def _cut(report: EndingReport) -> EndingReport:
    """As much as goes to the CA, what still stands first."""
    most = _MOST
    while True:
        kept = report.remains[:most]
        more = sum(each.done in _STANDS for each in report.remains[len(kept) :])
        cut = replace(report, remains=kept, cut=more)
        if len(msgspec.json.encode(cut)) <= _MOST_BYTES or not kept:
            return cut
        most = len(kept) * 3 // 4
