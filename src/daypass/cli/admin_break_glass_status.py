"""`daypass ca break-glass status`: which hosts have it, by their own word."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import Where, json_option, where_options
from daypass.cli.exits import Exit
from daypass.cli.output import data, json_data, moment, note, printable, show_hint, utc

if TYPE_CHECKING:
    from daypass.api import TrustDocument
    from daypass.ca.host_ports import KnownHost
    from daypass.config import Config

__all__ = ["status"]


@click.command(
    epilog="""\b
Examples:
  sudo daypass ca break-glass status
  sudo daypass ca break-glass status --json

Exit code 0: every host that has said something of late has just these keys. 1: one has not, or none is installed."""
)
@where_options
@json_option
@click.pass_context
def status(context: click.Context, where: Where, as_json: bool) -> None:
    """Show the keys, and which hosts have them."""
    from daypass.founding.trust import read_trust
    from daypass.trusted import public_keys

    config = where.load()
    document = read_trust(config.ca.trust).document
    wanted = sorted(key.fingerprint for key in public_keys(document.break_glass))
    hosts = asyncio.run(_hosts(config))
    well = bool(wanted) and all(_has(each) == wanted for each in hosts)
    if as_json:
        json_data({
            "keys": wanted, "account": document.break_glass_account, "trust_version": document.version,
            "revoked": [serial for serial, _ in document.break_glass_revoked],
            "hosts": [
                {"name": each.name, "has": _has(each), "ready": bool(wanted) and _has(each) == wanted,
                 "last_word": utc(each.synced_at) if each.synced_at else None}
                for each in hosts
            ],
        })  # fmt: skip
    elif not wanted:
        data("no break-glass key is installed")
        show_hint("daypass ca break-glass create, then: daypass ca break-glass install")
    else:
        _show(document, wanted, hosts)
    context.exit(Exit.OK if well else Exit.NO)


def _show(document: TrustDocument, wanted: Sequence[str], hosts: Sequence[KnownHost]) -> None:
    for each in wanted:
        data(f"{each}  into {document.break_glass_account}")
    for host in hosts:
        last = moment(host.synced_at) if host.synced_at else "never"
        data(printable(f"{host.name:<30}  {_how(document, wanted, host)}, last word {last}"))
    if not hosts:
        note("no host has enrolled yet")
    elif any(_has(host) != wanted for host in hosts):
        show_hint("daypass host status there says what stands against it")


def _how(document: TrustDocument, wanted: Sequence[str], host: KnownHost) -> str:
    """A host tells what it had when it asked: the word by which it took the key says nothing of it yet."""
    if _has(host) == wanted:
        return "has it"
    if (host.synced_at or 0) < document.issued_at:
        return "has not said yet"
    return "has other keys" if _has(host) else "does NOT have it"


def _has(host: KnownHost) -> list[str]:
    return sorted(host.about.break_glass) if host.about is not None else []


async def _hosts(config: Config) -> Sequence[KnownHost]:
    from daypass.store import open_store

    store = open_store(config.ca.database)
    try:
        return await store.hosts()
    finally:
        await store.close()
