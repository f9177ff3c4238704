"""`daypass ca rotate`: a new key for a CA that runs, in three stages."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import Where, json_option, where_options
from daypass.cli.admin_trust import confirm, open_root, trust_root_options
from daypass.cli.output import data, good, json_data, moment, note, printable, show_hint, utc
from daypass.errors import Conflict, Misconfigured

if TYPE_CHECKING:
    from daypass.ca.ports import Signer
    from daypass.config import Config
    from daypass.rotation import Ground, Standing, Waiting

__all__ = ["rotate"]

_NAMED = 8  # names of those that are waited for, in each line
_DOES = {"announce": "announce a new {}", "sign": "sign with the new {}", "retire": "retire the old {}"}


@click.command(
    epilog="""\b
Examples:
  sudo daypass ca rotate user                where it stands, what is next
  sudo daypass ca rotate user --announce \\
      --trust-root /media/offline/trust_root
  sudo daypass ca rotate user --sign         once hosts know the new key
  sudo daypass ca rotate user --retire       once none needs the old one
  sudo daypass ca rotate tls --json

\b
user     signs people's certificates
host     signs hosts' certificates
tls      the root of this CA's own TLS, which people and hosts pin
bundle   signs what hosts and laptops are given

A stage that was cut short is run again. With several machines, each stage is done on each: first copy the trust
document and the new key's files there. A running daypass ca serve takes each stage up by itself."""
)
@click.argument("kind", type=click.Choice(["user", "host", "tls", "bundle"]))
@where_options
@click.option("--announce", is_flag=True, help="Make the next key, and have the offline root sign it.")
@click.option("--sign", "signs", is_flag=True, help="Sign with the new key from now on.")
@click.option("--retire", "retires", is_flag=True, help="Give up the old key.")
@click.option(
    "--anyway", is_flag=True, help="Wait for nobody: for a key that was stolen. Those who are named lose their way."
)
@trust_root_options
@json_option
def rotate(
    kind: str, where: Where, announce: bool, signs: bool, retires: bool, anyway: bool, trust_root: Path | None,
    passphrase_file: Path | None, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Give this CA a new key, in three stages.

    Without a stage it shows where the rotation stands, and what it waits for.
    """
    from daypass import rotation

    ground, now = rotation.Ground(where.file, where.root, kind), int(time.time())
    stage = _stage(announce, signs, retires)
    if stage is None:
        _show(ground, now, as_json)
        return
    rotation.require_turn(ground, stage)
    waits = asyncio.run(_waits(ground, stage, now)) if stage != "announce" else []
    _refuse(waits, anyway, stage)
    confirm([_DOES[stage].format(rotation.KIND[kind]), *map(_line, waits)], yes, "Go on?")

    def root() -> Signer:
        return open_root(where, trust_root, passphrase_file)

    if stage == "announce":
        asyncio.run(rotation.announce(ground, _passphrase(ground.config()), root, now, _told))
    elif stage == "sign":
        asyncio.run(rotation.sign(ground, now, _told))
    else:
        asyncio.run(rotation.retire(ground, root, now, _told))
    _show(ground, now, as_json)


def _stage(*flags: bool) -> str | None:
    asked = [stage for stage, flag in zip(_DOES, flags, strict=True) if flag]
    if len(asked) > 1:
        raise click.UsageError("one stage at a time: --announce, --sign or --retire")
    return asked[0] if asked else None


def _told(step: str) -> None:
    note(f"  {good('done')} {printable(step)}")


def _refuse(waits: list[Waiting], anyway: bool, stage: str) -> None:
    if waits and not anyway:
        listed = "".join(f"\n  {_line(each)}" for each in waits)
        raise Conflict(
            f"not yet, something still depends on the stage before:{listed}",
            code="rotate.waiting",
            hint=f"{waits[0].hint}; if the old key was stolen: --{stage} --anyway",
        )


def _line(each: Waiting) -> str:
    some = ", ".join(printable(name) for name in each.names[:_NAMED])
    more = f" and {len(each.names) - _NAMED} more" if len(each.names) > _NAMED else ""
    until = f", until {moment(each.until)} at most" if each.until is not None else ""
    return f"{len(each.names)} {each.what[len(each.names) > 1]}: {some}{more}{until}"


def _passphrase(config: Config) -> bytes | None:
    """Of the CA's keys; the new one is encrypted as those are."""
    from daypass.signers.passphrase import find_passphrase, is_locked

    found = find_passphrase(config.ca.passphrase_file, os.environ)
    if found is not None or not any(is_locked(key.file) for key in config.keys):
        return found
    if not sys.stdin.isatty():
        hint = "give ca.passphrase_file, or run it on a terminal"
        raise Misconfigured("the CA's keys are encrypted, and nobody can be asked", code="passphrase", hint=hint)
    answer: str = click.prompt("Passphrase of the CA's keys", hide_input=True, err=True)
    return answer.encode()


async def _waits(ground: Ground, stage: str, now: int) -> list[Waiting]:
    from daypass.rotation import waiting
    from daypass.store import open_store

    at, trust = ground.standing(), ground.trust().document
    store = open_store(ground.config().ca.database)
    try:
        return await waiting(store, at, stage, now, trust.issued_at)
    finally:
        await store.close()


def _show(ground: Ground, now: int, as_json: bool) -> None:
    at = ground.standing()
    following = at.stage.following
    waits = [] if following == "announce" else asyncio.run(_waits(ground, following, now))
    if as_json:
        json_data(_facts(at, waits))
        return
    for key in at.keys:
        believed = "signs" if key is at.signing else "believed" if key.place is not None else "not announced"
        data(f"{believed:<14}{key.fingerprint}  {key.file}")
    for each in (*at.elsewhere, *at.dropped):
        data(f"{'believed':<14}{each}  (not in this machine's configuration)")
    _show_next(ground, at, waits)


def _show_next(ground: Ground, at: Standing, waits: list[Waiting]) -> None:
    from daypass.rotation import KIND, Stage

    command = f"daypass ca rotate {at.use} --{at.stage.following}"
    if at.stage is Stage.STEADY:
        note(f"no rotation of the {KIND[at.use]} is under way; to begin one: {command}")
        return
    for each in waits:
        note(f"waits for {_line(each)}\n  {each.hint}")
    note(f"next, {'once it waits for nobody' if waits else 'now'}: {command}")
    if at.use == "tls" and at.stage is Stage.SIGNING:
        show_hint(f"from now on people join with: daypass bootstrap {_join(ground, at)}")
    if at.stage in (Stage.ANNOUNCED, Stage.SIGNING):
        show_hint("with several machines: copy trust document and key files to each, and do the stage there")


def _join(ground: Ground, at: Standing) -> str:
    return f"{ground.config().ca.url.rstrip('/')}/#{at.signing.fingerprint}"


def _facts(at: Standing, waits: list[Waiting]) -> dict[str, object]:
    return {
        "use": at.use,
        "stage": at.stage.value,
        "next": at.stage.following,
        "trust_version": at.version,
        "signs": at.signing.fingerprint,
        "keys": [
            {"file": str(each.file), "fingerprint": each.fingerprint, "announced": each.place is not None}
            for each in at.keys
        ],
        "announced": list(at.announced),
        "waits_for": [
            {"what": each.what[1], "names": list(each.names), "until": utc(each.until) if each.until else None}
            for each in waits
        ],
    }  # fmt: skip
