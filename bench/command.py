"""What `daypass status` costs a shell prompt, and a Tab the person who waits, against Python doing nothing."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from bench.measure import paired, run_cpu
from daypass.demo.company import company

RUNS = 60


def measure(quick: bool) -> dict[str, float]:
    runs = RUNS // 10 if quick else RUNS
    daypass = str(Path(sys.executable).with_name("daypass"))
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as home, company(Path(home)) as demo:
        demo.sign_in("alice")
        env = os.environ | demo.env
        status, python, _ = paired(
            lambda: run_cpu([daypass, "status"], env)[0],
            lambda: run_cpu([sys.executable, "-c", "pass"], env)[0],
            runs,
        )
        completion, nothing, _ = paired(
            lambda: run_cpu([daypass, "__complete", "why", "web"], env)[1],
            lambda: run_cpu([sys.executable, "-c", "pass"], env)[1],
            runs,
        )
    return {
        "cli_status_cpu_ms": status * 1000,
        "cli_python_cpu_ms": python * 1000,
        "cli_status_cpu_over_python": status / python,
        "completion_ms": completion * 1000,
        "completion_over_python": completion / nothing,
    }
