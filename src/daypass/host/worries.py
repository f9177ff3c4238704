"""What a host has to worry about, long before anything ends: for `host status`, and louder by the day in the journal.

sshd goes on with what it has for as long as the CA is away (trust 6.1); this is how its people hear of it in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from daypass.errors import Misconfigured
from daypass.host.breakglass import Kept
from daypass.host.closing import closes_at, is_closed, krl_made_at
from daypass.host.machine import require_same
from daypass.host.noise import Alarms, told_of
from daypass.host.renewal import next_renewal
from daypass.host.run.voice import Level
from daypass.host.settings import Paths
from daypass.host.state import CertificateState, State
from daypass.times import duration, moment
from daypass.trusted import CLOCK_SLACK

__all__ = ["Worry", "worries"]

HOUR, DAY = 3600, 86400
_LATE, _LAST = 1 / 12, 1 / 10  # of a certificate's time: after its renewal was due; before its end


class Worry(msgspec.Struct, frozen=True):
    """`what` stays the same while the trouble does, `text` says how it stands. From ERR on somebody has to act."""

    what: str
    level: Level
    text: str
    hint: str = ""

    @property
    def to_be_acted_on(self) -> bool:
        return self.level <= Level.ERR


def worries(paths: Paths, state: State, now: float) -> list[Worry]:
    """The gravest first."""
    closed = is_closed(paths.krl)
    found = [*_copy(paths, state), *_refused(state), *_files(paths), *_certificates(state, now)]
    found += _break_glass(paths, now)
    found += _closed(paths, state) if closed else _silence(state, closes_at(paths, state), now)
    return sorted(found, key=lambda each: each.level)


def _copy(paths: Paths, state: State) -> Iterator[Worry]:
    try:
        require_same(paths, state)
    except Misconfigured as error:
        yield Worry("clone", Level.CRIT, error.message, error.hint or "")


def _refused(state: State) -> Iterator[Worry]:
    if state.refused:
        text = f"{state.url} refuses this host: {state.refused}"
        yield Worry("refused", Level.ERR, text, "daypass host sync asks again, and says what to do")


def _files(paths: Paths) -> Iterator[Worry]:
    for each in (paths.krl, paths.user_ca):
        if not each.is_file():
            text = f"{each} is missing: sshd refuses certificates, and without its KRL every key"
            yield Worry(f"file {each.name}", Level.CRIT, text, "daypass host sync writes it")
    if paths.krl.is_file() and krl_made_at(paths.krl) is None:
        text = f"{paths.krl} can't be understood: sshd refuses every key"
        yield Worry("file krl", Level.CRIT, text, "daypass host sync writes it anew")


def _certificates(state: State, now: float) -> Iterator[Worry]:
    for each in state.certificates:
        level = _level(state, each, now)
        if not Path(each.path).is_file():
            yield Worry(
                f"certificate {each.path}", Level.ERR, f"{each.path} is missing", "daypass host sync renews it"
            )
        elif level is not None:
            left = each.expires - now
            when = f"ends in {duration(left)}" if left > 0 else f"has ended {duration(-left)} ago"
            text = f"the certificate {each.path} {when}, and could not be renewed"
            hint = "daypass host sync tries it now, and says why" if left > 0 else "enrol again: daypass host enroll"
            yield Worry(f"certificate {each.path}", level, text, hint)


def _level(state: State, each: CertificateState, now: float) -> Level | None:
    life = each.expires - each.begins
    alone = msgspec.structs.replace(state, certificates=[each])
    if now >= each.expires - life * _LAST:
        return Level.CRIT
    return Level.ERR if now >= next_renewal(alone) + life * _LATE else None


def _break_glass(paths: Paths, now: float) -> Iterator[Worry]:
    """What stands against it long before it is needed; and for a day that somebody came in by it."""
    kept = Kept.load(paths.break_glass_state)
    if kept is not None and not kept.refused and (why := kept.said or kept.told):
        text = f"break-glass would not open {kept.account} here: {why}"
        yield Worry("break-glass", Level.ERR if kept.told else Level.WARNING, text)
    for each in Alarms.load(paths.alarms).logins[-3:]:
        if now - each.time < DAY:
            yield Worry(f"break-glass {each.id}", Level.CRIT, told_of(each), "ask who it was, and why")


def _closed(paths: Paths, state: State) -> Iterator[Worry]:
    made = krl_made_at(paths.krl)
    since = f" since {moment(made)}" if made is not None else ""
    text = f"certificates are refused here{since}: no word from {state.url}, and its bundle has this host fail closed"
    yield Worry("closed", Level.CRIT, text, "daypass host sync tries it now, and says why")


def _silence(state: State, closes: int | None, now: float) -> Iterator[Worry]:
    silent = now - state.heard_at
    if silent < -CLOCK_SLACK:
        text = f"this machine's clock is {duration(-silent)} behind the last word of the CA"
        yield Worry("clock", Level.ERR, text, "set it: timedatectl")
    if silent < HOUR:
        return
    level = Level.WARNING if silent < DAY else Level.ERR if silent < 7 * DAY else Level.CRIT
    goes_on = "sshd goes on with what it has" + (f" until {moment(closes)}" if closes is not None else "")
    text = (
        f"no word from {state.url} for {duration(silent)}: {goes_on}, and knows of no revocation "
        f"since; certificates end in {duration(state.expires - now)}"
    )
    yield Worry("silence", level, text, "daypass host sync tries it now, and says why")
