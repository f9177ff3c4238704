"""What `daypass explain` takes, the whole command: an operator at the CA's socket, a person by their day pass.

The floor is Python's start and one question to the same socket, by the standard library.
"""

from __future__ import annotations

import getpass
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.measure import run_cpu
from daypass.demo.company import HOST, company

RUNS = 40
FLOOR = """
import socket, sys
with socket.socket(socket.AF_UNIX) as ca:
    ca.connect(sys.argv[1])
    ca.sendall(b"POST /v1/admin/person_list HTTP/1.1\\r\\nHost: ca\\r\\nContent-Type: application/json\\r\\n"
               b"Content-Length: 2\\r\\nConnection: close\\r\\n\\r\\n{}")
    answer = b"".join(iter(lambda: ca.recv(65536), b""))
sys.exit(not answer.startswith(b"HTTP/1.1 200"))
"""


def measure(quick: bool) -> dict[str, float]:
    runs = RUNS // 10 if quick else RUNS
    daypass, target = str(Path(sys.executable).with_name("daypass")), f"{getpass.getuser()}@{HOST}"
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as home, company(Path(home)) as demo:
        demo.sign_in("alice")
        env = os.environ | demo.env
        socket = demo.ca_root / "run/daypass/admin.sock"
        commands = {
            "explain_ms": [daypass, "explain", "alice", target, "--root", str(demo.ca_root)],
            "explain_own_ms": [daypass, "explain", target],
            "explain_floor_ms": [sys.executable, "-c", FLOOR, str(socket)],
        }
        took: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                took[name].append(run_cpu(command, env)[1])
    found = {name: median(walls) * 1000 for name, walls in took.items()}
    return {**found, "explain_over_floor": found["explain_ms"] / found["explain_floor_ms"]}
