"""Runs in a machine of its own (`test_locking`): looks for remains on the real /etc there."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
from tests.host.inside import output

from daypass.api import HostBundle, HostEnding, HostLogin
from daypass.host.accounts import Made
from daypass.host.accounts import Memory as MadeMemory
from daypass.host.remains.memory import Memory
from daypass.host.remains.one import One
from daypass.host.remains.places import Places
from daypass.host.settings import Paths
from daypass.model import HostRole


def play(step: dict[str, Any]) -> dict[str, Any]:
    for command in step.get("before", []):
        subprocess.run(["sh", "-c", command], check=True, stdin=subprocess.DEVNULL)
    paths = Paths()
    MadeMemory({name: Made(**made) for name, made in step.get("made", {}).items()}).save(paths.made_accounts)
    bundle = HostBundle(
        ca_id="", host_id="h", name="h", version=1, issued_at=0, expires=0, digest="d", user_ca=[], krl_digest="",
        roles=[HostRole("dev", "restrict", accounts=("deploy",), own_account=True)],
    )  # fmt: skip
    logins = [HostLogin(account=each, way="certificate", what="alice@x", count=1, first=0, last=0) for each in USED]
    ending = HostEnding(id="e1", time=0, key_ids=["alice@x"], logins=["alice"], **step.get("ending", {}))
    places = Places.look(paths, bundle, logins, ())
    report = One(paths, ending, Memory.load(paths), places, int(time.time()), "lock").report()
    return {
        "remains": msgspec.to_builtins(report.remains), "locked": msgspec.to_builtins(Memory.load(paths).locked),
        "after": [output(command) for command in step.get("after", [])],
    }  # fmt: skip


USED = ("alice", "deploy", "ldap-person")

if __name__ == "__main__":
    Path("/var/lib/daypass").mkdir(mode=0o700, exist_ok=True)
    (Paths().principals).mkdir(parents=True, exist_ok=True)
    json.dump([play(step) for step in json.load(sys.stdin)], sys.stdout)
