"""What a virtual machine of Azure is called, from an access token of its managed identity.

https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference: `tid` is the tenant, `oid` the
identity, `xms_mirid` the resource that it belongs to. Only a system-assigned identity names its machine there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import httpx2

from daypass.ca.ports import Clock, Finding
from daypass.config import CloudSection
from daypass.errors import DaypassError
from daypass.provisioners.cloudapi import Machine
from daypass.provisioners.discovery import ProviderKeys
from daypass.provisioners.instance import LEEWAY, refused, text_members
from daypass.provisioners.verifying import claims_of, parsed, verified

__all__ = ["ManagedIdentity"]

ENTRA = "https://login.microsoftonline.com"
ALGORITHMS = ("RS256",)
MAX_TOKEN_LIFE = 25 * 3600  # seconds; managed identities are given tokens for 24 hours
_RESOURCE = re.compile(
    r"/subscriptions/([0-9a-f-]{36})/resourcegroups/([a-z0-9_().-]{1,90})"
    r"/providers/microsoft\.compute/virtualmachines/([a-z0-9_.-]{1,64})"
)


class ManagedIdentity:
    """Tokens of the table's tenants, for its audience. `authority`: Entra's address, but for tests."""

    def __init__(self, section: CloudSection, clock: Clock, http: httpx2.AsyncClient, authority: str = ENTRA) -> None:
        self._section, self._clock, self._authority = section, clock, authority
        self._keys = {tenant: self._of(tenant, http) for tenant in section.tenants}

    def _of(self, tenant: str, http: httpx2.AsyncClient) -> ProviderKeys:
        async def where() -> object:
            return f"{self._authority}/{tenant}/discovery/v2.0/keys"

        return ProviderKeys(self._section.name, self._authority, ALGORITHMS, self._clock, http, where)

    async def test(self) -> Sequence[Finding]:
        found = []
        for tenant, keys in self._keys.items():
            try:
                await keys.find(None, ALGORITHMS[0], anew=True)
            except DaypassError as error:
                found.append(Finding(ok=False, what=f"tenant {tenant}: {error.message}", hint=error.hint or ""))
            else:
                found.append(Finding(ok=True, what=f"tenant {tenant} publishes its keys"))
        return found

    async def machine(self, token: str) -> Machine:
        """Raises Unauthenticated, Unavailable."""
        if not token:
            hint = "the host fetches one for its system-assigned identity: is that switched on for the machine?"
            raise refused("identity", f"{self._section.name} wants a token of the managed identity, too", hint)
        jws = parsed(token)
        tenant = claims_of(jws).get("tid")  # which keys to look at; it counts once these have signed it
        keys = self._keys.get(tenant) if isinstance(tenant, str) else None
        if keys is None:
            raise refused("tenant", f"the token is of none of the tenants of {self._section.name}")
        await verified(jws, keys, ALGORITHMS)
        claims = claims_of(jws)
        self._require_ours(claims, str(tenant))
        return _machine(claims)

    def _require_ours(self, claims: Mapping[str, object], tenant: str) -> None:
        if claims.get("iss") not in (f"https://sts.windows.net/{tenant}/", f"{ENTRA}/{tenant}/v2.0"):
            raise refused("issuer", "the token is not of its tenant")
        if claims.get("aud") != self._section.audience:
            raise refused("audience", "the token was made for something else", f"resource={self._section.audience}")
        now, starts, ends = self._clock.now(), claims.get("nbf"), claims.get("exp")
        if type(starts) is not int or type(ends) is not int:
            raise refused("time", "the token does not say how long it is good")
        if starts > now + LEEWAY or now >= min(ends + LEEWAY, starts + MAX_TOKEN_LIFE):
            raise refused("time", "the token is over, or of the future")


def _machine(claims: Mapping[str, object]) -> Machine:
    texts = text_members(claims, ("oid", "xms_mirid"))
    found = _RESOURCE.fullmatch(texts["xms_mirid"].lower())
    if found is None:
        hint = "switch on the system-assigned identity: a user-assigned one, and a scale set's, name no machine"
        raise refused("identity", "the token does not say which machine it is of", hint)
    return Machine(found[1], found[2], found[3], texts["oid"])
