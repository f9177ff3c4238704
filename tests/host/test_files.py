"""Files put in place in one step, and put back as they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daypass.errors import Misconfigured
from daypass.host import files
from daypass.host.settings import Paths, Settings
from daypass.host.state import State


def test_a_write_replaces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "file"
    old_umask = os.umask(0o077)
    try:
        files.write(path, b"one", 0o644)
        files.write(path, b"two", 0o640)
    finally:
        os.umask(old_umask)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"two", 0o640)
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_never_follows_a_link_laid_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / ".file.daypass-new").symlink_to(target)
    (tmp_path / "file").symlink_to(target)
    files.write(tmp_path / "file", b"ours", 0o644)
    assert target.read_bytes() == b"precious"
    assert not (tmp_path / "file").is_symlink()


def test_a_snapshot_restores_bytes_and_mode_and_absence(tmp_path: Path) -> None:
    there, missing = tmp_path / "there", tmp_path / "missing"
    there.write_bytes(b"\0old\r\n")
    there.chmod(0o604)
    snapshots = [files.Snapshot.take(there), files.Snapshot.take(missing)]
    files.write(there, b"new", 0o600)
    missing.write_bytes(b"new")
    for snapshot in snapshots:
        snapshot.restore()
    assert (there.read_bytes(), there.stat().st_mode & 0o777) == (b"\0old\r\n", 0o604)
    assert not missing.exists()


def test_a_file_that_has_not_changed_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"same")
    inode = path.stat().st_ino
    files.Snapshot.take(path).restore()
    assert path.stat().st_ino == inode


@pytest.mark.parametrize("kind", ["link", "socket", "foreign"])
def test_what_does_not_belong_in_our_folder_is_refused(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    if kind == "link":
        (folder / "x").symlink_to("/etc/passwd")
    elif kind == "socket":
        os.mkfifo(folder / "x")
    elif os.geteuid() == 0:
        (folder / "x").touch()
        os.chown(folder / "x", 5001, 5001)
    else:
        (folder / "x").touch()
        (folder / "x").chmod(0o666)
    with pytest.raises(Misconfigured, match="so it is not touched"):
        files.check_folder(folder)


def test_folders_are_never_for_everyone_to_write_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.make_folder(tmp_path / "var/lib/ours", 0o700)
    finally:
        os.umask(before)
    made = [(tmp_path / each).stat().st_mode & 0o777 for each in ("var", "var/lib", "var/lib/ours")]
    assert made == [0o755, 0o755, 0o700]


@pytest.mark.parametrize("text", ["never = 'root'", "nevr = ['root']", "never = [", "never = [1]", "\xff"])
def test_settings_that_can_not_be_understood_are_never_taken_for_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "host.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(Misconfigured, match="host"):
        Settings.load(path)


@pytest.mark.parametrize("spoilt", ["file for all", "folder for all", "link", "dangling link"])
def test_a_ceiling_that_somebody_else_could_lift_is_none_to_go_by(safe_path: Path, spoilt: str) -> None:
    path = safe_path / "etc/host.toml"
    path.parent.mkdir(mode=0o755)
    if "link" in spoilt:
        path.symlink_to(safe_path / ("there" if spoilt == "link" else "nowhere"))
        (safe_path / "there").write_text("never = []\n")
    else:
        path.write_text('never = ["root"]\n')
        (path.parent if spoilt == "folder for all" else path).chmod(0o777)
    with pytest.raises(Misconfigured, match="is not touched"):
        Settings.load(path)


@pytest.mark.parametrize("root", ["relative", "/a b%u", '/quo"te', "/new\nline", "/back\\slash", "/has#h"])
def test_a_root_that_sshd_would_read_otherwise_is_refused(root: str) -> None:
    with pytest.raises(Exception, match="--root"):
        Paths(Path(root))


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff"])
def test_a_state_that_can_not_be_understood_is_never_taken_for_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.json").write_bytes(content)
    with pytest.raises(Misconfigured, match="can't be understood"):
        State.load(tmp_path / "state.json")
