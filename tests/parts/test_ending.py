"""A run that is told to end in the middle of a test takes away what the test stood on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.parts.processes import stop, wait_until

STANDS = """
import time
from pathlib import Path

def test_it_stands_on_a_folder(safe_path):
    Path(__file__).with_name("folder").write_text(f"{safe_path}\\n")
    time.sleep(60)
"""


def test_nothing_stays(tmp_path: Path) -> None:
    (tmp_path / "test_stands.py").write_text(STANDS)
    plugins = ("-p", "tests.conftest", "-p", "no:cacheprovider")
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", *plugins, tmp_path / "test_stands.py"], stdout=subprocess.PIPE
    )
    told = tmp_path / "folder"
    wait_until(lambda: told.exists() and told.read_text().endswith("\n"), "the test to begin", seconds=60)
    folder = Path(told.read_text().strip())
    assert folder.is_dir()
    stop(run, seconds=60)
    assert not folder.exists()
