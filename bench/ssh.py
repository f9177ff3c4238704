"""What our OpenSSH client configuration costs: paired runs of `ssh -G` and of whole logins, ours against plain."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bench.measure import paired, run_cpu
from daypass.demo.company import Company, company

RUNS = 200


def measure(quick: bool) -> dict[str, float]:
    runs = RUNS // 10 if quick else RUNS
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as home, company(Path(home)) as demo:
        demo.sign_in("alice")
        plain = _plain(demo, Path(home) / "plain_config")
        ours = ["ssh", "-F", str(demo.ssh_config)]
        env = os.environ | demo.env
        host = demo.host

        def wall(command: list[str], *rest: str) -> float:
            return run_cpu([*command, *rest], env)[1]

        parse = paired(lambda: wall(ours, "-G", host), lambda: wall(plain, "-G", host), runs)
        login = paired(lambda: wall(ours, host, "true"), lambda: wall(plain, host, "true"), runs)
    return {
        "ssh_config_overhead_ms": parse[2] * 1000,
        "ssh_g_plain_ms": parse[1] * 1000,
        "ssh_login_overhead_ms": login[2] * 1000,
        "ssh_login_plain_ms": login[1] * 1000,
    }


def _plain(demo: Company, path: Path) -> list[str]:
    """The same login, written out by hand: what a person without daypass has in their configuration."""
    path.write_text(demo.plain_ssh_config())
    return ["ssh", "-F", str(path)]
