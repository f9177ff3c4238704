"""What a host worries about: in time, and louder by the day."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest
from tests.host.box import Box

from daypass.errors import Invalid, Unavailable
from daypass.host import said
from daypass.host.run.voice import Level
from daypass.host.state import State
from daypass.host.worries import DAY, HOUR, worries

MONTH = 30 * DAY


@pytest.fixture
def host(box: Box) -> Box:
    """Enrolled for a month."""
    now = int(time.time())
    box.ca.certificate |= {"valid_after": now, "valid_before": now + MONTH}
    box.enrol()
    return box


def state(box: Box) -> State:
    found = State.load(box.paths.state)
    assert found is not None
    return found


def levels(box: Box, later: float, heard: float | None = None) -> list[tuple[str, Level]]:
    """Seen `later` seconds after the enrolment, `heard` seconds after which the CA last had word for it."""
    start = state(box).enrolled_at
    seen = msgspec.structs.replace(state(box), synced_at=int(start + (later if heard is None else heard)))
    return [(each.what.partition(" ")[0], each.level) for each in worries(box.paths, seen, start + later)]


def test_a_host_that_hears_from_its_ca_worries_about_nothing(host: Box) -> None:
    assert levels(host, 0) == levels(host, 19 * DAY) == []


SILENCES = [
    (HOUR - 9, None), (HOUR, Level.WARNING), (DAY - 9, Level.WARNING), (DAY, Level.ERR), (7 * DAY, Level.CRIT),
]  # fmt: skip


@pytest.mark.parametrize(("silent", "level"), SILENCES)
def test_a_silent_ca_is_told_louder_by_the_day(host: Box, silent: int, level: Level | None) -> None:
    assert levels(host, silent, 0) == ([("silence", level)] if level else [])


ENDS = [(22 * DAY, None), (24.1 * DAY, Level.ERR), (27.1 * DAY, Level.CRIT), (31 * DAY, Level.CRIT)]


@pytest.mark.parametrize(("later", "level"), ENDS)
def test_a_certificate_that_is_not_renewed_is_told_days_before_its_end(
    host: Box, later: float, level: Level | None
) -> None:
    assert levels(host, later) == ([("certificate", level)] if level else [])


def test_a_clock_that_was_set_back_is_told(host: Box) -> None:
    assert levels(host, -DAY, 0)[0] == ("clock", Level.ERR)


@pytest.mark.parametrize("name", ["krl", "user_ca", "certificate"])
def test_a_file_that_is_gone_is_told(host: Box, name: str) -> None:
    path = Path(state(host).certificates[0].path) if name == "certificate" else getattr(host.paths, name)
    path.unlink()
    assert [level <= Level.ERR for _, level in levels(host, 0)] == [True]


@pytest.mark.parametrize("content", [b"", b"SSHKRL\n\0", b"garbage"])
def test_a_krl_that_has_sshd_refuse_every_key_is_told(host: Box, content: bytes) -> None:
    host.paths.krl.write_bytes(content)
    assert levels(host, 0) == [("file", Level.CRIT)]


def test_a_copy_of_a_disk_is_told_before_everything_else(host: Box) -> None:
    (host.root / "etc/machine-id").write_text("1" * 32)
    host.enrol()
    (host.root / "etc/machine-id").write_text("2" * 32)
    assert levels(host, 8 * DAY, 0)[0] == ("clone", Level.CRIT)


def news(box: Box, later: float) -> bool:
    return said.is_news(box.paths, Unavailable("nothing answers"), state(box).heard_at + later)


def test_cron_mails_when_it_gets_worse_and_once_a_day(host: Box) -> None:
    every_five_minutes = range(0, 8 * DAY, 300)
    told = [later for later in every_five_minutes if news(host, later)]
    assert told == [0, HOUR, DAY, *(day * DAY for day in range(2, 8))]


def test_what_is_new_is_said_and_so_is_what_comes_after_a_good_day(host: Box) -> None:
    assert news(host, 0)
    assert said.is_news(host.paths, Invalid("a lie"), state(host).heard_at)
    assert news(host, 1)
    assert not news(host, 2)
    said.well(host.paths)
    assert news(host, 3)


def test_what_can_not_be_noted_is_said(box: Box) -> None:
    assert said.is_news(box.paths, Unavailable("nothing answers"), 0)
    assert said.is_news(box.paths, Unavailable("nothing answers"), 1)
