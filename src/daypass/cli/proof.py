"""What has become of a revocation, as people and scripts read it; and the wait for it (`--wait`)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from daypass.cli.administration import Administration
from daypass.cli.exits import Exit
from daypass.cli.output import counted, data, duration, json_data, moment, note, printable, utc
from daypass.errors import Unavailable

if TYPE_CHECKING:
    from daypass.api import EndingHit, EndingLine, EndingProgress, HostSession, LockRequest, RevokeRequest

__all__ = ["SENTENCE", "carry_out", "code_of", "follow", "line_of", "plain", "show", "summary", "wait_options"]

SENTENCE = "Hosts say this of themselves: from one in wrong hands it proves nothing."
STATES = {
    "ended": "ended: no host lets them in by it, no session goes on, nothing was found to stay behind",
    "remains": "NOT ENDED: what stays behind is to be dealt with",
    "open": "NOT ENDED: a session goes on, or something of one",
    "waiting": "NOT ENDED: some hosts have not answered",
    "held": "HELD: no certificate holds, and open sessions wait for an operator",
    "unproven": "NOT PROVEN: some hosts' agents can't tell",
    "undone": "undone: they are back",
}
FEW = 3  # hosts that the live line names
UNLOOKED = (
    "ended: no host lets them in by it, no session goes on; nobody looked for what stays behind (by PERSON, hosts do)"
)
FIRST = 20  # of each kind that are shown; --json has 200


def wait_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--wait and --wait-for, handed to the command as one `wait`: seconds, None for not at all."""
    from functools import wraps

    @wraps(command)
    def wrapped(wait: bool, wait_for: str | None, **arguments: Any) -> Any:
        from daypass.model import parse_duration

        seconds = parse_duration(wait_for or "1m") if wait or wait_for else None
        return command(wait=seconds, **arguments)

    longest = click.option("--wait-for", metavar="TIME", help="How long, instead of 1m. Up to 1h.")
    return click.option("--wait", is_flag=True, help="Wait for the hosts, and show what they say.")(longest(wrapped))


def follow(ca: Administration, ending: str, seconds: int, *, as_json: bool) -> int:
    """Show it live until all hosts have answered or the time is over, then all of it. The exit code: whether it is
    proven to have ended everywhere."""
    from daypass.api import EndingProgress, FollowRequest

    live, body = _Live(as_json=as_json), FollowRequest(ending=ending, seconds=seconds)
    ca.lines("ending_follow", body, EndingProgress, f"see what becomes of {ending}", live.take)
    found = live.last
    if found is None:
        raise _cut_off(ending)
    if as_json:
        json_data(plain(found))
    else:
        show(found)
    return code_of(found)


def carry_out(
    ca: Administration, route: str, body: RevokeRequest | LockRequest, purpose: str, *, as_json: bool
) -> tuple[EndingHit, EndingProgress | None]:
    """End somebody's access; with `wait` in the body the hosts' answers are shown live, all in one call."""
    from daypass.api import EndingHit, EndingStep

    if not body.wait:
        return ca.call(route, body, EndingHit, purpose, as_json=as_json), None
    hit, live = list[EndingHit](), _Live(as_json=as_json)

    def take(lines: Iterator[EndingStep]) -> None:
        for each in lines:
            if each.hit is not None:
                hit.append(each.hit)
                _tell_begun(each.hit, as_json=as_json)
            live.take([each.progress] if each.progress is not None else [])

    ca.lines(route, body, EndingStep, purpose, take)
    if not hit or live.last is None:
        raise _cut_off(hit[0].ending if hit else "ID")
    return hit[0], live.last


def _tell_begun(hit: EndingHit, *, as_json: bool) -> None:
    """Said before the wait: whoever breaks that off knows what to ask for."""
    if not as_json:
        ended = counted(hit.count, "certificate")
        note(f"{hit.ending}: {ended} ended and on record; waiting for hosts (Ctrl-C ends the wait alone)")


def code_of(found: EndingProgress | None) -> int:
    """0: it has ended everywhere, by the hosts' own word, or nobody waits for that."""
    return Exit.OK if found is None or found.state == "ended" else Exit.NO


def _cut_off(ending: str) -> Unavailable:
    text = "the CA ended its answer before it had said what became of it"
    return Unavailable(text, code="answer", hint=f"ask again: daypass revocations show {ending}")


def show(found: EndingProgress) -> None:
    """All of it, for people."""
    for line in _lines(found):
        data(printable(line))
    note(SENTENCE)


def line_of(each: EndingLine) -> str:
    """One of a list."""
    waits = "HELD" if each.held and each.released_at is None else ""
    state = "undone" if each.undone_at is not None else waits or each.state or "under way"
    counts = counted(each.certificates, "certificate")
    return (
        f"{each.id}  {moment(each.time)}  {state:<9}  {each.about}: {each.reason or '-'}  ({counts}, by {each.actor})"
    )


def plain(found: Any) -> Any:
    """For JSON: what is a time, in UTC; 0 for never is null."""
    import msgspec

    names = {"time", "until", "heard", "since", "end", "closed_at", "at", "reported_at", "released_at", "undone_at"}

    def told(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: told(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [told(each) for each in value]
        return (utc(value) if value else None) if name in names and isinstance(value, int | float) else value

    return told(msgspec.to_builtins(found))


def summary(found: EndingProgress) -> str:
    """One line, while somebody waits."""
    parts = [f"{found.applied} of {found.hosts} hosts"]
    parts += [f"{counted(found.closed_count, 'session')} closed"] if found.closed_count else []
    parts += [f"{found.open_count} open"] if found.open_count else []
    parts += [f"{found.remains_count} left behind"] if found.remains_count else []
    return ", ".join(parts) + _missing(found)


def _missing(found: EndingProgress) -> str:
    """Who has not applied it yet, and the latest time at which the certificate opens one of them."""
    waits = [each for each in found.unreached if each.until]
    if not waits:
        return ""
    more = found.unreached_count - len(found.unreached) + len(waits) - FEW
    names = ", ".join(each.host for each in waits[:FEW]) + (f" and {more} more" if more > 0 else "")
    last = max(each.until for each in waits)
    return "; not reached" + (f", open until {moment(last)}" if last > found.time else "") + f": {names}"


def _lines(found: EndingProgress) -> Iterator[str]:
    unlooked = found.state == "ended" and found.hosts and not found.looked
    yield f"{found.ending}  {UNLOOKED if unlooked else STATES.get(found.state, found.state)}"
    yield f"  applied      on {found.applied} of {found.hosts} hosts, as of {moment(found.time)}"
    for each in found.unreached[:FIRST]:
        yield f"  NOT REACHED  {each.host}  {_heard(each.heard)}; {_until(each.until, found.time)}"
    yield from _more(found.unreached_count)
    for gone in found.closed[:FIRST]:
        took = duration(max(0, gone.closed.closed_at - gone.closed.session.since))
        yield f"  closed       {_session(gone.host, gone.closed.session)}, after {took}"
        yield from (f"  SURVIVED     {gone.host}  {each}" for each in gone.closed.survivors)
    yield from _more(found.closed_count)
    yield from (f"  OPEN         {_session(each.host, each.session)}" for each in found.open[:FIRST])
    yield from _more(found.open_count)
    for left in found.remains[:FIRST]:
        failed = f": {left.remains.error}" if left.remains.error else ""
        done = left.remains.done.upper() if left.remains.done in ("reported", "failed") else left.remains.done
        whose = "" if left.remains.theirs else " (perhaps somebody else's)"
        what = f"{left.remains.account}  {left.remains.kind}: {left.remains.what}{whose}"
        label = "put back" if left.remains.done == "restored" else "stays"
        yield f"  {label:<12} {left.host}  {what}  ({done}{failed})"
    yield from _more(found.remains_count)
    if found.blind:
        yield f"  can't tell   {len(found.blind)} with agent.sh: {', '.join(found.blind[:5])}"


def _session(host: str, session: HostSession) -> str:
    return f"{host}  {session.account}  {session.key_id or session.way} from {session.address}"


def _heard(when: int) -> str:
    return f"last heard {moment(when)}" if when else "never heard"


def _until(when: int, now: int) -> str:
    if not when:
        return "has not looked for what stays behind"
    return f"lets them in until {moment(when)}" if when > now else "lets nobody in by it any more; sessions may go on"


def _more(count: int) -> Iterator[str]:
    if count > FIRST:
        yield f"               and {count - FIRST} more: --json"


def _fitting(text: str) -> str:
    """One line of the terminal: what wraps can't be written over."""
    from shutil import get_terminal_size

    width = get_terminal_size().columns - 1
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


class _Live:
    """One line that changes, where a person looks; nothing for a script."""

    def __init__(self, *, as_json: bool) -> None:
        stream = sys.stderr
        looks = stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
        self.last: EndingProgress | None = None
        self._shown, self._rewrites, self._quiet = "", looks, as_json and not looks

    def take(self, lines: Iterable[EndingProgress]) -> None:
        for each in lines:
            self.last = each
            self._show(summary(each))
        self._end()

    def _show(self, text: str) -> None:
        if text == self._shown or self._quiet:
            return
        self._shown = text
        if self._rewrites:
            sys.stderr.write(f"\r\x1b[K{_fitting(printable(text))}")
            sys.stderr.flush()
        else:
            note(printable(text))

    def _end(self) -> None:
        if self._rewrites and self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
