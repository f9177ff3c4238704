"""[[keys]] changed in place: whatever the operator has written around them stays as it was."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from daypass.config.starter import Starter
from daypass.errors import Misconfigured
from daypass.rotation.keylist import list_keys, with_keys

HERE = Path("/etc/daypass")
TEXT = Starter("Example", "https://ca.example.com", ("*.example.com",), "sqlite:////x", HERE, HERE / "s", HERE / "t",
               HERE / "keys").text()  # fmt: skip
USER, NEXT, HOST = "/etc/daypass/keys/user_ca", "/etc/daypass/keys/user_ca-2", "/etc/daypass/keys/host_ca"


def files(text: str, use: str) -> list[str]:
    return [key["file"] for key in tomllib.loads(text)["keys"] if key["use"] == use]


@pytest.mark.parametrize("use", ["user", "host", "bundle", "tls"])
def test_a_key_is_added_swapped_and_taken_out_and_the_file_is_as_before(use: str) -> None:
    (old,) = files(TEXT, use)
    added = with_keys(TEXT, use, [old, NEXT])
    assert files(added, use) == [old, NEXT]
    swapped = with_keys(added, use, [NEXT, old])
    assert files(swapped, use) == [NEXT, old]
    assert with_keys(with_keys(swapped, use, [NEXT]), use, [old]) == TEXT


def test_what_was_done_already_changes_nothing() -> None:
    added = with_keys(TEXT, "user", [USER, NEXT])
    assert with_keys(added, "user", [USER, NEXT]) == added
    assert with_keys(TEXT, "user", [USER]) == TEXT


def test_only_lines_of_these_keys_change() -> None:
    added, before = with_keys(TEXT, "user", [USER, NEXT]), TEXT.splitlines()
    assert [line for line in before if line not in added.splitlines()] == []
    assert added.count("\n") == TEXT.count("\n") + 4


@pytest.mark.parametrize(
    "text",
    [
        f'keys = [{{use = "user", file = "{USER}"}}]\n',
        f'[[keys]]\nuse = "user"\nfile = "{USER}"\n[ca]\nname = "x"\n[[keys]]\nuse = "host"\nfile = "{HOST}"\n',
        '[[keys]]\nuse = "host"\nfile = "x"\n',
    ],
)
def test_a_file_that_can_t_be_changed_in_place_is_left_alone_and_says_so(text: str, tmp_path: Path) -> None:
    config = tmp_path / "daypass.toml"
    config.write_text(text)
    try:
        list_keys(config, "user", [Path(USER), Path(NEXT)])
    except Misconfigured as error:
        assert config.read_text() == text
        assert error.hint is not None and f"{USER}, {NEXT}" in error.hint
    else:
        assert files(config.read_text(), "user") == [USER, NEXT]


def test_the_file_keeps_its_mode_and_whoever_reads_it_sees_it_whole(tmp_path: Path) -> None:
    config = tmp_path / "daypass.toml"
    config.write_text(TEXT)
    config.chmod(0o640)
    list_keys(config, "user", [Path(USER), Path(NEXT)])
    assert (config.stat().st_mode & 0o777, [each.name for each in tmp_path.iterdir()]) == (0o640, ["daypass.toml"])
