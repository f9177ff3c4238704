"""`make demo`, as a person sees it: it shows the job and the refusals, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts.needs import need
from tests.parts.processes import wait_until

COMMAND = [sys.executable, "-m", "daypass.demo"]


@pytest.fixture
def surroundings() -> Iterator[dict[str, str]]:
    for part in ("ssh", "sshd", "ssh-agent", "ssh-keygen"):
        need(part)
    without_display = {
        name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    with tempfile.TemporaryDirectory(prefix="dp-") as folder:  # short: there are sockets below it
        yield without_display | {"TMPDIR": folder}
        assert not list(Path(folder).iterdir()), "the demo left its folder behind"
        assert not running(Path(folder)), "the demo left something running"


def running(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{folder}/daypass-demo-" in command:
            found.append(command)
    return found


def test_the_demo_shows_the_job_and_then_the_refusals(surroundings: dict[str, str]) -> None:
    done = subprocess.run(COMMAND, env=surroundings, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = re.findall(r"^  ✓ (.*\S)\s+\d+\.\d\d s$", done.stdout, re.MULTILINE)
    assert len(steps) == 30, steps
    told = " ".join(done.stdout.split())
    for sentence in (
        "ssh without a certificate is refused",
        "the demo fills in the form",
        "signed in as alice@example.com, until",
        "works: no password, no question about the host",
        "plain ssh starts the sign-in by itself, and goes on",
        "gets into no other account",
        "an operator takes back what alice holds",
        "her certificate is refused there",
        "alice logs out",
        "no role is for bob@example.com",
        "did not sign you in: this account is disabled",
        "version 3 is in force",
        "role contractors for bob@example.com, until",
        "load average",
        "yes: bob@example.com as",
        "the identity provider disables her, and tells the CA of it",
        "and she gets no other",
        "All of it took",
    ):
        assert sentence in told
    assert told.count("Permission denied (publickey)") == 5
    assert not done.stderr


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_was_kept_says_what_to_type_and_tidies_up(
    surroundings: dict[str, str], end: signal.Signals
) -> None:
    with subprocess.Popen([*COMMAND, "--keep"], env=surroundings, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        told = ""
        while "Press Ctrl-C here" not in told:
            line = demo.stdout.readline()
            assert line, told
            told += line
        assert "daypass status" in told and "ssh -F" in told
        config = re.search(r"ssh -F (\S+)", told)
        assert config and Path(config[1]).exists()
        demo.send_signal(end)
        assert demo.wait(30) == 0
    wait_until(lambda: not running(Path(surroundings["TMPDIR"])), "the demo's processes to end")
