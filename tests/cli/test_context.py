"""`daypass context` and `daypass uninstall`, as people type them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.client.laptop import follow
from tests.client.mini_ca import MiniCa, run_mini_ca
from tests.client.openssh.test_sshinclude import snapshot

from daypass.cli.exits import Exit
from daypass.cli.main import main
from daypass.client.agents.peer import command_lines
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership


@pytest.fixture
def two(joined: Membership, at_home: Settings) -> str:
    """The name of the first of two companies; the second is called `other`, and is in use."""
    with run_mini_ca() as other:
        other.host_patterns = ["*.other.test", "web-1.corp.test"]
        assert main(["bootstrap", f"{other.url}/#{other.fingerprint}", "--context", "other"]) == Exit.OK
    return joined.context.name


def test_the_list_says_which_is_in_use_and_what_is_held(
    two: str, sign_in: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["context", "use", two]) == Exit.OK
    assert callable(sign_in)
    login = sign_in()
    assert isinstance(login, Login)
    login.run()
    assert main(["context", "list"]) == Exit.OK
    out, err = capsys.readouterr()
    lines = [line.split() for line in out.splitlines()]
    assert lines[0][:2] == ["*", two]
    assert "signed in as alice" in out.splitlines()[0]
    assert lines[1][0] == "other"
    assert lines[1][2:] == ["not", "signed", "in"]
    assert f"{two} and other both claim web-1.corp.test" in err


def test_json_is_a_list_with_times_in_utc(two: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["context", "list", "--json"]) == Exit.OK
    found = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["current"], each["valid"]) for each in found] == [
        (two, False, False), ("other", True, False)]  # fmt: skip
    assert found[0]["host_patterns"] == ["*.corp.test"]


def test_status_is_about_the_company_asked_for(
    two: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--context", two]) == Exit.NO
    assert f"not signed in at {two}" in capsys.readouterr().err
    monkeypatch.setenv("DAYPASS_CONTEXT", two)
    assert main(["status"]) == Exit.NO
    assert f"not signed in at {two}" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["login"], ["logout"], ["ssh-config"], ["context", "use"]])
def test_a_company_never_joined_is_not_found(
    command: list[str], two: str, capsys: pytest.CaptureFixture[str]
) -> None:
    option = ["nobody"] if command[0] == "context" else ["--context", "nobody"]
    assert main([*command, *option]) == Exit.NOT_FOUND
    assert f"there is: {two}, other" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["nobody", "../..", "a/b", "\x1b[2J"])
def test_status_of_a_company_that_can_not_be_is_a_plain_no(
    name: str, two: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--context", name]) == Exit.NO
    said = capsys.readouterr().err
    assert "no such company joined" in said
    assert "\x1b" not in said


def test_bootstrap_says_that_ssh_knows_the_new_company_too(
    joined: Membership, at_home: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ssh-config"]) == Exit.OK
    with run_mini_ca() as other:
        other.host_patterns = ["*.other.test"]
        assert main(["bootstrap", f"{other.url}/#{other.fingerprint}"]) == Exit.OK
    said = capsys.readouterr().err
    assert "ssh is set up for its hosts too: *.other.test" in said
    assert "ssh-config" not in said


def test_leaving_a_company_is_asked_about(two: str, at_home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["context", "remove", "other"]) == Exit.MISCONFIGURED
    assert "--yes" in capsys.readouterr().err
    assert main(["context", "remove", "other", "--yes"]) == Exit.OK
    assert f"{two} is in use" in capsys.readouterr().err
    assert at_home.current() is not None


def test_without_any_company_the_list_is_empty_and_says_how_to_join(
    at_home: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["context", "list"]) == Exit.OK
    assert "daypass bootstrap" in capsys.readouterr().err


def test_uninstalling_leaves_the_home_folder_as_it_was(
    at_home: Settings, home: Path, company: MiniCa, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh/config").write_bytes(b"Host a\r\n  User b")
    (home / ".zfunc").mkdir()
    (home / ".zfunc/_other").write_text("#compdef other\n")
    before = snapshot(home)
    assert main(["bootstrap", f"{company.url}/#{company.fingerprint}"]) == Exit.OK
    assert main(["ssh-config"]) == Exit.OK
    assert main(["completion", "zsh"]) == Exit.OK
    (home / ".zfunc/_daypass").write_text(capsys.readouterr().out)
    Login(at_home, lambda _: None, follow).run()
    monkeypatch.setenv("DAYPASS_CONTEXT", at_home.contexts()[0].name)
    with run_mini_ca() as other:  # of which the variable says nothing
        assert main(["bootstrap", f"{other.url}/#{other.fingerprint}"]) == Exit.OK
    assert main(["uninstall", "--dry-run"]) == Exit.OK
    shown = capsys.readouterr().out
    for part in ("company   ", ".ssh/config", ".zfunc/_daypass", "/contexts"):
        assert part in shown
    assert main(["uninstall", "--yes"]) == Exit.OK
    assert "pip uninstall daypass" in capsys.readouterr().err
    assert snapshot(home) == before
    assert not [command for _, command in command_lines() if command.startswith(f"ssh-agent -a {home}")]
    assert main(["uninstall", "--yes"]) == Exit.NO


def test_uninstalling_spares_what_else_lies_in_our_folder(
    at_home: Settings, home: Path, company: MiniCa, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DAYPASS_HOME may be somebody's whole home folder."""
    monkeypatch.setenv("DAYPASS_HOME", str(home))
    (home / "thesis").write_text("years of work")
    before = snapshot(home)
    assert main(["bootstrap", f"{company.url}/#{company.fingerprint}"]) == Exit.OK
    assert main(["uninstall", "--yes"]) == Exit.OK
    assert snapshot(home) == before
