"""`daypass approvals`: what one operator has asked for, and another has to approve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import json_option
from daypass.cli.administration import Administration, administering
from daypass.cli.output import data, good, json_data, moment, note, printable, utc
from daypass.errors import NotFound

if TYPE_CHECKING:
    from daypass.api import ApprovalAnswer, Waiting

__all__ = ["approvals"]


@click.group(
    epilog="""\b
Examples:
  daypass approvals list
  daypass approvals approve 4f0c1d2e3a4b5c6d --digest 9a1f…

What is grave (unlocking somebody, another configuration) takes two operators: one asks, and another one, with the
same capability or with approve:ACT, approves exactly that within the hour. Root on the CA's machine needs nobody
else."""
)
def approvals() -> None:
    """Approve what another operator has asked for, or refuse it."""


@approvals.command(
    "list",
    epilog="""\b
Examples:
  daypass approvals list
  daypass approvals list --json | jq -r '.[].digest'""",
)
@administering
@json_option
def list_waiting(ca: Administration, as_json: bool) -> None:
    """Show what waits for you, and your own."""
    found = _waiting(ca)
    if as_json:
        json_data([_fields(each) for each in found])
        return
    for each in found:
        state = each.outcome or f"until {moment(each.expires_at)}"
        who = f"{printable(each.asked_by)} ({printable(each.actor)})"
        data(f"{each.id}  {each.act}  asked by {who}  {printable(state)}")
        data(f"    {printable(each.body)}")
        data(f"    digest {each.digest}")
    if not found:
        note("nothing waits for a second person")


@approvals.command(
    epilog="""\b
Examples:
  daypass approvals approve 4f0c1d2e3a4b5c6d --digest 9a1f…
  daypass approvals approve 4f0c1d2e3a4b5c6d                  shows it first

The digest stands in the list, and where it was asked for: with it you approve exactly what you have seen."""
)
@click.argument("number", metavar="ID")
@click.option("--digest", metavar="HEX", help="Of what you approve. Without it you are shown it, and asked.")
@administering
@json_option
def approve(ca: Administration, number: str, digest: str | None, as_json: bool) -> None:
    """Approve request ID: it is done at once."""
    answer = _decide(ca, "approve", number, digest)
    if as_json:
        json_data({"id": answer.id, "act": answer.act, "actor": answer.actor, "answer": answer.answer})
        return
    note(f"{good('done')}: {answer.act}, as {printable(answer.actor)} had asked")


@approvals.command(
    epilog="""\b
Examples:
  daypass approvals refuse 4f0c1d2e3a4b5c6d --digest 9a1f…

Who has asked withdraws it by this, too."""
)
@click.argument("number", metavar="ID")
@click.option("--digest", metavar="HEX", help="Of what you refuse. Without it you are shown it, and asked.")
@administering
@json_option
def refuse(ca: Administration, number: str, digest: str | None, as_json: bool) -> None:
    """Refuse request ID: it is never carried out."""
    answer = _decide(ca, "refuse", number, digest)
    if as_json:
        json_data({"id": answer.id, "act": answer.act, "actor": answer.actor})
        return
    note(f"{good('refused')}: {answer.act}, which {printable(answer.actor)} had asked for")


def _decide(ca: Administration, word: str, number: str, digest: str | None) -> ApprovalAnswer:
    from daypass.api import Approval, ApprovalAnswer

    digest = digest or _asked(ca, word, number)
    purpose = f"{word} request {number}, digest {digest[:16]}…"
    return ca.call(word, Approval(id=number, digest=digest), ApprovalAnswer, purpose)


def _asked(ca: Administration, word: str, number: str) -> str:
    """The digest of what the person was shown, and said yes to."""
    found = next((each for each in _waiting(ca) if each.id == number), None)
    if found is None:
        raise NotFound("no such request waits for you", code="approval.unknown", hint="daypass approvals list")
    note(f"{printable(found.asked_by)} ({printable(found.actor)}) asks for {found.act}:\n  {printable(found.body)}")
    click.confirm(f"{word.capitalize()} this?", abort=True, err=True)
    return found.digest


def _waiting(ca: Administration) -> list[Waiting]:
    from daypass.api import ApprovalsRequest, WaitingActs

    return ca.call("approvals", ApprovalsRequest(), WaitingActs, "see what waits for a second person").acts


def _fields(each: Waiting) -> dict[str, object]:
    return {
        "id": each.id,
        "act": each.act,
        "body": each.body,
        "digest": each.digest,
        "actor": each.actor,
        "asked_by": each.asked_by,
        "requested_at": utc(each.requested_at),
        "expires_at": utc(each.expires_at),
        "decided_by": each.decided_by,
        "outcome": each.outcome,
    }
