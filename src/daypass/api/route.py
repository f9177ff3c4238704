"""What a route is, and who may use it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Access", "Route", "admin_route"]


class Access(StrEnum):
    OPEN = "open"  # anyone; reveals nothing that is not public
    CREDENTIAL = "credential"  # the body carries a one-time credential
    PASS = "pass"  # noqa: S105  # a day pass speaks for its person, in the Authorization header (PassProof)
    HOST = "host"  # a host's certificate speaks for it, in the Authorization header (HostProof)
    DEVICE = "device"  # a machine without a browser: it proves a key, or shows the secret code it was given
    INBOUND = "inbound"  # an identity provider: the body is a token that it has signed
    PAGE = "page"  # a person's browser: HTML; a form only from our own page, with its cookie
    ADMIN = "admin"  # an operator: the administration socket's peer, or a sign-in for this very call (ActProof)


@dataclass(frozen=True, slots=True)
class Route:
    """An administrative body may say itself what it takes: `capabilities()` of its own; all of them count."""

    name: str
    method: str
    path: str
    access: Access
    answer: type | None  # None: not JSON of ours (the OpenAPI document, a page); str: plain text
    summary: str
    body: type | None = None
    status: int = 200
    step: bool = False
    capability: str = ""  # of an operator; "" where any will do, and the handler judges what is asked
    two_persons: bool = False  # over the network a second one has to approve (trust 4.3)
    media: str = "application/json"  # of the body; one of another kind reaches the handler as it is


def admin_route(
    name: str,
    capability: str,
    body: type,
    answer: type,
    summary: str,
    *,
    status: int = 200,
    two_persons: bool = False,
) -> Route:
    """One administrative command: a POST to a path of its name (trust 4.1)."""
    return Route(
        name, "POST", f"/v1/admin/{name}", Access.ADMIN, answer, summary,
        body=body, status=status, capability=capability, two_persons=two_persons,
    )  # fmt: skip
