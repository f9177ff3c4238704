"""A person's day on the command line, from the line the operator sends to the logout in the evening."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
from tests.client.mini_ca import MiniCa
from tests.parts.processes import wait_until

from daypass.cli import group
from daypass.cli.main import main
from daypass.client.settings import Settings


@pytest.fixture
def browser(at_home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """BROWSER as people set it: a program that gets the address; this one signs in and keeps the page."""
    program, page = tmp_path / "browser", tmp_path / "page"
    program.write_text(f"""#!{sys.executable}
import sys, pathlib, httpx2
answer = httpx2.get(sys.argv[1], follow_redirects=True, timeout=20)
pathlib.Path({str(page)!r} + ".new").write_bytes(answer.content)
pathlib.Path({str(page)!r} + ".new").rename({str(page)!r})
""")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BROWSER", f"{program} %s")
    monkeypatch.setenv("NO_PROXY", "*")
    return page


def test_a_whole_day(
    browser: Path,
    company: MiniCa,
    at_home: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bootstrap", f"{company.url}/#{company.fingerprint}"]) == 0
    assert "joined Example Corp" in capsys.readouterr().err
    assert main(["ssh-config"]) == 0
    assert "+Include" in capsys.readouterr().out
    assert main(["login"]) == 0
    assert "signed in as alice, until" in capsys.readouterr().err
    wait_until(browser.exists, "the browser keeps the page")
    assert "Signed in as alice" in browser.read_text()
    assert main(["login"]) == 0
    assert capsys.readouterr().err.startswith("already signed in as alice")
    assert main(["status"]) == 0
    assert main(["logout"]) == 0
    assert main(["status"]) == 1
    assert main(["logout"]) == 1
    assert main(["ssh-config", "--remove"]) == 0
    assert not (at_home.ssh_folder / "config").exists()


def test_a_dry_run_shows_the_change_and_makes_none(
    company: MiniCa,
    at_home: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["bootstrap", company.url, "--fingerprint", company.fingerprint])
    assert main(["ssh-config", "--dry-run"]) == 0
    assert "+Include" in capsys.readouterr().out
    assert not at_home.ssh_folder.exists()


def test_the_address_to_open_is_printed_on_request(
    company: MiniCa,
    at_home: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from daypass.client.signin import codeflow

    monkeypatch.setattr(codeflow, "SIGN_IN_SECONDS", 0.3)
    main(["bootstrap", company.url, "--fingerprint", company.fingerprint])
    assert main(["login", "--no-browser-open"]) == 9
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{company.providers[0].issuer}/authorize?response_type=code" in err
    assert "nobody signed in at" in err and "within 0.3 s" in err


def test_less_time_than_was_asked_for_is_said(
    company: MiniCa, at_home: Settings, browser: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["bootstrap", company.url, "--fingerprint", company.fingerprint])
    assert main(["login", "--lifetime", "1h"]) == 0
    assert "you asked for" not in capsys.readouterr().err
    assert main(["login", "--lifetime", "99d"]) == 0
    assert "that is less than the 99 d you asked for" in capsys.readouterr().err


def test_logout_everywhere(company: MiniCa, at_home: Settings, browser: Path) -> None:
    main(["bootstrap", company.url, "--fingerprint", company.fingerprint])
    main(["login"])
    assert main(["logout", "--all"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["bootstrap", "https://ca.example.com"], 3),
        (["bootstrap", "https://127.0.0.1:1", "--fingerprint", "ab" * 32], 9),
        (["login"], 6),
        (["login", "--lifetime", "soon"], 3),
        (["login", "--lifetime", "0h"], 3),
        (["bootstrap", "https://ca..example.com", "--fingerprint", "ab" * 32], 3),
        (["bootstrap", "https://$(id)", "--fingerprint", "ab" * 32], 3),
        (["logout"], 6),
        (["ssh-config"], 6),
    ],
)
def test_what_goes_wrong_has_a_code_and_a_hint(
    arguments: list[str],
    code: int,
    at_home: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(arguments) == code
    assert "daypass: hint:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [name for name in group.COMMANDS if name not in ("host", "ca", "token", "ledger")]
)
def test_every_help_has_examples_and_fits_a_terminal(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"  daypass {command}" in out.partition("Examples:")[2]
    assert max(map(len, out.splitlines())) <= 80
