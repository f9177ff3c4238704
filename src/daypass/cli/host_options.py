"""What the commands of `daypass host` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from daypass.host.settings import Paths
    from daypass.host.sshd import Sshd

__all__ = ["host_paths", "json_option", "root_option", "sshd_of", "sshd_options"]

root_option = click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path("/"),
    help="Stand this before every path, in sshd's configuration too (tests, images).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for scripts.")


def host_paths(root: Path) -> Paths:
    from daypass.cli.host_paths import paths_below

    return paths_below(root)


def sshd_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which sshd is meant: `sshd_config` and `binary` of the command."""
    config = click.option(
        "--sshd-config", type=click.Path(path_type=Path), help="sshd's configuration, if not the standard one."
    )
    program = click.option(
        "--sshd", "binary", type=click.Path(path_type=Path), help="The sshd program, if not the one found."
    )
    return config(program(command))


def sshd_of(paths: Paths, config: Path | None, binary: Path | None) -> Sshd:
    from daypass.host import tools
    from daypass.host.sshd import Sshd

    found = binary.absolute() if binary else tools.find("sshd", "openssh-server")
    return Sshd(found, config.absolute() if config else paths.sshd_config)
