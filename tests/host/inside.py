"""Runs in a machine of its own (`test_useradd`): plays steps on the real /etc there, and tells what came of each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from daypass.api import HostBundle
from daypass.host import useradd
from daypass.host.accounts import Memory, plan, read_groups
from daypass.host.passwd import read_accounts
from daypass.host.settings import Paths, Settings


def play(step: dict[str, Any]) -> dict[str, Any]:
    for command in step.get("before", []):
        subprocess.run(["sh", "-c", command], check=True, stdin=subprocess.DEVNULL)
    paths, settings = Paths(), msgspec.convert(step.get("settings", {}), Settings)
    bundle = msgspec.convert(step["bundle"], HostBundle)
    here, memory = read_accounts(paths.passwd), Memory.load(paths.made_accounts)
    taken = {each.login for each in bundle.people if each.login not in here and useradd.known_elsewhere(each.login)}
    wanted = plan(bundle, here, read_groups(paths.group), settings, memory, taken=taken)
    done = useradd.carry_out(wanted, memory, paths)
    survivors = useradd.end_processes(wanted, Memory.load(paths.made_accounts))
    return {
        "made": done.made, "locked": done.locked, "unlocked": done.unlocked, "closed": wanted.closed,
        "said": [*wanted.said, *done.said, *survivors],
        "memory": msgspec.to_builtins(Memory.load(paths.made_accounts)),
        "after": [output(command) for command in step.get("after", [])],
    }  # fmt: skip


def output(command: str) -> str:
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return (ran.stdout + ran.stderr).strip()


if __name__ == "__main__":
    Path("/var/lib/daypass").mkdir(mode=0o700, exist_ok=True)
    json.dump([play(step) for step in json.load(sys.stdin)], sys.stdout)
