"""`daypass completion`: the script that makes a shell complete our commands (click's mechanism)."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from daypass.cli.output import data

__all__ = ["completion"]


@click.command(
    epilog="""\b
Examples:
  daypass completion bash > ~/.local/share/bash-completion/completions/daypass
  daypass completion zsh  > "${fpath[1]}/_daypass"
  daypass completion fish > ~/.config/fish/completions/daypass.fish"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a completion script for SHELL."""
    from daypass.cli.group import daypass

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    data(kind(daypass, {}, "daypass", "_DAYPASS_COMPLETE").source().rstrip("\n"))
