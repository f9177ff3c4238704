"""What waits for a second person, and their word on it (trust 4.3)."""

from __future__ import annotations

from typing import Any

import msgspec

from daypass.api.route import admin_route

__all__ = ["APPROVAL_ROUTES", "Approval", "ApprovalAnswer", "ApprovalsRequest", "Waiting", "WaitingActs"]


class ApprovalsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is asked but the list."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `body` is what was signed in for as the CA understands it, JSON; `digest` (hex) what approving it
    has to name."""

    id: str
    act: str
    body: str
    digest: str
    actor: str
    asked_by: str
    requested_at: int
    expires_at: int
    decided_by: str | None = None
    outcome: str | None = None


class WaitingActs(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    acts: list[Waiting]


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Exactly this request, with exactly this content."""

    id: str
    digest: str


class ApprovalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`answer`: of the act's own route, where it was carried out."""

    id: str
    act: str
    actor: str
    answer: Any = None


APPROVAL_ROUTES = (
    admin_route("approvals", "", ApprovalsRequest, WaitingActs, "What waits for a second person."),
    admin_route("approve", "", Approval, ApprovalAnswer, "Approve what another operator has asked for: it is done."),
    admin_route("refuse", "", Approval, ApprovalAnswer, "Refuse what waits, or withdraw what one has asked for."),
)
