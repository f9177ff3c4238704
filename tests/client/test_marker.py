"""The marker: where it lies, and that it is gone with the machine's run."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from daypass.client import marker
from tests.parts.needs import need

END = 2_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "contexts/firm"
    made.mkdir(parents=True)
    (made / "id-cert.pub").write_text("x")
    return made


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for /dev/shm; it is not there."""
    path = tmp_path / "shm"
    monkeypatch.setattr(marker, "_MEMORY", str(path))
    return path


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir(mode=0o700)
    return made


def write(folder: Path, runtime: Path | str, end: int = END) -> Path:
    marker.write(str(folder), end, "/agent", {"XDG_RUNTIME_DIR": str(runtime)})
    return folder / "valid"


def test_it_lies_in_the_runtime_folder_and_says_when_the_pass_ends(folder: Path, runtime: Path) -> None:
    link = write(folder, runtime)
    assert link.is_symlink() and link.resolve().parent == runtime / "daypass"
    assert (link.stat().st_mtime, link.read_text()) == (END, f"{END}\n")
    assert (folder / "agent.sock").readlink() == Path("/agent")
    assert (folder / "id-cert.pub").stat().st_mtime == END + 1
    assert stat.S_IMODE((runtime / "daypass").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_runtime_folder_that_others_may_enter_is_not_used(mode: int, folder: Path, runtime: Path) -> None:
    """Whoever writes there could have ssh believe anything about the pass."""
    runtime.chmod(mode)
    assert not write(folder, runtime).is_symlink()
    assert not list(runtime.iterdir())


def test_a_runtime_folder_of_somebody_else_s_is_not_used(folder: Path, runtime: Path) -> None:
    """As after `sudo` or `su`, which keep the variable."""
    need("root")
    os.chown(runtime, 12345, 12345)
    assert not write(folder, runtime).is_symlink()


@pytest.mark.parametrize("path", ["", "relative", "/nowhere", "/dev/null", "with\0nul"])
def test_without_a_runtime_folder_it_is_a_file(path: str, folder: Path) -> None:
    link = write(folder, path)
    assert link.is_file() and not link.is_symlink()
    assert link.stat().st_mtime == END


def test_without_a_runtime_folder_it_lies_in_memory_and_a_reboot_takes_it_away(folder: Path, memory: Path) -> None:
    """Else a container that starts again would have ssh offer a pass whose agent has ended."""
    memory.mkdir()
    link = write(folder, "")
    assert link.resolve().parent == memory / f"daypass-{os.geteuid()}"
    assert stat.S_IMODE(link.resolve().parent.stat().st_mode) == 0o700
    assert write(folder, "", END + 5).stat().st_mtime == END + 5
    marker.forget(str(folder))
    assert not list(memory.iterdir()) and not link.is_symlink()


@pytest.mark.parametrize("what", ["folder", "link", "file", "foreign"])
def test_what_another_user_has_put_in_its_place_is_left_alone(
    what: str, folder: Path, memory: Path, tmp_path: Path
) -> None:
    """Everybody may write to /dev/shm."""
    memory.mkdir()
    theirs, own = memory / f"daypass-{os.geteuid()}", tmp_path / "own"
    own.mkdir(mode=0o700)
    if what == "link":
        theirs.symlink_to(own)
    elif what == "file":
        theirs.touch()
    else:
        theirs.mkdir()
        theirs.chmod(0o777 if what == "folder" else 0o700)
    if what == "foreign":
        need("root")
        os.chown(theirs, 12345, 12345)
    link = write(folder, "")
    assert link.is_file() and not link.is_symlink()
    assert not list(own.iterdir()) and (theirs.is_file() or not list(theirs.iterdir()))


def test_it_moves_to_where_the_runtime_folder_is_now(folder: Path, runtime: Path) -> None:
    write(folder, "")
    assert write(folder, runtime).is_symlink()
    assert not write(folder, "", END + 5).is_symlink()
    assert (folder / "valid").stat().st_mtime == END + 5


def test_companies_of_one_name_in_two_homes_have_markers_of_their_own(
    folder: Path, runtime: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other/firm"
    other.mkdir(parents=True)
    (other / "id-cert.pub").touch()
    assert write(folder, runtime).resolve() != write(other, runtime).resolve()


def test_it_is_ahead_until_its_time_has_come(folder: Path, runtime: Path) -> None:
    assert not marker.is_ahead(str(folder), END)
    write(folder, runtime)
    assert marker.is_ahead(str(folder), END - 1)
    assert not marker.is_ahead(str(folder), END)


def test_after_a_reboot_it_is_not(folder: Path, runtime: Path) -> None:
    write(folder, runtime).resolve().unlink()
    assert not marker.is_ahead(str(folder), 0)


def test_what_is_forgotten_leaves_nothing(folder: Path, runtime: Path) -> None:
    write(folder, runtime)
    marker.forget(str(folder))
    assert sorted(each.name for each in folder.iterdir()) == ["id-cert.pub"]
    assert not list(runtime.iterdir())
    marker.forget(str(folder))


def test_a_folder_in_its_place_keeps_nobody_from_logging_out(folder: Path, runtime: Path) -> None:
    target = write(folder, runtime).resolve()
    target.unlink()
    target.mkdir()
    marker.forget(str(folder))
    assert sorted(each.name for each in folder.iterdir()) == ["id-cert.pub"]


def test_forgetting_one_leaves_another_company_s(folder: Path, runtime: Path, tmp_path: Path) -> None:
    other = tmp_path / "other/firm"
    other.mkdir(parents=True)
    (other / "id-cert.pub").touch()
    write(folder, runtime)
    write(other, runtime)
    marker.forget(str(folder))
    assert (other / "valid").exists()


def test_a_link_that_leads_elsewhere_is_taken_away_and_what_it_leads_to_stays(folder: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.touch()
    (folder / "valid").symlink_to(theirs)
    marker.forget(str(folder))
    assert theirs.exists() and not (folder / "valid").is_symlink()


def test_a_link_planted_for_its_temporary_file_is_not_followed(folder: Path, runtime: Path, tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", write(folder, runtime).resolve()
    victim.write_text("precious")
    target.with_name(f"{target.name}.{os.getpid()}.new").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        write(folder, runtime)
    assert victim.read_text() == "precious"


def test_what_a_process_that_died_left_is_written_over(folder: Path, runtime: Path) -> None:
    (folder / f"valid.{os.getpid()}.new").symlink_to("/nowhere")
    (folder / f"agent.sock.{os.getpid()}.new").touch()
    assert write(folder, runtime).exists()
