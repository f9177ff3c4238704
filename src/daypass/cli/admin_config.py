"""`daypass ca config`: the published versions, what each changed, and the way back."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, TypeVar

import click

from daypass.cli.admin_options import json_option
from daypass.cli.administration import Administration, administering
from daypass.cli.output import bold, data, json_data, moment, note, printable, show_hint, utc

if TYPE_CHECKING:
    from msgspec import Struct

    from daypass.api import ConfigEntry, ConfigPublished
    from daypass.config import Config

__all__ = ["config"]

Answer = TypeVar("Answer")


@click.group(
    epilog="""\b
Examples:
  sudo daypass ca config log
  sudo daypass ca config diff              what the version in force changed
  sudo daypass ca config rollback 3

What counts is what is published: every process of the CA decides by it. Operators read it by a sign-in with the
capability audit, and publish with configure, two of them together."""
)
def config() -> None:
    """Show the published versions, and go back to one."""


@config.command(
    "log",
    epilog="""\b
Examples:
  sudo daypass ca config log
  daypass ca config log --remote --json | jq '.[0].version'""",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@administering
@json_option
def log(ca: Administration, limit: int, as_json: bool) -> None:
    """List the versions, the newest first.

    An asterisk marks the one in force.
    """
    from daypass.api import ConfigLog, ConfigLogRequest

    found = _call(ca, "config_log", ConfigLogRequest(limit=limit), ConfigLog, "read the list of versions").versions
    if as_json:
        json_data([_fields(each) for each in found])
        return
    width = max((len(each.actor) for each in found), default=0)
    for each in found:
        line = f"{'*' if each.active else ' '} {each.version:>4}  {moment(each.published_at)}  "
        data(printable(f"{line}{each.actor:<{width}}  {each.comment}".rstrip()))
    if not found:
        note("nothing is published yet")


@config.command(
    epilog="""\b
Examples:
  sudo daypass ca config show
  sudo daypass ca config show 3 > three.toml
  daypass ca config show --remote > policy.toml"""
)
@click.argument("version", type=click.IntRange(min=1), required=False)
@administering
@json_option
def show(ca: Administration, version: int | None, as_json: bool) -> None:
    """Print what VERSION holds, in TOML.

    Unless told, the one in force. That is the part which all processes share: no secrets, no addresses, no paths.
    """
    import json

    from daypass.api import ConfigDocument, ConfigShowRequest

    found = _call(ca, "config_show", ConfigShowRequest(version=version), ConfigDocument, "read a version")
    if as_json:
        json_data(_fields(found.entry) | {"document": json.loads(found.document)})
        return
    note(_headline(found.entry))
    data(_lines(found.toml))


@config.command(
    epilog="""\b
Examples:
  sudo daypass ca config diff           what the version in force changed
  sudo daypass ca config diff 3         from 3 to the one in force
  sudo daypass ca config diff 3 5

\b
Exit code: 0 whether or not anything differs."""
)
@click.argument("old", type=click.IntRange(min=1), required=False)
@click.argument("new", type=click.IntRange(min=1), required=False)
@administering
@json_option
def diff(ca: Administration, old: int | None, new: int | None, as_json: bool) -> None:
    """Show what changes from OLD to NEW.

    First in words, then in TOML. NEW is the version in force unless told, OLD the one before that.
    """
    from daypass.api import ConfigDiff, ConfigDiffRequest

    found = _call(ca, "config_diff", ConfigDiffRequest(old=old, new=new), ConfigDiff, "compare two versions")
    if as_json:
        json_data(_built(found))
        return
    note(bold(f"from version {found.old} to version {found.new}"))
    for each in found.changes:
        data(printable(f"{each.key}: {each.text} ({each.effect})"))
    if found.unknown:
        show_hint(f"they can't be compared key by key: {found.unknown}")
    if found.toml:
        data(f"\n{_lines(found.toml)}")
    else:
        note("they hold the same")


@config.command(
    epilog="""\b
Examples:
  daypass ca config publish policy.toml --base 7 --remote \\
      --comment 'on call may restart'

To change what is in force: daypass ca config show --remote > policy.toml first, and its version as --base. On the
CA's machine, daypass ca reload publishes daypass.toml itself."""
)
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--base", type=click.IntRange(min=0), required=True, help="The version that was edited.")
@click.option("--comment", metavar="TEXT", default="", help="What is said of it in daypass ca config log.")
@administering
@json_option
def publish(ca: Administration, file: Any, base: int, comment: str, as_json: bool) -> None:
    """Put FILE in force, as the next version.

    FILE is what daypass ca config show printed, edited; - reads standard input.
    """
    from daypass.api import ConfigPublished, ConfigPublishRequest

    request = ConfigPublishRequest(toml=file.read(), base=base, comment=comment)
    purpose = f"publish another configuration after version {base}"
    _tell(_call(ca, "config_publish", request, ConfigPublished, purpose, as_json=as_json), as_json)
    _warn_of_file(ca)


@config.command(
    epilog="""\b
Examples:
  sudo daypass ca config rollback 3
  daypass ca config rollback 3 --base 7 --remote   another one approves it"""
)
@click.argument("version", type=click.IntRange(min=1))
@click.option("--base", type=click.IntRange(min=1), help="Only if this version is in force still.")
@administering
@json_option
def rollback(ca: Administration, version: int, base: int | None, as_json: bool) -> None:
    """Put VERSION in force again, as the next one.

    It has to pass today's checks.
    """
    from daypass.api import ConfigPublished, ConfigRollbackRequest

    request = ConfigRollbackRequest(version=version, base=base)
    purpose = f"go back to version {version} of the configuration"
    _tell(_call(ca, "config_rollback", request, ConfigPublished, purpose, as_json=as_json), as_json)
    _warn_of_file(ca)


def _call(
    ca: Administration, name: str, body: Struct, answer: type[Answer], purpose: str, *, as_json: bool = False
) -> Answer:
    """On the CA's machine by the database itself: the way back must be there when no process of the CA is."""
    if not ca.here:
        return ca.call(name, body, answer, purpose, as_json=as_json)
    found: Answer = asyncio.run(_local(ca.where.load(), name, body))
    return found


async def _local(config: Config, name: str, body: Struct) -> Any:
    from daypass.assemble import usable
    from daypass.ca.acts import Operator
    from daypass.ca.publishing import Configs
    from daypass.server.configs import ConfigRoutes
    from daypass.store import open_store

    store = open_store(config.ca.database)
    try:
        routes = ConfigRoutes(Configs(store, lambda: config, usable))
        return await getattr(routes, name)(Operator.at_socket(os.geteuid()), body)
    finally:
        await store.close()


def _tell(found: ConfigPublished, as_json: bool) -> None:
    if as_json:
        json_data(
            _fields(found.entry) | {"changed": found.changed, "changes": [_built(each) for each in found.changes]}
        )
        return
    if not found.changed:
        data(f"nothing changed: version {found.entry.version} stays in force")
        return
    for each in found.changes:
        note(printable(f"{each.key}: {each.text} ({each.effect})"))
    if found.unknown:
        show_hint(f"what it changes can't be told: {found.unknown}")
    data(f"version {found.entry.version} is in force")


def _warn_of_file(ca: Administration) -> None:
    if ca.here:
        show_hint(f"{ca.where.config} says something else now; the next daypass ca reload would publish that")


def _headline(entry: ConfigEntry) -> str:
    comment = f", {entry.comment}" if entry.comment else ""
    state = "in force" if entry.active else "not in force"
    return printable(f"# version {entry.version}, {state}: {moment(entry.published_at)}, {entry.actor}{comment}")


def _lines(text: str) -> str:
    return "\n".join(printable(line.replace("\t", "    ")) for line in text.rstrip("\n").split("\n"))


def _fields(entry: ConfigEntry) -> dict[str, object]:
    return _built(entry) | {"published_at": utc(entry.published_at)}


def _built(value: Struct) -> dict[str, Any]:
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(value)
    return found
