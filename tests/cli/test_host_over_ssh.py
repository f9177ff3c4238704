"""`daypass host enroll --over-ssh`, up to where ssh begins (tests/e2e/test_over_ssh.py goes on from there)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from daypass.cli.administration import Administration
from daypass.cli.exits import Exit
from daypass.cli.host_over_ssh import OverSsh
from daypass.cli.main import main


@pytest.mark.parametrize("option", [("--token-file", "-"), ("--name", "web-1.example.com"), ("--dry-run",)])
def test_what_is_for_one_host_alone_is_a_usage_error(option: tuple[str, ...]) -> None:
    assert main(["host", "enroll", "--over-ssh", "-", *option]) == Exit.USAGE


def test_who_stops_it_is_told_how_far_it_came_and_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stopped:
        def call(self, *_: Any) -> Any:
            raise KeyboardInterrupt

    listed = tmp_path / "fleet.txt"
    listed.write_text("web-1.example.com\nweb-2.example.com\n")
    with pytest.raises(KeyboardInterrupt):
        OverSsh(cast(Administration, Stopped()), str(listed), 25, 8, False, ()).run(as_json=False)
    said = capsys.readouterr().err
    assert "stopped after 0 of 2 hosts" in said and "run it again with the same list" in said
