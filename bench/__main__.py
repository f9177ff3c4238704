"""`make bench`: measures, and writes bench/results.json (flat: name -> number).

    python -m bench [--quick] [issue] [authenticate] [ssh] [cli] [login] [policy] [files] [explain] [fleet]
                    [krl] [krl_build] [ending] [agent] [first_login] [pam]

Every figure stands beside the floor it is compared with, both taken in the same run: machines differ, ratios travel.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from bench import (
    agent,
    authenticate,
    command,
    ending,
    explain,
    files,
    first_login,
    fleet,
    issue,
    krl,
    krl_build,
    login,
    pam,
    policy,
    ssh,
)

RESULTS = Path(__file__).parent / "results.json"
PARTS: dict[str, Callable[[bool], dict[str, float]]] = {
    "issue": issue.measure,
    "authenticate": authenticate.measure,
    "ssh": ssh.measure,
    "cli": command.measure,
    "login": login.measure,
    "pam": pam.measure,
    "policy": policy.measure,
    "files": files.measure,
    "explain": explain.measure,
    "fleet": fleet.measure,
    "krl": krl.measure,
    "krl_build": krl_build.measure,
    "ending": ending.measure,
    "agent": agent.measure,
    "first_login": first_login.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="which to measure (default: all)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, only to try the harness")
    arguments = parser.parse_args()
    results: dict[str, float] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for part in arguments.parts or PARTS:
        print(f"bench: {part} …", file=sys.stderr, flush=True)
        measured = PARTS[part](arguments.quick)
        results |= measured
        for name, value in measured.items():
            print(f"{name:32} {value:12.3f}")
    if not arguments.quick:
        RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=2) + "\n")
    print(f"bench: {platform.machine()}, Python {platform.python_version()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
