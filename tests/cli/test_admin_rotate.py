"""`daypass ca rotate` as operators type it: what it shows, asks, refuses, and says to scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.kit import TRIAL, Admin, converse, on_terminal

from daypass.cli.exits import Exit


def standing(admin: Admin, use: str = "user") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(admin("ca", "rotate", use, "--json")[1])
    return found


def entries(admin: Admin) -> list[dict[str, Any]]:
    lines = admin("ledger", "show", "--json")[1].splitlines()
    return [json.loads(line) for line in lines]


def test_it_says_where_it_stands_and_what_is_next(admin: Admin) -> None:
    code, out, err = admin("ca", "rotate", "user")
    assert (code, out.split()[0], len(out.splitlines())) == (0, "signs", 1)
    assert "no rotation of the user CA key is under way" in err and "daypass ca rotate user --announce" in err
    admin("ca", "rotate", "user", "--announce", "--yes")
    code, out, err = admin("ca", "rotate", "user")
    assert [line.split()[0] for line in out.splitlines()] == ["signs", "believed"]
    assert "next, now: daypass ca rotate user --sign" in err and "several machines" in err


@pytest.mark.parametrize("use", ["user", "host", "tls", "bundle"])
def test_scripts_are_told_all_of_it(use: str, admin: Admin) -> None:
    before = standing(admin, use)
    assert (before["stage"], before["next"], before["trust_version"]) == ("steady", "announce", 1)
    for option, stage, following in (("announce", "announced", "sign"), ("sign", "signing", "retire")):
        code, out, _ = admin("ca", "rotate", use, f"--{option}", "--yes", "--json")
        found = json.loads(out)
        assert (code, found["use"], found["stage"], found["next"]) == (0, use, stage, following)
    assert found["announced"] == [before["signs"], found["signs"]] and found["waits_for"] == []
    assert [each["announced"] for each in found["keys"]] == [True, True]
    assert json.loads(admin("ca", "rotate", use, "--retire", "--yes", "--json")[1])["stage"] == "steady"


def test_each_stage_stands_in_the_ledger_before_it_has_an_effect(admin: Admin) -> None:
    for option in ("announce", "sign", "retire"):
        assert admin("ca", "rotate", "host", f"--{option}", "--yes")[0] == 0
    acts = [(each["act"], each.get("stage"), each.get("use")) for each in entries(admin)]
    rotated = [each for each in acts if each[0] in ("ca.rotate", "ca.trust")]
    assert rotated == [
        ("ca.rotate", "announce", "host"), ("ca.trust", None, None), ("ca.rotate", "sign", "host"),
        ("ca.rotate", "retire", "host"), ("ca.trust", None, None),
    ]  # fmt: skip


def test_without_a_terminal_it_goes_on_only_under_yes(admin: Admin) -> None:
    before = admin.config.read_bytes()
    code, _, err = admin("ca", "rotate", "user", "--announce")
    assert (code, admin.config.read_bytes()) == (Exit.USAGE, before)
    assert "announce a new user CA key" in err and "--yes" in err


@pytest.mark.parametrize("option", ["--sign", "--retire"])
def test_nobody_is_asked_about_a_stage_whose_turn_it_is_not(option: str, admin: Admin) -> None:
    code, _, err = admin("ca", "rotate", "user", option)
    assert (code, "daypass ca rotate user --announce" in err) == (Exit.CONFLICT, True)


def test_a_no_on_the_terminal_leaves_all_as_it_was(admin: Admin) -> None:
    before = admin.config.read_bytes()
    process, terminal = on_terminal("ca", "rotate", "user", "--announce", "--config", str(admin.config))
    converse(process, terminal, {"Go on?": "n"})
    assert process.wait(20) != 0
    assert (admin.config.read_bytes(), standing(admin)["stage"]) == (before, "steady")


def test_the_offline_root_is_named_where_it_is_missing(admin: Admin, tmp_path: Path) -> None:
    root = admin.folder / "offline/trust_root"
    away = root.rename(tmp_path / "trust_root")
    code, _, err = admin("ca", "rotate", "user", "--announce", "--yes")
    assert code == Exit.MISCONFIGURED and str(root) in err
    assert standing(admin)["stage"] == "steady"
    assert admin("ca", "rotate", "user", "--announce", "--yes", "--trust-root", str(away))[0] == 0
    assert admin("ca", "rotate", "user", "--sign", "--yes")[0] == 0  # which needs none
    assert admin("ca", "rotate", "user", "--retire", "--yes")[0] == Exit.MISCONFIGURED
    assert standing(admin)["stage"] == "signing"


def test_encrypted_keys_are_opened_by_what_is_typed(empty: Admin, tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text("correct horse\n")
    assert empty("ca", "init", *TRIAL[:-1], "--passphrase-file", str(secret))[0] == 0
    empty.config.write_text(empty.config.read_text().replace("\npassphrase_file", "\n# passphrase_file"))
    process, terminal = on_terminal("ca", "rotate", "user", "--announce", "--config", str(empty.config))
    asked = {
        "Go on?": "y",
        "Passphrase of the CA's keys": "correct horse",
        "Passphrase of the offline root": "correct horse",
    }
    shown = converse(process, terminal, asked)
    assert process.wait(20) == 0, shown
    assert "correct" not in shown
    assert standing(empty)["stage"] == "announced"
    code, _, err = empty("ca", "rotate", "host", "--announce", "--yes", "--passphrase-file", str(secret))
    assert code == Exit.MISCONFIGURED and "nobody can be asked" in err


def test_a_new_root_comes_with_the_new_line_to_join_by(admin: Admin) -> None:
    for option in ("announce", "sign"):
        code, _, err = admin("ca", "rotate", "tls", f"--{option}", "--yes")
        assert code == 0
    assert f"daypass bootstrap https://localhost:8443/#{standing(admin, 'tls')['signs']}" in err


@pytest.mark.parametrize(
    "arguments", [["sshd"], [], ["user", "--announce", "extra"], ["user", "--announce", "--sign"]]
)
def test_what_is_no_rotation_is_said(arguments: list[str], admin: Admin) -> None:
    assert admin("ca", "rotate", *arguments)[0] == Exit.USAGE
