"""The service that keeps a host fresh: what systemd says of its unit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.host.box import Box
from tests.parts.needs import need

from daypass.errors import Misconfigured
from daypass.host import service

MOST_EXPOSED = 35  # tenths, of 100; it is root, writes below /etc, and kills control groups of sessions


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    path = tmp_path / service.NAME
    path.write_text(service.unit(["/bin/true"]))
    return path


def test_systemd_understands_every_line_of_it(unit: Path) -> None:
    ran = subprocess.run([need("systemd-analyze"), "verify", unit], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_it_may_do_no_more_than_it_must(unit: Path) -> None:
    command = [str(need("systemd-analyze")), "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", str(unit)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize(
    "path", ["/opt/day pass/daypass", "/opt/$HOME/daypass", "/opt/%n", '/opt/"', "/opt/a\nb", "/a;b"]
)
def test_a_path_that_systemd_would_read_otherwise_is_refused(path: str) -> None:
    with pytest.raises(Misconfigured, match="systemd can't run"):
        service.unit([path])


def test_nothing_is_there_to_be_taken_away_twice(box: Box) -> None:
    where = service.path(box.paths)
    where.parent.mkdir(parents=True)
    where.write_text(service.unit(["/bin/true"]))
    assert service.remove(box.paths)
    assert not service.remove(box.paths)
    assert not service.is_active(box.paths)


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_what_others_may_change_is_not_run_by_root(box: Box, mode: int) -> None:
    program = box.root / "daypass"
    program.write_text("#!/bin/sh\n")
    os.chown(program, 0, 1000)
    program.chmod(mode)
    with pytest.raises(Misconfigured, match="can be changed by others than root"):
        service.install(box.paths, [str(program)])
    assert not service.path(box.paths).exists()
