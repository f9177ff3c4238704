"""Sign-ins that are over: whoever was signed in before their access ended gets nothing for it after (trust 3.5)."""

from __future__ import annotations

from daypass.ca.ports import View
from daypass.errors import Unauthenticated
from daypass.model import Kind, Proof, sign_in

__all__ = ["require_not_over", "signed_in"]


def signed_in(proof: Proof) -> str | None:
    """Which sign-in of a person's or a workload's it is."""
    who = proof.identity
    return sign_in(who.issuer, proof.session, proof.once) if who.kind is not Kind.HOST else None


def require_not_over(proof: Proof, view: View) -> None:
    """Raises Unauthenticated. Somebody who is locked hears of that instead, from the policy.

    A token of the very second counts as one from before: else an ending in that second could be outrun.
    """
    person = view.person
    if proof.identity.kind is Kind.HOST or (person is not None and person.locked):
        return
    ended_at = person.ended_at if person is not None else None
    if view.over or (ended_at is not None and proof.issued_at <= ended_at):
        raise Unauthenticated(
            "this sign-in is over: access was ended after it",
            code="token.over",
            hint="sign in again: daypass login --force",
        )
