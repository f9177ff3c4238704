"""docs/man/*.1, made from every command's --help (man-pages(7), groff_man(7))."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
from tests.docs.commands import walk

from daypass import __version__
from daypass.cli.exits import MEANINGS
from daypass.cli.group import daypass

__all__ = ["document", "names"]

_EXAMPLES = re.compile(r"Examples?:\n")


def names() -> list[str]:
    """A page for every command, by the name of its file."""
    return [f"docs/man/{path.replace(' ', '-')}.1" for path, _ in walk(daypass)]


def document(name: str) -> bytes:
    """The page of one file."""
    pages = {path.replace(" ", "-"): (path, context) for path, context in walk(daypass)}
    page = name.removeprefix("docs/man/").removesuffix(".1")
    return _page(page, *pages[page], list(pages)).encode()


def _page(name: str, path: str, context: click.Context, pages: list[str]) -> str:
    command = context.command
    lines = [
        f'.TH "{name.upper()}" "1" "" "daypass {__version__}" "User Commands"',
        ".SH NAME",
        f"{_text(name)} \\- {_text(command.get_short_help_str(200).rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {_text(path)}",
        _text(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        _text(" ".join((command.help or "").split())),
        *_subcommands(context),
        *_options(context),
        *_epilog(command.epilog or ""),
        *(_exits() if name == "daypass" else []),
        ".SH SEE ALSO",
        ", ".join(f"\\fB{_text(each)}\\fR(1)" for each in _related(name, pages)) + ", \\fBssh_config\\fR(5)",
    ]
    return "\n".join(lines) + "\n"


def _subcommands(context: click.Context) -> Iterator[str]:
    group = context.command
    if isinstance(group, click.Group):
        yield ".SH COMMANDS"
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            assert found is not None, name
            yield from (".TP", f".B {_text(name)}", _text(found.get_short_help_str(200)))


def _options(context: click.Context) -> Iterator[str]:
    yield ".SH OPTIONS"
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            yield from (".TP", f"\\fB{_text(record[0])}\\fR", _text(record[1]))


def _epilog(epilog: str) -> Iterator[str]:
    """Blocks of a click epilog: one that starts with \\b stands as it is, any other is filled."""
    for block in epilog.split("\n\n"):
        as_it_is, text = block.startswith("\b"), block.removeprefix("\b").strip("\n")
        if match := _EXAMPLES.match(text):
            yield ".SH EXAMPLES"
            text = text[match.end() :]
        elif text:
            yield ".PP"
        if as_it_is and text:
            yield from (".nf", *(_text(line) for line in text.split("\n")), ".fi")
        elif text:
            yield _text(" ".join(text.split()))


def _exits() -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for code, meaning in MEANINGS.items():
        yield from (".TP", f".B {int(code)}", _text(meaning))


def _related(name: str, pages: list[str]) -> list[str]:
    """Its group, and its own commands."""
    parent = name.rpartition("-")[0]
    above = [each for each in ("daypass", parent) if each in pages and each != name]
    below = [each for each in pages if each.rpartition("-")[0] == name]
    return list(dict.fromkeys([*above, *below]))


def _text(text: str) -> str:
    """Inert in groff: no request at a line's start, no escape, hyphens that can be copied into a shell."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...").replace("●", "*")
    return re.sub(r"^([.'])", r"\\&\1", escaped)
