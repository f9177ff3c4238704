"""A provider's directory: by what its users are the people who sign in (trust 6.8)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from daypass.config.problem import Problem, error, quoted
from daypass.config.schema import ProviderSection

__all__ = ["ATTRIBUTES", "scim_faults"]

ATTRIBUTES = ("externalId", "userName", "emails")
_MATCH = re.compile(r"(?P<attribute>[A-Za-z]+)=(sub|email|claim:\S+)")
_EXAMPLE = 'for example "externalId=sub" (Okta), "externalId=claim:oid" (Entra) or "userName=email"'


def scim_faults(provider: ProviderSection, path: str) -> Iterator[Problem]:
    scim = provider.scim
    if scim is None:
        if provider.groups_from == "scim":
            fault = '"scim" takes them from a directory, and there is none'
            yield error(f"{path}.groups_from", fault, f"add [providers.scim] with a match, {_EXAMPLE}")
        return
    found = _MATCH.fullmatch(scim.match)
    if found is None:
        yield error(f"{path}.scim.match", f"{quoted(scim.match)} does not say who is whom", _EXAMPLE)
    elif found["attribute"] == "id":
        yield error(f"{path}.scim.match", "id is what this CA makes up itself: no token knows it", _EXAMPLE)
    elif found["attribute"] not in ATTRIBUTES:
        fault = f"{quoted(found['attribute'])} is no attribute that tells people apart"
        yield error(f"{path}.scim.match", fault, f"one of {', '.join(ATTRIBUTES)}")
