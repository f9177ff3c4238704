"""What every command that ends access takes and tells: why, what it would hit, whether to ask before."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from daypass.cli.output import counted, data, json_data, moment, note, printable, show_hint, utc
from daypass.cli.proof import plain, show

if TYPE_CHECKING:
    from daypass.api import EndingHit, EndingProgress, Revoked

__all__ = ["asked_reason", "ending_options", "require_yes", "tell_hit"]

SHOWN = 20  # certificates that are listed for people; --json has them all


def ending_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--reason, --dry-run and --yes."""
    for option in (
        click.option("--yes", is_flag=True, help="Don't ask whether this is meant."),
        click.option("--dry-run", is_flag=True, help="Show what would be hit, and end nothing."),
        click.option("--reason", default="", metavar="TEXT", help="Why; it is kept in the CA's record."),
    ):
        command = option(command)
    return command


def asked_reason(reason: str, *, dry_run: bool = False) -> str:
    """Asked for at a terminal. Raises UsageError where there is none, and nobody to ask."""
    if reason or dry_run:
        return reason
    if not _someone_is_there():
        raise click.UsageError("say why, for the record: --reason TEXT")
    answer: str = click.prompt("Why (kept in the CA's record)", err=True)
    return answer


def require_yes(purpose: str, *, yes: bool) -> None:
    """Whoever sits at a terminal is asked; a script means what it says."""
    if not yes and _someone_is_there():
        click.confirm(f"{purpose[:1].upper()}{purpose[1:]}?", abort=True, err=True)


def tell_hit(hit: EndingHit, came: EndingProgress | None = None, *, done: str, as_json: bool) -> None:
    """What has ended, or would; and what `came` of it, where somebody has waited. `done`: "revoked", "locked"."""
    if as_json:
        json_data(_facts(hit) | ({"progress": plain(came)} if came is not None else {}))
        return
    for each in hit.certificates[:SHOWN]:
        data(_line(each))
    more = len(hit.certificates) - SHOWN
    if more > 0:
        note(f"and {more} more: --json lists them")
    whose = f" of {len(hit.people)} people" if len(hit.people) > 1 else ""
    if not hit.ending:
        note(f"{counted(hit.count, 'certificate')}{whose} would end; nothing was changed")
        return
    note(f"{done}: {counted(hit.count, 'certificate')}{whose} ended by {hit.ending}")
    if came is not None:
        show(came)
    if came is None or not came.complete:
        show_hint(f"what hosts make of it: daypass revocations show {hit.ending} --wait")


def _someone_is_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _line(each: Revoked) -> str:
    state = f"revoked {moment(each.revoked_at)}" if each.revoked_at else f"until {moment(each.valid_before)}"
    return f"{each.serial}  {printable(each.key_id)}  {state}"


def _facts(hit: EndingHit) -> dict[str, object]:
    return {
        "ending": hit.ending,
        "count": hit.count,
        "people": [{"id": each.id, "login": each.login} for each in hit.people],
        "certificates": [
            {
                "serial": each.serial,
                "key_id": each.key_id,
                "login": each.login,
                "valid_before": utc(each.valid_before),
                "revoked_at": utc(each.revoked_at) if each.revoked_at else None,
            }
            for each in hit.certificates
        ],
    }
