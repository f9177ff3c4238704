"""`daypass policy` on files: what was expected and what came, what is wider, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.config.sample import GOOD

from daypass.cli.exits import Exit
from daypass.cli.main import main

CASE = """
[people.alice]
groups = ["dba"]
[hosts.db-1]
[[cases]]
who = "alice"
at = "postgres@db-1"
expect = "{}"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "daypass.toml"
    path.write_text(GOOD)
    return path


def test_a_table_that_holds_is_good(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = config.with_name("cases.toml")
    table.write_text(CASE.format("yes"))
    assert main(["policy", "test", str(table), "--config", str(config)]) == Exit.OK
    assert capsys.readouterr().err == "1 cases are as expected\n"


def test_a_failure_says_what_was_expected_what_came_and_why(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = config.with_name("cases.toml")
    table.write_text(CASE.format("no"))
    assert main(["policy", "test", str(table), "--config", str(config)]) == Exit.NO
    out, err = capsys.readouterr()
    assert "case 1: alice as postgres@db-1" in out and "1 of 1 cases failed" in err
    assert "expected    no" in out and 'got         yes, by role "dba"' in out and "role:dba" in out
    assert main(["policy", "test", str(table), "--config", str(config), "--json"]) == Exit.NO
    [row] = json.loads(capsys.readouterr().out)
    assert (row["passed"], row["expected"], row["got"], row["role"]) == (False, "no", "yes", "dba")


@pytest.mark.parametrize(
    ("old", "new", "code", "told"),
    [
        ('["dba"]', '["dba", "sre"]', Exit.NO, 'wider      roles.dba.groups: adds "sre"'),
        ('user = "16h"', 'user = "15h"', Exit.OK, "narrower   lifetimes.user: 16h -> 15h"),
        ("GOOD", "GOOD", Exit.OK, "nothing changes"),
    ],
)
def test_what_changes_between_two_files_and_whether_it_widens(
    config: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, code: int, told: str
) -> None:
    other = config.with_name("new.toml")
    other.write_text(GOOD.replace(old, new, 1))
    assert main(["policy", "diff", str(other), "--against", str(config)]) == code
    assert told in capsys.readouterr().out
    assert main(["policy", "diff", str(other), "--against", str(config), "--json"]) == code
    assert json.loads(capsys.readouterr().out)["widens"] == (code == Exit.NO)


def test_a_file_with_mistakes_is_not_compared(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = config.with_name("new.toml")
    other.write_text(GOOD.replace("groups", "group", 1))
    assert main(["policy", "diff", str(other), "--against", str(config)]) == Exit.MISCONFIGURED
    assert "roles" in capsys.readouterr().err
