"""What every token of a provider goes through before a claim of it is read: ID tokens, logout tokens, events."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from daypass.config import ProviderSection
from daypass.errors import Invalid
from daypass.model import GOOGLE, GOOGLE_SHORT, TENANT
from daypass.provisioners.claims import Claims, refused
from daypass.provisioners.jose import CompactJws, parse_object, verify
from daypass.provisioners.jwks import ProviderKey

__all__ = ["Keys", "check_key_issuer", "claims_of", "clients_of", "issuers_of", "parsed", "verified"]


class Keys(Protocol):
    """Where an issuer's published keys are found."""

    async def find(self, kid: str | None, algorithm: str, *, anew: bool = False) -> ProviderKey | None: ...


def parsed(token: str) -> CompactJws:
    try:
        return CompactJws.parse(token)
    except Invalid as error:
        raise refused("token", f"the token can't be read: {error.message}") from None


def claims_of(jws: CompactJws) -> dict[str, object]:
    try:
        return parse_object(jws.payload)
    except Invalid as error:
        raise refused("token", f"the token can't be read: {error.message}") from None


async def verified(jws: CompactJws, keys: Keys, algorithms: Collection[str]) -> ProviderKey:
    """The provider's key that signed the token. Where no kid says which, it may have been replaced.

    Raises Unauthenticated, and Unavailable without the provider's keys.
    """
    if jws.algorithm not in algorithms:
        raise refused("algorithm", "the token is signed in a way that is not accepted from this provider")
    key = await keys.find(jws.key_id, jws.algorithm)
    if key is not None and jws.key_id is None and not verify(jws, key.key):
        key = await keys.find(None, jws.algorithm, anew=True)
    if key is None:
        raise refused(
            "key",
            "the token is signed with a key that the identity provider does not publish",
            "sign in again; if the provider has just changed its keys, wait half a minute",
        )
    if not verify(jws, key.key):
        raise refused("signature", "the token's signature is not the identity provider's")
    return key


def check_key_issuer(key: ProviderKey, issuer: str, claims: Claims) -> None:
    """Entra publishes keys of several issuers in one set, and says which key is whose."""
    tenant = str(claims.get("tid", ""))
    if key.issuer is not None and key.issuer.replace(TENANT, tenant) != issuer:
        raise refused("issuer", "the token is signed with a key of another issuer")


def issuers_of(section: ProviderSection) -> frozenset[str]:
    if section.issuer == GOOGLE:
        return frozenset((GOOGLE, GOOGLE_SHORT))
    if TENANT not in section.issuer:
        return frozenset((section.issuer,))
    return frozenset(section.issuer.replace(TENANT, tenant) for tenant in section.tenants)


def clients_of(section: ProviderSection) -> frozenset[str]:
    """Ours at this provider: the loopback one, the pages', and the device grant's where that is on."""
    return frozenset(filter(None, (section.client_id, section.web_client_id, section.device_client_id)))
