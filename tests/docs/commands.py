"""docs/reference/commands.md, made from every command's --help."""

from __future__ import annotations

from collections.abc import Iterator

import click

from daypass.cli.group import daypass

__all__ = ["document", "walk"]

WIDTH = 100  # characters, whatever terminal this runs in
_HEAD = """\
# Commands

What `--help` says, for every command. Data goes to stdout, everything else to stderr; `--json` is there where a
script would read;
`NO_COLOR` turns colours off. [Exit codes](exit-codes.md) are the same everywhere.

Made by `make docs`.
"""


def document() -> bytes:
    """The whole page."""
    parts = [_HEAD]
    for path, context in walk(daypass):
        lines = (line.rstrip() for line in context.get_help().splitlines())
        parts.append(f"## {path}\n\n```text\n" + "\n".join(lines).strip() + "\n```\n")
    return "\n".join(parts).encode()


def walk(
    command: click.Command, parent: click.Context | None = None, name: str = "daypass", *, width: int = WIDTH
) -> Iterator[tuple[str, click.Context]]:
    """(`daypass host enroll`, its context) for every command there is, parents first."""
    context = _context(command, parent, name, width)
    yield context.command_path, context
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            assert found is not None, each
            yield from walk(found, context, each, width=width)


def _context(command: click.Command, parent: click.Context | None, name: str, width: int) -> click.Context:
    settings = {**command.context_settings, "terminal_width": width, "max_content_width": width}
    return click.Context(command, parent=parent, info_name=name, **settings)
