"""What somebody lays out for whoever comes to clean up after them."""

from __future__ import annotations

import os
import signal
import stat
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.host.remains.homes import ALICE, Homes, key_line
from tests.parts.needs import need

from daypass.api import MAX_BODY
from daypass.host.remains.asuser import as_user
from daypass.host.remains.look import MOST, File, read
from daypass.host.remains.memory import Memory, waiting

KEYS = ".ssh/authorized_keys"


def link(homes: Homes, name: str, target: str | Path) -> Path:
    """A link of alice's."""
    path = homes.put("alice", name, "")
    path.unlink()
    path.symlink_to(target)
    os.chown(path, 5001, 5001, follow_symlinks=False)
    return path


def root_file(homes: Homes, content: str, mode: int = 0o600) -> Path:
    path = homes.box.root / "etc/of-root"
    path.write_text(content)
    path.chmod(mode)
    return path


def test_a_link_to_what_only_root_reads_tells_nothing_and_root_touches_nothing(homes: Homes) -> None:
    secret = root_file(homes, key_line("secret")[0])
    link(homes, KEYS, secret)
    homes.ended()
    (found,) = homes.looked().remains
    assert (found.done, found.error) == ("failed", "Permission denied")
    assert "secret" in secret.read_text()


def test_a_link_is_taken_and_put_back_and_what_it_leads_to_stays(homes: Homes) -> None:
    line, print_ = key_line("there")
    target = root_file(homes, line, 0o644)
    keys = link(homes, KEYS, target)
    homes.ended()
    (found,) = homes.looked().remains
    assert found.done == "quarantined"
    assert print_ in found.what
    assert "(a link)" in found.what
    assert not keys.is_symlink()
    assert target.read_text() == line
    homes.ended(undone=True)
    homes.looked()
    assert keys.readlink() == target


def test_a_folder_that_is_a_link_leads_the_account_no_further_than_it_may(homes: Homes) -> None:
    folder = homes.box.root / "etc/ssh-of-root"
    folder.mkdir()
    (folder / "authorized_keys").write_text(key_line("root's")[0])
    link(homes, ".ssh", folder)
    homes.ended()
    assert homes.told() == [("alice", "authorized_keys", "failed")]
    assert (folder / "authorized_keys").exists()


def test_a_fifo_keeps_nobody_waiting_and_lets_nobody_in(homes: Homes) -> None:
    os.mkfifo(homes.put("alice", ".ssh/x", "").with_name("authorized_keys"), 0o666)
    homes.ended()
    assert homes.told() == []


def test_a_file_of_any_size_is_not_read_for_ever(homes: Homes) -> None:
    """sshd would read it to its end: it counts for what lets in."""
    with homes.put("alice", KEYS, "").open("r+b") as file:
        file.truncate(MOST + 1)
        file.seek(MOST - 200)
        file.write(key_line()[0].encode())
    homes.ended()
    (found,) = homes.looked().remains
    assert (found.done, found.error) == ("failed", "it is too large to be read")


def test_a_file_that_its_owner_has_shut_is_said(homes: Homes) -> None:
    homes.put("alice", KEYS, key_line()[0], 0)
    homes.ended()
    assert homes.told() == [("alice", "authorized_keys", "failed")]


def test_names_and_comments_move_no_terminal_and_forge_no_line(homes: Homes) -> None:
    homes.put("alice", KEYS, f"{key_line('x')[0]} \x1b[2J\u202e\r{ALICE}\n")
    homes.put("alice", ".config/systemd/user/a\nb.service", "")
    homes.put("alice", ".config/systemd/user/fine.service", "")
    (homes.home("alice") / ".config/systemd/user" / os.fsdecode(b"\xff.service")).touch()
    homes.ended(remains="report")
    report = homes.looked()
    assert [each.kind for each in report.remains] == ["authorized_keys", "unit"]
    assert all(each.what.isprintable() for each in report.remains)


def test_a_report_is_bounded_whatever_there_is(homes: Homes) -> None:
    lines = [key_line("c" * 200)[0] for _ in range(150)]
    homes.put("alice", KEYS, "\n".join(lines))
    homes.ended(remains="report")
    report = homes.looked()
    assert len(report.remains) + report.cut == 150
    assert report.cut >= 90
    assert len(waiting(homes.box.paths)) == 1
    assert homes.box.paths.remains.stat().st_size < MAX_BODY


def test_all_keys_of_a_long_file_are_taken_and_none_is_counted_for_left(homes: Homes) -> None:
    keys = homes.put("alice", KEYS, "\n".join(key_line()[0] for _ in range(100)))
    homes.ended()
    assert homes.looked().cut == 0
    assert not keys.exists()


def test_a_file_that_changes_meanwhile_is_left_to_the_next_look(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from daypass.host.remains import one, quarantine

    keys, more = homes.put("alice", KEYS, key_line("old")[0]), key_line("new")[0]
    real = quarantine.take

    def late(*arguments: object) -> None:
        keys.write_text(more)
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(one, "take", late)
    homes.ended()
    assert homes.told() == [("alice", "authorized_keys", "failed")]
    assert keys.read_text() == more
    assert list(homes.box.paths.quarantine.glob("*.json")) == []
    monkeypatch.undo()
    assert homes.told(later=60) == [("alice", "authorized_keys", "quarantined")]


def test_a_quarantine_that_others_may_write_to_is_not_used(homes: Homes) -> None:
    keys = homes.put("alice", KEYS, key_line()[0])
    homes.box.paths.quarantine.mkdir(mode=0o777)
    homes.box.paths.quarantine.chmod(0o777)
    homes.ended()
    (found,) = homes.looked().remains
    assert found.done == "failed"
    assert "writable by others" in found.error
    assert keys.exists()


def test_work_is_done_as_the_account_and_without_what_root_has_open() -> None:
    need("root with mount namespaces")
    with Path("/etc/shadow").open() as held:
        found: list[list[int]] = as_user(5001, 5002, _what_i_am, list[list[int]])
        assert not held.closed
    assert found == [[5001] * 3, [5002] * 3, [], []]


def _what_i_am() -> list[list[int]]:
    return [list(os.getresuid()), list(os.getresgid()), os.getgroups(), _open_files()]


def _open_files() -> list[int]:
    """Beside the pipe."""
    found = list[int]()
    for number in range(3, 64):
        with suppress(OSError):
            found += [] if stat.S_ISFIFO(os.fstat(number).st_mode) else [number]
    return found


def test_what_never_answers_is_given_up_and_ended() -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        as_user(os.getuid(), os.getgid(), lambda: time.sleep(60), None, seconds=0.2)
    assert time.monotonic() - started < 30


def test_whoever_is_killed_by_the_account_is_an_error_and_not_an_answer() -> None:
    with pytest.raises(OSError, match="ended before it could answer"):
        as_user(os.getuid(), os.getgid(), lambda: os.kill(os.getpid(), signal.SIGKILL), None)


def test_an_error_comes_out_as_it_was() -> None:
    with pytest.raises(FileNotFoundError, match="No such file"):
        as_user(os.getuid(), os.getgid(), lambda: Path("/nowhere/at/all").read_text(), str)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: os.mkfifo(path)], ids=["folder", "fifo"])
def test_what_sshd_would_not_read_is_nothing(tmp_path: Path, make: object) -> None:
    make(tmp_path / "x")  # type: ignore[operator]
    assert read(str(tmp_path / "x")) is None
    assert read(str(tmp_path / "x/y")) is None


def test_a_device_is_never_opened_for_long(tmp_path: Path) -> None:
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert read(str(tmp_path / "zero")) is None
    (tmp_path / "loop").symlink_to("loop")
    looped = read(str(tmp_path / "loop"))
    assert isinstance(looped, File)
    assert looped.error == "Too many levels of symbolic links"


def test_a_broken_memory_is_not_taken_for_an_empty_one(homes: Homes) -> None:
    homes.box.paths.remains.write_text("{")
    homes.ended()
    from daypass.errors import Misconfigured

    with pytest.raises(Misconfigured, match="can't be understood"):
        homes.looked()
    homes.box.sync()
    with pytest.raises(Misconfigured):
        Memory.load(homes.box.paths)
