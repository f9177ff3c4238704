"""`daypass ca reload`: this machine's file becomes the version that every process of the CA decides by."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import Where, json_option, where_options
from daypass.cli.output import data, json_data, note, printable, show_hint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.ca.changes import Change
    from daypass.ca.publishing import Published
    from daypass.config import Config

__all__ = ["changed_fields", "reload", "standing", "tell_published"]


@click.command(
    epilog="""\b
Examples:
  sudo daypass ca reload
  sudo daypass ca check-config && sudo daypass ca reload
  sudo daypass ca reload --base 7     only if version 7 is in force still

A file that was in force before is refused without --base: a machine that was left behind would take back what
has been published since. To go back: daypass ca config rollback.

\b
Exit code: 7 where another version was published meanwhile, 10 where the
file can't be used; nothing has changed then."""
)
@click.option("--base", type=click.IntRange(min=0), help="The version that this one is meant to follow.")
@click.option("--comment", metavar="TEXT", help="What is said of it in daypass ca config log.")
@where_options
@json_option
def reload(where: Where, base: int | None, comment: str | None, as_json: bool) -> None:
    """Put the configuration in force.

    It becomes the next version. Every process of the CA takes it within a second or so, on every machine; none has
    to be started again. What is local to a machine (addresses, paths, keys) is read when daypass ca serve starts
    there.
    """
    config = where.load()
    comment = comment or f"{where.config} at {os.uname().nodename}"
    tell_published(asyncio.run(_publish(config, base, comment)), as_json=as_json)


def tell_published(found: Published, *, as_json: bool) -> None:
    version = found.version
    if as_json:
        json_data(
            {
                "version": version.version,
                "hash": version.hash.hex(),
                "changed": found.changed,
                "changes": [changed_fields(each) for each in found.changes],
            }
        )
    elif not found.changed:
        data(f"nothing changed: version {version.version} stays in force")
    else:
        _tell_changes(found.changes, found.unknown)
        data(f"version {version.version} is in force")


def _tell_changes(found: Sequence[Change], unknown: str) -> None:
    from daypass.ca.publishing import describe

    for change in found:
        note(printable(describe(change)))
    if unknown:
        show_hint(f"what it changes can't be told: {unknown}")


def changed_fields(change: Change) -> dict[str, str]:
    return {"key": change.key, "effect": change.effect.value, "text": change.text}


async def _publish(config: Config, base: int | None, comment: str) -> Published:
    from daypass.assemble import usable
    from daypass.ca.publishing import Configs
    from daypass.store import open_store

    store = open_store(config.ca.database)
    try:
        configs, actor = Configs(store, lambda: config, usable), f"uid:{os.geteuid()}"
        return await configs.publish(config, actor=actor, now=int(time.time()), comment=comment, base=base)
    finally:
        await store.close()


async def standing(config: Config) -> str:
    """What somebody who starts the CA with this file should know of what is published; "" where they are the same."""
    from daypass.config import policy_hash
    from daypass.store import open_store

    store = open_store(config.ca.database)
    try:
        active = await store.active_config()
    finally:
        await store.close()
    if active is None:
        return "nothing is published yet, and nothing is issued before that: daypass ca reload"
    if active.hash == policy_hash(config):
        return ""
    return (
        f"this file is not version {active.version}, which is in force and which this CA decides by; "
        "to publish the file: daypass ca reload"
    )
