"""~/.ssh/config belongs to the person: our block goes in and comes out, and not one other byte changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daypass.client.openssh import sshsetup
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.errors import Misconfigured
from tests.parts.needs import need


def add(settings: Settings) -> str:
    changes = sshsetup.plan(settings)
    sshsetup.apply(settings, changes)
    return "".join(change.diff() for change in changes)


def remove(settings: Settings) -> None:
    sshsetup.apply(settings, sshsetup.plan(settings, remove=True), remove=True)


def snapshot(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        found[str(path)] = (path.lstat().st_mode, content)
    return found


CONTENTS = [
    b"",
    b"\n",
    b"Host a\n  User b\n",
    b"Host a\n  User b",
    b"# caf\xe9\r\nHost a\r\n\tUser b\r\n\r\n",
    b"\xef\xbb\xbfHost a\n\x00",
]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o400])
def test_what_was_there_is_there_again_byte_for_byte(
    content: bytes, mode: int, joined: Membership, settings: Settings, home: Path
) -> None:
    (home / ".ssh").mkdir(mode=0o700)
    config = home / ".ssh/config"
    config.write_bytes(content)
    config.chmod(mode)
    before = snapshot(home)
    add(settings)
    assert config.read_bytes().endswith(content)
    assert config.stat().st_mode & 0o777 == mode
    remove(settings)
    assert snapshot(home) == before


@pytest.mark.parametrize("with_folder", [False, True])
def test_what_was_not_there_is_gone_again(
    with_folder: bool, joined: Membership, settings: Settings, home: Path
) -> None:
    if with_folder:
        (home / ".ssh").mkdir(mode=0o700)
    before = snapshot(home)
    add(settings)
    assert (home / ".ssh/config").stat().st_mode & 0o777 == 0o600
    assert (home / ".ssh").stat().st_mode & 0o777 == 0o700
    remove(settings)
    assert snapshot(home) == before


def test_what_the_person_added_since_stays(joined: Membership, settings: Settings, home: Path) -> None:
    add(settings)
    config = home / ".ssh/config"
    config.write_bytes(config.read_bytes() + b"Host mine\n")
    remove(settings)
    assert config.read_bytes() == b"Host mine\n"


def test_doing_it_twice_changes_nothing(joined: Membership, settings: Settings, home: Path) -> None:
    add(settings)
    before = snapshot(home)
    assert add(settings) == ""
    assert snapshot(home) == before


def test_a_symlink_is_followed_and_stays_one(joined: Membership, settings: Settings, home: Path) -> None:
    (home / "dotfiles").mkdir()
    (home / ".ssh").mkdir(mode=0o700)
    (home / "dotfiles/ssh").write_text("Host a\n")
    (home / ".ssh/config").symlink_to("../dotfiles/ssh")
    before = snapshot(home)
    add(settings)
    assert (home / ".ssh/config").is_symlink()
    assert (home / "dotfiles/ssh").read_text().endswith("Host a\n")
    remove(settings)
    assert snapshot(home) == before


def test_our_lines_come_first_whatever_was_put_before_them(
    joined: Membership, settings: Settings, home: Path
) -> None:
    """ssh takes the first value it reads."""
    add(settings)
    config = home / ".ssh/config"
    config.write_bytes(b"Host *\n  StrictHostKeyChecking no\n" + config.read_bytes())
    add(settings)
    content = config.read_bytes()
    assert content.startswith(b"# >>> daypass")
    assert content.count(b"# >>> daypass") == 1
    assert content.endswith(b"Host *\n  StrictHostKeyChecking no\n")


@pytest.mark.parametrize("trouble", ["ro", "size=4k"])
def test_a_disk_that_is_read_only_or_full_is_told_and_leaves_the_file_as_it_was(
    trouble: str, joined: Membership, settings: Settings, home: Path
) -> None:
    """In a mount namespace of its own, since root may write anywhere else."""
    need("root with mount namespaces")
    (home / ".ssh").mkdir(mode=0o700)
    script = f"""
mount -t tmpfs -o mode=700 none {home}/.ssh && printf 'Host mine\\n' > {home}/.ssh/config || exit 99
mount -o remount,{trouble} {home}/.ssh && test "{trouble}" = ro || head -c 100k /dev/zero > {home}/.ssh/fill
{sys.executable} -P -m daypass.cli.main ssh-config
echo $?; cat {home}/.ssh/config; ls -A {home}/.ssh | grep -v fill"""
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], env={**os.environ, **settings.environ}, capture_output=True, text=True
    )
    assert done.stdout.endswith("10\nHost mine\nconfig\n"), done.stdout + done.stderr
    assert f"can't write {home}/.ssh/config" in done.stderr and "hint:" in done.stderr


def test_a_block_whose_line_ends_an_editor_has_changed_is_found(
    joined: Membership, settings: Settings, home: Path
) -> None:
    """Saved as Windows does, or without the last line's end."""
    add(settings)
    config = home / ".ssh/config"
    config.write_bytes(config.read_bytes().replace(b"\n", b"\r\n") + b"Host mine\r\n")
    add(settings)
    assert config.read_bytes().count(b"# >>> daypass") == 1
    remove(settings)
    assert config.read_bytes() == b"Host mine\r\n"
    add(settings)
    config.write_bytes(config.read_bytes().replace(b"Host mine\r\n", b"").rstrip(b"\n"))
    remove(settings)
    assert not config.exists() or config.read_bytes() == b""


def test_a_block_cut_short_by_hand_is_not_guessed_at(joined: Membership, settings: Settings, home: Path) -> None:
    add(settings)
    config = home / ".ssh/config"
    config.write_bytes(config.read_bytes().replace(b"# <<< daypass <<<\n", b"Host mine\n"))
    with pytest.raises(Misconfigured, match="lost its last line"):
        remove(settings)


def test_the_diff_shows_all_that_changes(joined: Membership, settings: Settings, home: Path) -> None:
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh/config").write_bytes(b"Host a")
    shown = add(settings)
    assert "+Include" in shown
    assert "+@cert-authority *.corp.test" in shown
    assert "-Host" not in shown
    assert "\\ No newline at end of file" in shown
