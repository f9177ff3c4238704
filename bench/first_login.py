"""How long it takes from a bare machine to a first login: the quickstart's commands, typed without a pause.

The machine is Debian with systemd, OpenSSH and Python, and the identity provider runs already; packages come from a
folder, so that no network is measured. CA, server and laptop are this one machine, and each is installed once. The
floor is what Debian's own tools take of it: the virtual environment, and pip with the same packages but ours.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docs.pages import Block, blocks, sessions
from tests.parts.machine import Machine, our_python, ours, run_yard
from tests.parts.processes import stop, wait_until

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/guide/quickstart.md"
LAST = "ssh deploy@web-1.example.com true"
IDP = "http://127.0.0.1:9000"
_CONFIG, _UNIT, _CLONE = "/etc/daypass/daypass.toml", "/etc/systemd/system/daypass.service", "/home/alice/daypass"
_PYTHON = " ".join(map(str, our_python()[:-2]))
_PROVIDER = """
import time
from daypass.demo.idp import run_idp
with run_idp(port=9000):
    time.sleep(3600)
"""


def measure(quick: bool) -> dict[str, float]:  # noqa: ARG001  one way, once
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as folder, run_yard(1, binds=ours()) as yard:
        machine = yard.machines[0]
        _furnish(machine, Path(folder))
        floor = _floor(machine)
        with _provider(machine):
            started = time.monotonic()
            _type_the_page(machine)
            took = time.monotonic() - started
    return {
        "minutes_to_first_login": took / 60,
        "minutes_of_pip": floor / 60,
        "first_login_over_pip": took / floor,
    }


def _type_the_page(machine: Machine) -> None:
    """As alice, up to her first login."""
    bootstrap = ""
    for block in blocks(PAGE):
        if block.language == "sh" and "/opt/daypass" in block.text:
            _type(machine, block.text)
        _write(machine, block)
        for each in sessions(block) if block.language == "console" else ():
            command = bootstrap if each.command.startswith("daypass bootstrap ") else each.command
            said = _type(machine, command.replace("https://id.example.com", IDP))
            if command.startswith("sudo systemctl enable --now "):
                wait_until(lambda: _answers(machine, "https://ca.example.com/health"), "the CA", seconds=60)
            found = re.search(r"^daypass bootstrap .*", said, re.MULTILINE)
            bootstrap = found[0] if found else bootstrap
            if command == LAST:
                return
    raise RuntimeError(f"{PAGE} has no login any more: {LAST}")


def _write(machine: Machine, block: Block) -> None:
    """What the page has people put into a file."""
    if block.language == "toml" and "[[roles]]" in block.text:
        _type(machine, f"sudo tee -a {_CONFIG}", block.text)
    if block.language == "ini":
        _type(machine, f"sudo tee {_UNIT}", block.text)


def _type(machine: Machine, command: str, stdin: str = "") -> str:
    """One command of alice's, in the clone. Everything it says."""
    words = f"cd {_CLONE} && export BROWSER='/usr/local/bin/browser %s' && set -e\n{command}"
    script = f"su - alice -c {shlex.quote(words)}"
    ran = machine.run("sh", "-c", script, stdin=stdin, check=False, seconds=600)
    if ran.returncode != 0:
        raise RuntimeError(f"{command}\n{ran.stdout}{ran.stderr}")
    return ran.stdout + ran.stderr


def _floor(machine: Machine) -> float:
    """Seconds. The folder is taken away again."""
    started = time.monotonic()
    machine.run("python3", "-m", "venv", "/opt/floor")
    packages = machine.run("sh", "-c", "ls /wheels/*.whl | grep -v /daypass-").stdout.split()
    machine.run("/opt/floor/bin/pip", "install", *packages, seconds=600)
    took = time.monotonic() - started
    machine.run("rm", "-rf", "/opt/floor")
    return took


def _furnish(machine: Machine, folder: Path) -> None:
    """alice, who may sudo, a clone of daypass, packages, names, and a browser in which she signs in at once."""
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "-w", folder)
    subprocess.run([*pip, f"{ROOT}[ca]", "setuptools"], check=True)
    subprocess.run(["cp", "-r", folder, machine.root / "wheels"], check=True)
    clone = subprocess.run(["git", "-C", ROOT, "archive", "HEAD"], check=True, capture_output=True).stdout
    for command in ("useradd -m -s /bin/bash alice", "useradd -m -s /bin/sh deploy", f"install -d {_CLONE}"):
        machine.run(*command.split())
    machine.run("install", "-d", "/etc/daypass")  # ca init would make it root's alone, and this is a laptop, too
    subprocess.run(["tar", "-x", "-C", f"{machine.root}{_CLONE}"], input=clone, check=True)
    files = {
        "/etc/sudoers.d/alice": "alice ALL=(ALL) NOPASSWD: ALL\n",
        "/etc/pip.conf": "[global]\nno-index = true\nfind-links = /wheels\n",
        "/usr/local/bin/browser": f'#!/bin/sh\nexec {_PYTHON} -m daypass.demo.browser "$@"\n',
    }
    for path, content in files.items():
        machine.run("sh", "-c", f"cat >{path}", stdin=content)
    machine.run("sh", "-c", "echo 127.0.0.1 ca.example.com web-1.example.com >>/etc/hosts")
    machine.run("sh", "-c", f"chmod 755 /usr/local/bin/browser; chmod -R a+rX /wheels; chown -R alice {_CLONE}")


def _answers(machine: Machine, url: str) -> bool:
    return machine.run("curl", "-fsk", url, check=False).returncode == 0


@contextmanager
def _provider(machine: Machine) -> Iterator[None]:
    process = subprocess.Popen([str(word) for word in machine.enter(*_PYTHON.split(), "-c", _PROVIDER)])
    try:
        wait_until(lambda: _answers(machine, f"{IDP}/.well-known/openid-configuration"), "provider", seconds=30)
        yield
    finally:
        stop(process)
