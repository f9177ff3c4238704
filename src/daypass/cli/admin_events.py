"""`daypass ca events`: who outside is told of what the CA does, how far each has come, and a trial."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import Where, json_option, where_options
from daypass.cli.output import counted, data, good, json_data, moment, note, printable, show_hint, utc

if TYPE_CHECKING:
    from daypass.ca.event_ports import Event, Place
    from daypass.config import Config, EventSection

__all__ = ["events"]


@click.group(
    epilog="""\b
Examples:
  sudo daypass ca events status
  sudo daypass ca events status --json | jq '.[] | select(.behind > 0)'
  sudo daypass ca events test alerts

Which there are is said by [[events]] in the configuration of this machine."""
)
def events() -> None:
    """Who outside is told of what the CA does."""


@events.command(
    epilog="""\b
Examples:
  sudo daypass ca events status
  sudo daypass ca events status --json

\b
Exit code: 0 all of them are being told, 1 the last try at one of them failed."""
)
@where_options
@json_option
def status(where: Where, as_json: bool) -> int:
    """Show how far each of them has come, and what keeps it."""
    config = where.load()
    places, head = asyncio.run(_places(config))
    found = {each.name: each for each in places}
    shown = [_facts(each, found.get(each.name), head) for each in config.events]
    if as_json:
        json_data([{name: value for name, value in each.items() if name != "text"} for each in shown])
    else:
        _show(shown)
    return 1 if any(each["error"] for each in shown) else 0


@events.command(
    epilog="""\b
Examples:
  sudo daypass ca events test alerts

Sent from here, whether or not the CA runs: it says whether the address, the secret and the way there are right.

\b
Exit code: 0 it arrived, as far as that can be known, 9 it did not."""
)
@click.argument("name")
@where_options
def test(name: str, where: Where) -> None:
    """Send NAME an event that says it is a test."""
    from daypass.errors import NotFound

    config = where.load()
    section = next((each for each in config.events if each.name == name), None)
    if section is None:
        known = ", ".join(each.name for each in config.events)
        hint = f"there are: {known}" if known else "add [[events]] to the configuration"
        raise NotFound(f"nobody who is told is called {name}", code="events.unknown", hint=hint)
    asyncio.run(_try(section))
    note(f"{good('told')} {section.name}: event.test")


async def _try(section: EventSection) -> None:
    from daypass.assemble.outlets import outlet

    sink = outlet(section).sink
    try:
        await sink.send(_test_event())
        await sink.settle()
    finally:
        await sink.close()


def _test_event() -> Event:
    import os
    import secrets
    import time

    import msgspec

    from daypass.ca.event_ports import Event, Severity

    now = int(time.time())
    fields = {"seq": 0, "time": now, "act": "event.test", "actor": f"uid:{os.geteuid()}"}
    entry = msgspec.json.encode(fields)
    return Event(f"dp-0-{secrets.token_hex(8)}", 0, now, "event.test", Severity.NOTICE, entry, fields)


async def _places(config: Config) -> tuple[Sequence[Place], int]:
    from daypass.store import open_store

    store = open_store(config.ca.database)
    try:
        return await store.event_places(), (await store.head()).seq
    finally:
        await store.close()


def _facts(section: EventSection, place: Place | None, head: int) -> dict[str, object]:
    """`behind`: entries that were not looked at yet; None for who was told nothing ever."""
    failing = place is not None and place.error is not None
    return {
        "name": section.name,
        "type": section.type,
        "acts": section.acts,
        "severity": section.severity,
        "seq": place and place.seq,
        "behind": place and max(0, head - place.seq),
        "failures": place.failures if place else 0,
        "error": place and place.error,
        "retry_at": utc(place.retry_at) if place and failing else None,
        "text": _text(place, head),
    }


def _text(place: Place | None, head: int) -> str:
    if place is None:
        return "not begun: the CA has not run with it yet"
    behind = max(0, head - place.seq)
    if place.error is None:
        return "up to date" if not behind else _to_go(behind)
    tries = "once" if place.failures == 1 else f"{place.failures} times"
    return f"{_to_go(behind)}; failed {tries}: {place.error}; next try {moment(place.retry_at)}"


def _to_go(behind: int) -> str:
    return f"{counted(behind, 'entry', 'entries')} to go"


def _show(shown: Sequence[dict[str, object]]) -> None:
    width = max((len(str(each["name"])) for each in shown), default=0)
    for each in shown:
        data(printable(f"{each['name']!s:<{width}}  {each['type']!s:<7}  {each['text']}"))
    if not shown:
        note("nobody is told of anything")
        show_hint("add [[events]] to the configuration")
