"""The end of a run names what its tests have left running, and fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

LEAVES = """
import subprocess, sys
from pathlib import Path

def test_it_leaves_a_process():
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    Path(__file__).with_name("pid").write_text(str(left.pid))

def test_it_ends_what_it_starts():
    subprocess.run([sys.executable, "-c", ""], check=True)
"""


@pytest.mark.parametrize(("which", "code"), [("leaves", 1), ("ends", 0)])
def test_a_process_that_stays_fails_the_run(tmp_path: Path, which: str, code: int) -> None:
    (tmp_path / "test_leaves.py").write_text(LEAVES)
    words = ("-p", "tests.conftest", "-p", "no:cacheprovider", "-k", which, tmp_path / "test_leaves.py")
    env = {name: value for name, value in os.environ.items() if name not in ("TESTS_OF_RUN", "PYTEST_CURRENT_TEST")}
    try:
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *words], env=env, capture_output=True, text=True, check=False
        )
    finally:
        if (tmp_path / "pid").exists():
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert run.returncode == code, run.stdout + run.stderr
    assert ("left running" in run.stdout and "test_it_leaves_a_process" in run.stdout) == (code == 1)
