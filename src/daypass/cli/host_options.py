"""What the commands of `daypass host` share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.errors import Misconfigured

if TYPE_CHECKING:
    from daypass.host.settings import Paths

__all__ = ["host_paths", "json_option", "root_option"]

root_option = click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path("/"),
    help="Stand this before every path, in sshd's configuration too (tests, images).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for scripts.")


def host_paths(root: Path) -> Paths:
    from daypass.host.settings import Paths

    if root == Path("/") and os.geteuid() != 0:
        raise Misconfigured("a server's certificates are root's business", code="host.root", hint="run it with sudo")
    return Paths(root.absolute())
