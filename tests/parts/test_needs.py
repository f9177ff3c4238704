"""A test whose real part is missing says so on a person's machine, and fails in CI."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("ci", "code", "says"),
    [
        ("", 0, "not run: needs ssh-agent (1 test)"),
        ("true", 1, "not run: needs ssh-agent (with CI=true every part must be there)"),
    ],
)
def test_a_missing_part_is_named(ci: str, code: int, says: str) -> None:
    tests = ["tests/parts/test_openssh.py", "-k", "empty_agent"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        env={**os.environ, "PATH": "/nonexistent", "CI": ci},
        capture_output=True,
        text=True,
    )
    assert says in ended.stdout
    # 5 would mean that no test was found at all.
    assert ended.returncode == code
