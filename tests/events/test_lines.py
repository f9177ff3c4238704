"""JSON lines: whole, kept safe, through rotation and after a crash."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from tests.events.made import event

from daypass.ca.event_ports import Event
from daypass.errors import Unavailable
from daypass.events.lines import STDOUT, Lines


async def tell(lines: Lines, *events: Event) -> None:
    for each in events:
        await lines.send(each)
    await lines.settle()


def told(file: Path, *events: Event) -> None:
    async def play() -> None:
        lines = Lines(file)
        try:
            await tell(lines, *events)
        finally:
            await lines.close()

    asyncio.run(play())


def read(file: Path) -> list[int]:
    return [json.loads(line)["seq"] for line in file.read_text().splitlines()]


def test_a_line_holds_the_whole_entry_for_its_owner_alone(tmp_path: Path) -> None:
    file, serials = tmp_path / "events.json", list(range(10_000))
    told(file, event(7, serials=serials, reason="two\nlines"), event(8))
    first = json.loads(file.read_text().splitlines()[0])
    assert (first["seq"], first["time"], first["act"]) == (7, "2027-01-15T08:00:00Z", "person.lock")
    assert (first["severity"], first["entry"]["serials"]) == ("warning", serials)
    assert read(file) == [7, 8]
    assert file.stat().st_mode & 0o777 == 0o600


def test_rotation_is_nothing_but_another_file_of_that_name(tmp_path: Path) -> None:
    file = tmp_path / "events.json"

    async def play() -> None:
        lines = Lines(file)
        await tell(lines, event(1))
        file.rename(tmp_path / "events.json.1")
        await tell(lines, event(2))
        await lines.close()

    asyncio.run(play())
    assert (read(tmp_path / "events.json.1"), read(file)) == ([1], [2])


def test_a_line_that_a_crash_cut_short_is_not_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    file.write_bytes(b'{"seq":1}\n{"seq":2,"ti')
    told(file, event(2))
    lines = file.read_text().splitlines()
    assert lines[1] == '{"seq":2,"ti'
    assert json.loads(lines[2])["seq"] == 2


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "missing"])
def test_what_is_no_file_of_ours_is_left_alone(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "events.json"
    if kind == "link":
        file.symlink_to(tmp_path / "other")
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file = tmp_path / "none/events.json"
    with pytest.raises(Unavailable):
        told(file, event())
    assert not (tmp_path / "other").exists()


def test_standard_output_gets_the_same(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    told(STDOUT, event(7))
    assert json.loads(capsysbinary.readouterr().out)["seq"] == 7
