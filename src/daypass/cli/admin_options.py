"""What every command on the CA's machine takes: which configuration, below which root."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from daypass.config import Config

__all__ = ["Where", "json_option", "where_options"]

CONFIG_FILE = Path("/etc/daypass/daypass.toml")
ADMIN_SOCKET = "/run/daypass/admin.sock"  # ca.admin_socket by default; importing all of config takes too long here


class Where:
    """The configuration file as it is named (`config`), and as it lies on this machine (`file`)."""

    def __init__(self, config: Path, root: Path) -> None:
        self.root = root.absolute()
        self.config = config.absolute()
        self.file = self.root / self.config.relative_to("/")

    def load(self) -> Config:
        from daypass.config import load, rebased

        return rebased(load(self.file), self.root)

    def socket(self) -> Path:
        """Where the CA listens to who administers it. Nothing else in the file is judged: a mistake in a role keeps
        nobody from locking somebody out, and judging a thousand roles takes longer than the answer."""
        import tomllib

        try:
            found = tomllib.loads(self.file.read_text(encoding="utf-8"))["ca"].get("admin_socket", ADMIN_SOCKET)
            return self.root / Path(found).relative_to("/")
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return self.load().ca.admin_socket  # which says what is wrong


def where_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--config and --root, handed to the command as one `where`."""

    @functools.wraps(command)
    def wrapped(config: Path, root: Path, **arguments: Any) -> Any:
        return command(where=Where(config, root), **arguments)

    root_option = click.option(
        "--root",
        type=click.Path(path_type=Path),
        default=Path("/"),
        help="Stand this before every path (tests, images).",
    )
    config_option = click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        default=CONFIG_FILE,
        show_default=True,
        help="The CA's configuration.",
    )
    return config_option(root_option(wrapped))


json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for scripts.")
