"""Options that a person's commands share: where things are, and which company is meant."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from daypass.client.settings import Settings

__all__ = ["context_option", "keep_log", "root_option", "with_settings", "with_verbose"]

_Command = Callable[..., Any]


def root_option(command: _Command) -> _Command:
    """`--root DIR`, which stands for / in tests and images."""
    return click.option("--root", default="", metavar="DIR", help="Work below DIR instead of /.")(command)


def context_option(command: _Command) -> _Command:
    """`--context NAME`, for those who have joined several companies."""
    text = "Which company, where you have joined several (or DAYPASS_CONTEXT)."
    return click.option("--context", default="", metavar="NAME", help=text)(command)


def keep_log(settings: Settings) -> None:
    """Have HOME/daypass.log say what this command does."""
    from daypass.client import journal

    context = click.get_current_context(silent=True)
    journal.start(settings.log, context.command_path.removeprefix("daypass ") if context else "")


def with_verbose(command: click.Command) -> click.Command:
    """Adds `-v` to the command, or to every one below it; one that has a --verbose of its own keeps that."""
    if isinstance(command, click.Group):
        for each in command.commands.values():
            with_verbose(each)
    elif not any("--verbose" in each.opts for each in command.params):
        command.params.append(
            click.Option(
                ["-v", "--verbose"],
                is_flag=True,
                expose_value=False,
                is_eager=True,
                callback=_show_steps,
                help="Say every step, with times.",
            )
        )
    return command


def _show_steps(_context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from daypass.client import journal

        journal.show()


def with_settings(command: _Command) -> _Command:
    """Adds `--context` and `--root`, and calls the command with `settings` made of them."""

    @functools.wraps(command)
    def wrapped(*args: Any, root: str, context: str, **kwargs: Any) -> Any:
        from daypass.client.settings import Settings

        settings = Settings.load(root, context=context)
        keep_log(settings)
        return command(*args, settings=settings, **kwargs)

    return context_option(root_option(wrapped))
