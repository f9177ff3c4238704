"""What conditions are judged on: the facts of one identity, fresh from a sign-in or as they were stored."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from daypass.ca.person_ports import Facts, IdentityRecord
from daypass.model import Identity, Proof, shown

__all__ = ["Subject", "claim_values"]


class Subject(Struct, frozen=True):
    """A person as a provider described them. `auth_time`: unix seconds of the sign-in, None if it is not known.

    `login` is the name on record, or the one the provider's rule yields; no condition reads it.
    """

    provider: str
    issuer: str
    subject: str
    email: str | None = None
    groups: frozenset[str] = frozenset()
    claims: Mapping[str, object] = field(default_factory=dict)
    amr: tuple[str, ...] = ()
    acr: str | None = None
    auth_time: int | None = None
    remote: bool = False
    login: str | None = None

    @classmethod
    def of(cls, proof: Proof) -> Subject:
        return cls.of_identity(proof.identity, remote=proof.remote)

    @classmethod
    def of_identity(cls, who: Identity, *, remote: bool = False) -> Subject:
        return cls(who.provider, who.issuer, who.subject, who.email, who.groups, who.claims, who.amr, who.acr,
                   who.auth_time, remote, who.login)  # fmt: skip

    @classmethod
    def of_record(cls, identity: IdentityRecord, login: str) -> Subject:
        """As the provider described them last; nothing but their e-mail where that was before it was kept."""
        said = identity.facts or Facts(identity.provider, identity.email)
        return cls(said.provider, identity.issuer, identity.subject, said.email, said.groups, said.claims, said.amr,
                   said.acr, login=login or None)  # fmt: skip

    @property
    def called(self) -> str:
        """How a message names them."""
        return self.email or self.login or shown(f"{self.provider}:{self.subject}")


def claim_values(claim: object) -> tuple[str, ...]:
    """What a claim says, as strings: a string says itself, a list of strings each of them.

    Anything else says nothing: a number or `true` is no string that only looks like it, and of a list that holds one
    of those nobody knows what it means.
    """
    if isinstance(claim, str):
        return (claim,)
    if isinstance(claim, list | tuple) and all(isinstance(each, str) for each in claim):
        return tuple(claim)
    return ()
