"""ssh's command line, read as ssh reads it: each row is what real ssh makes of the same words."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from daypass.client.openssh import sshline
from daypass.client.openssh.sshline import Ssh, options
from tests.parts.processes import wait_until

LINES = [
    ("host", []),
    ("host command -G", []),
    ("-v host -G", ["v", "G"]),
    ("-vG host", ["v", "G"]),
    ("host -v -G command -V", ["v", "G"]),
    ("-- host -G", []),
    ("host -- -G", []),
    ("-p 22 -G host", ["p=22", "G"]),
    ("-p22 host", ["p=22"]),
    ("-o BatchMode=yes host", ["o=BatchMode=yes"]),
    ("-vobatchmode=yes host", ["v", "o=batchmode=yes"]),
    ("-O check -S path host", ["O=check", "S=path"]),
    ("-W there:22 -l me host", ["W=there:22", "l=me"]),
    ("-l -G host", ["l=-G"]),
    ("-o -G host", ["o=-G"]),
    ("- -G", ["G"]),
    ("-o", ["o="]),
    ("", []),
]


@pytest.mark.parametrize(("line", "found"), LINES, ids=[row[0] for row in LINES])
def test_options_are_told_from_hosts_values_and_commands(line: str, found: list[str]) -> None:
    assert [letter + (f"={value}" if letter in "oOplSW" else "") for letter, value in options(line.split())] == found


@pytest.mark.parametrize("line", [row[0] for row in LINES if row[0].startswith(("host", "-v", "--", "-p", "-o B"))])
def test_real_ssh_takes_the_same_for_a_question(line: str) -> None:
    """`-G` where we see one prints a configuration; elsewhere ssh tries to connect."""
    done = subprocess.run(
        ["ssh", "-F", "none", "-o", "ProxyCommand=false", *line.replace("host", "host.invalid").split()],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10,
    )  # fmt: skip
    assert ("hostkeyalgorithms" in done.stdout) is any(letter == "G" for letter, _ in options(line.split()))


SETTLED = [
    ("-o BatchMode=yes host", True),
    ("-oBatchMode=true host", True),
    ("-o batchmode=YES host", True),
    ("-o BatchMode=no host", False),
    ("-o BatchMode=no -o BatchMode=yes host", False),
    ("-o BatchModes=yes host", False),
    ("-o User=BatchMode host", False),
    ("-O exit host", True),
    ("-Q key", True),
    ("-V", True),
    ("-G host", True),
    ("-g host", False),
    ("host ssh -G", False),
]


@pytest.mark.parametrize(("line", "needs_nobody"), SETTLED, ids=[row[0] for row in SETTLED])
def test_what_the_command_line_settles_is_settled(line: str, needs_nobody: bool) -> None:
    assert Ssh(os.getpid(), line.split()).needs_nobody is needs_nobody


@pytest.mark.parametrize("text", ["BatchMode yes", "BatchMode  =  yes", 'BatchMode="yes"', "batchmode\tyes"])
def test_batch_mode_is_known_in_every_spelling(text: str) -> None:
    assert Ssh(os.getpid(), ["-o", text, "host"]).needs_nobody


def look_from_below(names: list[str]) -> str:
    """What `running` finds where shells called so have started each other."""
    script = f"import sys; sys.path[:0] = {sys.path!r}\n"
    script += "from daypass.client.openssh import sshline; found = sshline.running()\n"
    script += "print(found and (found.arguments, bool(found.above)))"
    argv = [sys.executable, "-c", script]
    for name in reversed(names):
        argv = ["bash", "-c", """exec -a "$0" bash -c '"$@"; exit $?' "$@" """, name, "-", *argv]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20).stdout.strip()


def test_without_ssh_above_there_is_none() -> None:
    assert look_from_below(["sh", "scp", "sshd", "not-ssh"]) == "None"


def test_the_nearest_ssh_is_found_through_shells_and_knows_of_one_above() -> None:
    assert look_from_below(["ssh", "sh"]).endswith("False)")
    assert look_from_below(["/usr/bin/ssh", "sh", "ssh", "sh"]).endswith("True)")


def test_a_process_that_has_gone_or_lies_about_its_name_is_no_trouble(tmp_path: Path) -> None:
    assert sshline._look(2**22 + 1) == (0, [])
    program = tmp_path / "a) R 1 1 1 ("
    program.symlink_to("/bin/sleep")
    process = subprocess.Popen([program, "30"])
    try:
        wait_until(lambda: sshline._look(process.pid) == (os.getpid(), [str(program), "30"]), "exec")
        assert abs(sshline._started(process.pid) - time.time()) < 5
    finally:
        process.kill()
        process.wait()


def test_ps_tells_the_same_where_there_is_no_proc() -> None:
    assert sshline._look_with_ps(os.getpid())[0] == os.getppid()
    assert sshline._look_with_ps(2**22 + 1) == (0, [])
