"""What `daypass explain` takes, the whole command: an operator at the CA's socket, a person by their day pass."""

from __future__ import annotations

import getpass
import os
import sys
import tempfile
from pathlib import Path

from bench.measure import paired, run_cpu
from daypass.demo.company import HOST, company

RUNS = 40


def measure(quick: bool) -> dict[str, float]:
    runs = RUNS // 10 if quick else RUNS
    daypass, target = str(Path(sys.executable).with_name("daypass")), f"{getpass.getuser()}@{HOST}"
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as home, company(Path(home)) as demo:
        demo.sign_in("alice")
        env = os.environ | demo.env
        other, own, _ = paired(
            lambda: run_cpu([daypass, "explain", "alice", target, "--root", str(demo.ca_root)], env)[1],
            lambda: run_cpu([daypass, "explain", target], env)[1],
            runs,
        )
    return {"explain_ms": other * 1000, "explain_own_ms": own * 1000}
