"""Options that a person's commands share: where things are, and which company is meant."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

__all__ = ["root_option", "with_settings"]

_Command = Callable[..., Any]


def root_option(command: _Command) -> _Command:
    """`--root DIR`, which stands for / in tests and images."""
    return click.option("--root", default="", metavar="DIR", help="Work below DIR instead of /.")(command)


def context_option(command: _Command) -> _Command:
    """`--context NAME`, for those who have joined several companies."""
    text = "Which company, where you have joined several (or DAYPASS_CONTEXT)."
    return click.option("--context", default="", metavar="NAME", help=text)(command)


def with_settings(command: _Command) -> _Command:
    """Adds `--context` and `--root`, and calls the command with `settings` made of them."""

    @functools.wraps(command)
    def wrapped(*args: Any, root: str, context: str, **kwargs: Any) -> Any:
        from daypass.client.settings import Settings

        return command(*args, settings=Settings.load(root, context=context), **kwargs)

    return context_option(root_option(wrapped))
