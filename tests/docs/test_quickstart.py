"""docs/guide/quickstart.md works: its commands are typed in order, on a whole company of real parts.

`_here` turns the page's names into this machine's; `sudo`, `daypass` and `ssh` are small scripts in front of the real
ones that say where the CA, the server and the laptop are. A line of output that the page shows has to come, with
anything where it says "…".
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.config.sample import GOOD
from tests.docs.pages import ROOT, Session, blocks, sessions

from daypass.config import errors_in, problems
from daypass.demo.company import HOST, LAPTOP, Company, find
from daypass.demo.idp import run_idp

PAGE = ROOT / "docs/guide/quickstart.md"
BLOCKS = tuple(blocks(PAGE))
FAILS = re.compile(r"Permission denied|^not signed in|^daypass: error:", re.MULTILINE)
SHIMS = {
    "sudo": 'exec "$@"',
    "ssh": 'exec {ssh} -F {ssh_config} -o ControlPath=none "$@"',
    "daypass": """\
case "$1" in
  ca|token|ledger) set -- "$@" --root {ca_root} ;;
  host) set -- "$@" --root {host_root} ;;
esac
exec {python} -m daypass.cli.main "$@"
""",
    "browser": 'exec {python} -m daypass.demo.browser "$@"',
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """An identity provider and a server with sshd, before anybody has heard of daypass."""
    with run_idp() as idp:
        company = Company(tmp_path_factory.mktemp("quickstart"), idp)
        try:
            company.start_sshd()
            company.ssh_config.write_text(LAPTOP.format(host=HOST, port=company.ssh_port, account=company.account))
            _write_shims(company)
            yield company
        finally:
            company.close()


def test_every_command_of_the_quickstart_works(demo: Company) -> None:
    typed = 0
    for block in BLOCKS:
        if block.language == "toml" and "[[roles]]" in block.text:
            with demo.config.open("a") as file:
                file.write("\n" + _here(block.text, demo))
        if block.language == "console":
            for session in sessions(block):
                _type(session, demo)
                typed += 1
    assert typed > 15


@pytest.mark.parametrize("text", [block.text for block in BLOCKS if block.text.startswith("[[providers]]")])
def test_every_provider_of_the_quickstart_is_a_good_one(text: str) -> None:
    before, _, after = GOOD.partition("[[providers]]")
    roles = "\n[[roles]]" + re.sub(r"groups = .*", 'domains = ["example.com"]', after.partition("[[roles]]")[2])
    found = problems(before + text + roles)  # by domains: not every provider sends groups
    assert not errors_in(found)


def test_the_unit_runs_the_command_that_the_page_is_about() -> None:
    unit = next(block.text for block in BLOCKS if block.language == "ini")
    assert re.search(r"^ExecStart=/opt/daypass/bin/daypass ca serve$", unit, re.MULTILINE)


def _type(session: Session, demo: Company) -> None:
    if session.command == "sudo systemctl enable --now daypass":
        demo.start_ca()
        return
    done = subprocess.run(
        ["bash", "-c", _here(session.command, demo)],
        cwd=demo.home,
        env=_env(demo),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    where = f"{PAGE.name}:{session.line}: {session.command}\n{said}"
    assert (done.returncode != 0) == bool(FAILS.search(session.output)), where
    for line in _here(session.output, demo).splitlines():
        pattern = ".*".join(re.escape(part) for part in line.split("…"))
        assert re.search(pattern, said), f"no line like {line!r} from {where}"
    if " ca init " in session.command:
        demo.bootstrap_line = said[said.index("daypass bootstrap ") :].split("\n")[0]


def _here(text: str, demo: Company) -> str:
    """The page's names, as they are on this machine."""
    fingerprint = demo.bootstrap_line.rpartition("#")[2]
    substitutes = {
        "https://ca.example.com": demo.url,
        "https://id.example.com": demo.idp.issuer,
        "at ca.example.com": f"at localhost-{demo.ca_port}",
        "of ca.example.com": f"of localhost-{demo.ca_port}",
        "*.example.com": HOST.replace("web-1", "*"),
        "web-1.example.com": HOST,
        "deploy": demo.account,
        "/etc/daypass/": f"{demo.ca_root}/etc/daypass/",
        "3f0a…c41d": fingerprint,
    }
    for old, new in substitutes.items():
        text = text.replace(old, new)
    return text


def _env(demo: Company) -> dict[str, str]:
    path = f"{demo.home / 'bin'}:{os.environ['PATH']}"
    return demo.env | {"PATH": path, "BROWSER": f"{demo.home / 'bin/browser'} %s", "DEMO_PERSON": "alice"}


def _write_shims(demo: Company) -> None:
    places: dict[str, str | Path] = {
        "python": sys.executable,
        "ssh": find("ssh"),
        "ssh_config": demo.ssh_config,
        "ca_root": demo.ca_root,
        "host_root": demo.host_root,
    }
    (demo.home / "bin").mkdir()
    for name, script in SHIMS.items():
        path = demo.home / "bin" / name
        text = re.sub(r"\{(\w+)\}", lambda match: str(places[match[1]]), script)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
