"""cli/words.py, made from every command: what completion offers, without importing a single one of them."""

from __future__ import annotations

import click
from tests.docs.commands import walk

from daypass.cli.group import daypass

__all__ = ["document"]

_HEAD = '''\
"""What completion offers, made from the commands by `make docs`: options and arguments with what they take."""

from __future__ import annotations

__all__ = ["WORDS"]

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Mapping

# command -> ({subcommand: summary}, {option: (takes, help)}, (what each argument takes,)); "" takes nothing, "value"
# something that nobody can guess.
WORDS: Mapping[str, tuple[dict[str, str], dict[str, tuple[str, str]], tuple[str, ...]]] = {
'''
_FILES = {"FILE", "DIR", "PUB", "CERT", "KEY", "OUT", "LIST"}


def document() -> bytes:
    """The module, one line per command, option and argument."""
    lines = [_HEAD.rstrip("\n")]
    for path, context in walk(daypass):
        lines += [f"    {path.removeprefix('daypass').strip()!r}: (", *_entry(context), "    ),"]
    return ("\n".join([*lines, "}"]) + "\n").encode()


def _entry(context: click.Context) -> list[str]:
    command = context.command
    parameters = [each for each in command.get_params(context) if not getattr(each, "hidden", False)]
    options = [each for each in parameters if isinstance(each, click.Option)]
    arguments = [each for each in parameters if isinstance(each, click.Argument)]
    return [
        "        {",
        *(f"            {name!r}: {text!r}," for name, text in _subcommands(context)),
        "        },",
        "        {",
        *(f"            {name!r}: ({_takes(each, context)!r}, {_summary(each.help)!r}),"
          for each in options for name in each.opts + each.secondary_opts),
        "        },",
        f"        ({''.join(f'{_takes(each, context)!r}, ' for each in arguments).strip()}),",
    ]  # fmt: skip


def _subcommands(context: click.Context) -> list[tuple[str, str]]:
    group = context.command
    if not isinstance(group, click.Group):
        return []
    found = ((name, group.get_command(context, name)) for name in group.list_commands(context))
    return [(name, each.get_short_help_str(80)) for name, each in found if each is not None and not each.hidden]


def _takes(parameter: click.Parameter, context: click.Context) -> str:
    """What kind of thing: a file, a host, a company, one of a few words."""
    if isinstance(parameter, click.Option) and (parameter.is_flag or parameter.count):
        return ""
    shown = (parameter.metavar or parameter.name or "").upper().strip("[]")
    if isinstance(parameter.type, click.Choice):
        return "|".join(map(str, parameter.type.choices))
    if isinstance(parameter.type, click.Path) or shown in _FILES or shown.endswith("_FILE"):
        return "file"
    if shown == "HOST":
        return "host"
    of_context = context.parent is not None and context.parent.command.name == "context"
    return "context" if parameter.name == "context" or of_context else "value"


def _summary(text: str | None) -> str:
    return (text or "").partition(". ")[0].rstrip(".")[:100]
