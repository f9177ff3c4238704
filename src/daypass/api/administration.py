"""Administration: one POST with a JSON body for every command, on the administration socket and on the TLS port."""

from __future__ import annotations

import msgspec

from daypass.api.base import ACT_SCHEME, read_header, written_header
from daypass.api.explaining import (
    ExplainRequest,
    Explanation,
    PolicyDiff,
    PolicyDiffRequest,
    WhoAnswer,
    WhoRequest,
)
from daypass.api.route import admin_route

__all__ = [
    "ADMIN_ROUTES",
    "ActProof",
    "LedgerEntry",
    "LedgerRequest",
    "Pending",
]


class ActProof(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in for one administrative call and nothing else (trust 4.3).

    Travels as base64url without padding of its JSON, in the header `Authorization: Daypass-Act …`. The nonce in the
    ID token `token` is `binding.login_nonce` for the public key blob `key`, the act `binding.admin_act` of path and
    body, and `salt`; `proof` is an SSHSIG blob by that key (namespace `daypass-possession@v1`) over
    `binding.possession_message` of the token.
    """

    token: str
    key: bytes
    salt: bytes  # 32 bytes
    proof: bytes
    access_token: str = ""  # issued with `token`, where `groups_from` (OidcLogin) says that the CA may need it

    def __repr__(self) -> str:
        return "ActProof(***)"

    def header(self) -> str:
        """The value of `Authorization`."""
        return written_header(ACT_SCHEME, self)

    @classmethod
    def from_header(cls, value: str) -> ActProof:
        """Raises Invalid for whatever `header` would not have written."""
        return read_header(ACT_SCHEME, value, cls, "act.form")


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, with status 202, where a second person has to approve. `digest`: SHA-256, in hex, of the act."""

    id: str
    act: str
    digest: str
    expires_at: int


class LedgerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Entries behind number `after`; all of them without a `limit`."""

    after: int = 0
    limit: int | None = None


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the answer, which is JSON lines. `entry`: the JSON that was hashed, byte for byte; `hash`: SHA-256
    of "daypass-ledger-v1" NUL, the hash before and the entry."""

    seq: int
    time: int
    act: str
    entry: bytes
    hash: bytes


ADMIN_ROUTES = (
    admin_route("ledger", "audit", LedgerRequest, LedgerEntry, "Read the ledger: one entry a line, as recorded."),
    admin_route("explain", "audit", ExplainRequest, Explanation, "Whether somebody may log in there, and why."),
    admin_route(
        "policy_diff", "audit", PolicyDiffRequest, PolicyDiff, "What a configuration would change, and for whom."
    ),
    admin_route("who", "audit", WhoRequest, WhoAnswer, "Who could log in there, and by which role."),
)
