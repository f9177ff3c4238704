"""Paths and writes: where platformdirs would put them, whole or not at all, and nothing ssh can't be told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import platformdirs.macos
import platformdirs.unix
import pytest

from daypass.client import place
from daypass.client.settings import Settings, write_file
from daypass.errors import Misconfigured, NotFound
from tests.parts.needs import need


@pytest.mark.parametrize("xdg", [None, "/data/of/mine"])
def test_the_default_folder_is_the_one_platformdirs_names(xdg: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/alice")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    if xdg:
        monkeypatch.setenv("XDG_DATA_HOME", xdg)
    assert place.home("", os.environ) == platformdirs.unix.Unix("daypass").user_data_dir
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert place.home("", os.environ, "darwin") == platformdirs.macos.MacOS("daypass").user_data_dir


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
def test_a_folder_that_others_may_write_to_is_not_used(mode: int, tmp_path: Path) -> None:
    """Whoever can put a socket there would be given the key."""
    tmp_path.chmod(mode)
    with pytest.raises(Misconfigured, match="others may write"):
        Settings.load("", {"HOME": "/home/a", "DAYPASS_HOME": str(tmp_path)})


def test_a_folder_of_another_account_is_not_used(tmp_path: Path) -> None:
    need("root")
    os.chown(tmp_path, 5001, 5001)
    with pytest.raises(Misconfigured, match="another account"):
        Settings.load("", {"HOME": "/home/a", "DAYPASS_HOME": str(tmp_path)})


def test_a_folder_that_can_t_even_be_looked_at_is_another_account_s(tmp_path: Path) -> None:
    """HOME after `su` without `-`."""
    need("root")
    (tmp_path / "closed/daypass").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    os.seteuid(12345)
    try:
        with pytest.raises(Misconfigured, match="belongs to another account"):
            Settings.load("", {"HOME": "/home/a", "DAYPASS_HOME": str(tmp_path / "closed/daypass")})
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("text", [b"\xff", b"url =", b"auto_login = 1", b"lifetme = '8h'"])
def test_machine_defaults_that_can_not_be_used_are_told(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "etc/daypass").mkdir(parents=True)
    (tmp_path / "etc/daypass/client.toml").write_bytes(text)
    with pytest.raises(Misconfigured, match="can't be used"):
        Settings.load(str(tmp_path), {"HOME": "/home/a"}).machine_defaults()


@pytest.mark.parametrize(
    ("root", "environ", "home"),
    [
        ("", {"HOME": "/home/a", "DAYPASS_HOME": "/srv/dp"}, "/srv/dp"),
        ("/img", {"HOME": "/home/a"}, "/img/home/a/.local/share/daypass"),
        ("/img", {"HOME": "/home/a", "DAYPASS_HOME": "/srv/dp"}, "/img/srv/dp"),
    ],
)
def test_root_and_daypass_home_move_everything(root: str, environ: dict[str, str], home: str) -> None:
    settings = Settings.load(root, environ)
    assert settings.home == Path(home)
    assert settings.machine_file == Path(f"{root}/etc/daypass/client.toml")


@pytest.mark.parametrize(
    "path", ['/a"b', "/a'b", "/a%h", "/a$HOME", "/a\\b", "/a\nb", "/a*", "/a[b]", "/a`id`", "/a#b"]
)
def test_a_path_that_openssh_could_misread_is_refused(path: str) -> None:
    """CVE-2023-51385 began with such a path inside a command."""
    with pytest.raises(Misconfigured, match="can't carry"):
        Settings.load("", {"HOME": "/home/a", "DAYPASS_HOME": path})


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "A", "a\n", "-a", "a..b"])
def test_a_company_name_never_leaves_its_folder(name: str, settings: Settings) -> None:
    with pytest.raises(NotFound):
        settings.context(name)


def test_a_symlink_planted_for_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f".file.{os.getpid()}.new").symlink_to(victim)
    write_file(tmp_path / "file", "new")
    assert victim.read_text() == "precious"


def test_one_planted_after_the_look_is_not_followed_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between taking away what was there and making it anew."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f".file.{os.getpid()}.new").symlink_to(victim)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    with pytest.raises(Misconfigured):
        write_file(tmp_path / "file", "new")
    assert victim.read_text() == "precious"


def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    script = f"""
import resource, signal
from pathlib import Path
from daypass.client.settings import write_file
write_file(Path({str(tmp_path)!r}, "file"), "old")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4))
write_file(Path({str(tmp_path)!r}, "file"), "much more than four bytes")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "can't write" in done.stderr
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "old")]


@pytest.mark.parametrize("text", ["url = 1\n", "url =", 'url = "https://a"', 'fingerprint = "3f0a"'])
def test_machine_defaults_that_say_too_little_are_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "etc/daypass").mkdir(parents=True)
    (tmp_path / "etc/daypass/client.toml").write_text(text)
    with pytest.raises(Misconfigured, match=r"client\.toml"):
        Settings.load(str(tmp_path), {"HOME": "/home/a"}).machine_defaults()


def test_machine_defaults_may_name_no_ca_at_all(tmp_path: Path) -> None:
    (tmp_path / "etc/daypass").mkdir(parents=True)
    (tmp_path / "etc/daypass/client.toml").write_text('lifetime = "8h"\nauto_login = false\n')
    found = Settings.load(str(tmp_path), {"HOME": "/home/a"}).machine_defaults()
    assert (found.lifetime, found.auto_login, found.url) == ("8h", False, "")
