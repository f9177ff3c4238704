"""User data carried out on a machine of the tests as cloud-init would: its write_files, then its runcmd.

cloud-init itself is no part of the machine's disk; that it accepts the document, `cloud-init schema` says.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.parts.machine import Machine
from tests.parts.needs import need

__all__ = ["first_boot"]

_READ = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"


def first_boot(machine: Machine, user_data: str) -> subprocess.CompletedProcess[str]:
    """How the commands ended is the answer's; cloud-init runs them all, whatever one of them says."""
    need("cloud-init")  # Debian's brings the YAML reader that it uses itself
    assert user_data.startswith("#cloud-config\n")
    read = subprocess.run(
        ["/usr/bin/python3", "-c", _READ], input=user_data, capture_output=True, text=True, check=True
    )
    document = json.loads(read.stdout)
    assert document.keys() <= {"write_files", "runcmd"}
    for each in document.get("write_files", ()):
        mode, path = each["permissions"], Path(each["path"])
        machine.run("sh", "-c", f"umask 077; cat >{path}; chmod {mode} {path}", stdin=each["content"])
    script = "#!/bin/sh\n" + "".join(f"{line}\n" for line in document["runcmd"])
    machine.run("sh", "-c", "cat >/root/runcmd", stdin=script)
    return machine.run("sh", "/root/runcmd", check=False, seconds=120)
