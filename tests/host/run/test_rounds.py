"""Rounds of the agent, one at a time, with a CA that says what the test has it say."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.host.box import Box
from tests.parts.kill import killed_at
from tests.parts.needs import need

from daypass import api
from daypass.cli.main import main
from daypass.errors import DaypassError, NotFound, Unauthenticated, Unavailable
from daypass.host.alone import alone
from daypass.host.calls import Prove
from daypass.host.closing import is_closed
from daypass.host.leave import leave
from daypass.host.run.agent import Agent
from daypass.host.run.pace import Pace
from daypass.host.run.systemd import Stops
from daypass.host.run.voice import Voice
from daypass.host.state import State
from daypass.host.swap import NEW_KEYS, Step, Swap
from daypass.host.sync import sync_once
from daypass.model import HostRole

DAY = 86400
ROOT = HostRole("ops", "restrict,pty", accounts=("root",))


@dataclass
class Link:
    """The box's CA by a stream of `words` words, or an error in its place; `asked` counts what came how."""

    box: Box
    words: int = 1
    error: DaypassError | None = None
    retry_after: int | None = None
    asked: list[str] = field(default_factory=list)
    url: str = "https://ca.example.com"
    stalled: bool = False  # all words of the stream are made before the first of them arrives

    @contextmanager
    def stream(self, request: api.HostSyncRequest, prove: Prove) -> Iterator[Iterator[api.HostSyncResponse]]:
        self.asked.append("stream")
        if self.error is not None:
            raise self.error
        yield self._lines(request, prove)

    def _lines(self, request: api.HostSyncRequest, prove: Prove) -> Iterator[api.HostSyncResponse]:
        words = (self.box.ca.host_sync(request, prove) for _ in range(self.words))
        yield from list(words) if self.stalled else words
        if self.retry_after is not None:
            yield api.HostSyncResponse(retry_after=self.retry_after)

    def host_sync(self, request: api.HostSyncRequest, prove: Prove) -> api.HostSyncResponse:
        self.asked.append("sync")
        return self.box.ca.host_sync(request, prove)

    def host_renew(self, request: api.HostRenewRequest, prove: Prove) -> api.HostRenewed:
        self.asked.append("renew")
        return self.box.ca.host_renew(request, prove)

    def host_report(self, report: api.HostReport, prove: Prove) -> api.HostReportKept:  # noqa: ARG002
        raise Unavailable("not now")

    def revoke_host(self, ott: str, serial: int, *, reason: str = "") -> None:
        self.box.ca.revoke_host(ott, serial, reason=reason)


@dataclass
class Set:
    """An enrolled box, its agent, the clock it goes by, and what it said."""

    box: Box
    link: Link
    agent: Agent
    said: list[str]
    ahead: float = 0.0

    def state(self) -> State:
        found = State.load(self.box.paths.state)
        assert found is not None
        return found


@pytest.fixture
def scene(box: Box) -> Set:
    now = int(time.time())
    box.ca.certificate |= {"valid_after": now, "valid_before": now + 30 * DAY}
    box.enrol()
    link, said = Link(box), list[str]()
    agent: Any = Agent(box.paths, Stops(), Voice(write=said.append), Pace(told=0, renew=0, renew_longest=0))
    made = Set(box, link, agent, said)
    agent.connect = lambda _url, _roots: link
    agent.wall = lambda: time.time() + made.ahead
    return made


def test_a_word_of_the_stream_is_brought_into_force(scene: Set) -> None:
    scene.box.change(roles=[ROOT])
    assert 0 <= scene.agent.round() <= 20
    assert (scene.box.paths.principals / "root").exists()
    assert any("principals/root changed" in line for line in scene.said)


def test_a_word_that_lay_in_the_stream_while_the_ca_was_asked_beside_it_is_no_alarm(scene: Set) -> None:
    """A link that was down for a while brings everything at once."""
    scene.link.words, scene.link.stalled = 3, True
    scene.box.change(roles=[ROOT])
    tell, told = scene.agent._tell, list[int]()

    def with_news(link: Any) -> None:
        if not told:
            scene.box.change(roles=[])
        told.append(1)
        tell(link)

    scene.agent._tell = with_news  # type: ignore[method-assign]
    assert 0 <= scene.agent.round() <= 20
    assert scene.link.asked == ["stream", "sync"]
    assert not [line for line in scene.said if "seen before" in line or "another bundle" in line]


def test_a_change_that_somebody_else_is_in_the_middle_of_is_not_mended_meanwhile(scene: Set) -> None:
    """A rekey by hand beside the agent: its keys lie in a folder, its steps in a file, and it holds the lock."""
    paths = scene.box.paths
    begun = Swap(first=[Step.to(paths.ours / "new", b"new")], then=[], state=scene.state(), left=[])
    with alone(paths):
        (paths.memory / f"{NEW_KEYS}x").mkdir()
        begun.first[0].take()
        begun.save(paths.swap)
        scene.link.words = 0
        scene.agent.round()
        assert (paths.memory / f"{NEW_KEYS}x").is_dir() and (paths.ours / "new").exists() and paths.swap.exists()
    scene.agent.round()  # whoever it was died
    assert not (paths.memory / f"{NEW_KEYS}x").exists() and not (paths.ours / "new").exists()


def test_the_end_of_a_stream_says_when_to_come_back_and_never_for_good(scene: Set) -> None:
    scene.link.retry_after = 10**9
    assert all(scene.agent.round() <= 600 for _ in range(20))


INSTEAD = [
    ("no streams", NotFound("no such route"), None),
    ("mute streams", None, None),
    ("streams that end at once", None, 5),
    ("a CA with too many", Unavailable("no more", code="streams.full", retry_after=60), None),
    ("a proxy that gives up", Unavailable("answered 504"), None),
    ("a proxy that holds them back", Unavailable("not in time", code="connection.timeout"), None),
]


@pytest.mark.parametrize(("error", "retry_after"), [row[1:] for row in INSTEAD], ids=[row[0] for row in INSTEAD])
def test_where_streams_do_not_get_through_it_asks(
    scene: Set, error: DaypassError | None, retry_after: int | None
) -> None:
    scene.link.error, scene.link.words, scene.link.retry_after = error, 0, retry_after
    while scene.link.asked[-1:] != ["sync"]:
        assert len(scene.link.asked) < 5
        wait = scene.agent.round()
    assert 45 <= wait <= 75
    assert scene.state().synced_at > 0


def test_a_question_that_nobody_answers_is_followed_by_a_stream(scene: Set) -> None:
    scene.link.error = Unavailable("no more", code="streams.full")
    scene.agent.round()
    scene.box.ca.sync_answer = lambda _: _raise(Unavailable("answered 502"))
    for _ in range(2):
        scene.agent.round()
    assert scene.link.asked == ["stream", "sync", "stream"]


def _raise(error: DaypassError) -> api.HostSyncResponse:
    raise error


def test_a_ca_that_is_down_is_said_once_and_louder_by_the_day(scene: Set) -> None:
    scene.link.error = Unavailable("nothing answers", code="connection.refused")
    levels = list[str]()
    for scene.ahead in (0, 60, 7200, 7300, 2 * DAY, 8 * DAY, 29 * DAY, 31 * DAY):
        scene.said.clear()
        scene.agent.round()
        levels.append("".join(sorted(line[1] for line in scene.said)))
    assert levels == ["5", "", "4", "", "3", "2", "2", ""]


def test_a_ca_that_only_says_come_back_keeps_no_host_open_that_is_to_fail_closed(scene: Set) -> None:
    scene.box.change(fail_closed_after=DAY)
    scene.agent.round()
    scene.link.words, scene.link.retry_after, scene.ahead = 0, 1, 2 * DAY
    scene.agent.round()
    assert is_closed(scene.box.paths.krl)
    assert any("so long without word" in line for line in scene.said)


def test_a_week_without_a_ca_changes_nothing_that_sshd_reads(scene: Set) -> None:
    scene.agent.round()
    before = scene.box.tree()
    scene.link.error = Unavailable("nothing answers", code="connection.refused")
    for day in range(8):
        scene.ahead = day * DAY
        scene.agent.round()
    assert scene.box.tree() == before


@pytest.mark.parametrize("years", [-1, 1])
def test_a_clock_that_jumps_is_told_and_harms_nothing(scene: Set, years: int) -> None:
    scene.agent.round()
    before = scene.box.tree()
    scene.ahead = years * 365 * DAY
    scene.agent.round()
    assert any("timedatectl" in line for line in scene.said)
    assert scene.box.tree() == before
    scene.ahead = 0
    scene.said.clear()
    scene.agent.round()
    assert scene.said == ["<5>in touch with https://ca.example.com again\n"]


def test_a_renewal_that_fails_is_tried_again_and_keeps_the_old_certificate(scene: Set) -> None:
    scene.agent.round()
    scene.ahead, before = 22 * DAY, scene.state().certificates
    scene.box.ca.bundle |= {"expires": int(time.time()) + 99 * DAY, "version": 9}
    scene.box.ca.renew_answer = lambda _: api.HostRenewed(certificates=[])
    scene.agent.round()
    assert scene.state().certificates == before
    scene.box.ca.renew_answer = lambda answer: answer
    scene.agent.round()
    assert scene.state().certificates[0].serial > before[0].serial
    assert scene.link.asked.count("renew") == 2


def test_a_host_that_was_removed_is_told_to_enrol_anew(scene: Set, capsys: pytest.CaptureFixture[str]) -> None:
    scene.link.error = Unauthenticated("its host has been removed", hint="enrol the host anew")
    scene.agent.round()
    assert scene.said[0] == "<3>its host has been removed; enrol the host anew\n"
    assert main(["host", "status", "--root", str(scene.box.root)]) == 1
    assert "refuses this host: its host has been removed" in capsys.readouterr().err
    scene.link.error = None
    scene.agent.round()
    assert main(["host", "status", "--root", str(scene.box.root)]) == 0


def test_cron_notes_a_refusal_for_monitoring_too(scene: Set) -> None:
    scene.box.ca.sync_error = Unauthenticated("its certificate is revoked")
    with pytest.raises(Unauthenticated):
        sync_once(scene.box.paths, scene.box.ca, time.time())
    assert scene.state().refused == "its certificate is revoked"
    scene.box.ca.sync_error = None
    sync_once(scene.box.paths, scene.box.ca, time.time())
    assert scene.state().refused == ""


def test_the_ca_hears_of_a_new_account(scene: Set) -> None:
    scene.link.words = 3
    with scene.box.paths.passwd.open("a") as file:
        file.write("carol:x:5003:5003::/home/carol:/bin/sh\n")
    real, calls = scene.box.ca.host_sync, count()

    def answer(request: api.HostSyncRequest, prove: Prove) -> api.HostSyncResponse:
        if next(calls) == 1:
            with scene.box.paths.passwd.open("a") as file:
                file.write("dave:x:5004:5004::/home/dave:/bin/sh\n")
        return real(request, prove)

    scene.box.ca.host_sync = answer  # type: ignore[method-assign]
    scene.agent.round()
    assert any("dave" in each.accounts for each in scene.box.ca.synced)
    assert scene.link.asked == ["stream", "sync"]


@contextmanager
def full(folder: Path) -> Iterator[Callable[[], None]]:
    """A disk of its own below `folder`, with nothing left on it until what is given is called."""
    kept = {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", folder], check=True)
    try:
        for name, content in kept.items():
            (folder / name).write_bytes(content)
        filler = folder / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        yield filler.unlink
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_told_and_heals(scene: Set) -> None:
    need("root with network namespaces")
    with full(scene.box.paths.memory) as make_room:
        scene.box.change(roles=[ROOT])
        for _ in range(3):
            scene.agent.round()
        said = next(line for line in scene.said if "No space left" in line)
        assert said.startswith(f"<3>{scene.box.paths.memory}/"), "it says which file it was"
        assert not list(scene.box.paths.memory.glob(".*")), "half a file would keep the disk full"
        scene.box.sshd.test()
        make_room()
        scene.agent.round()
        assert (scene.box.paths.principals / "root").exists()
        assert scene.state().synced_at > 0


def test_a_host_whose_memory_is_a_disk_of_its_own_may_leave(scene: Set) -> None:
    need("root with network namespaces")
    with full(scene.box.paths.memory) as make_room:
        make_room()
        leave(scene.box.paths, scene.box.sshd)
        assert not list(scene.box.paths.memory.iterdir())


def test_a_kill_at_any_write_of_a_round_heals_with_the_next(scene: Set) -> None:
    scene.agent.round()
    for number in count(1):
        scene.box.change(roles=[ROOT if number % 2 else HostRole("dev", "restrict", accounts=("deploy",))])
        if not killed_at(number, scene.agent.round):
            break
        scene.box.sshd.test()
        scene.agent.round()
        wanted = "root" if number % 2 else "deploy"
        found = [each.name for each in scene.box.paths.principals.iterdir()]
        assert [each for each in found if not each.startswith(".")] == [wanted]
    assert number > 4
