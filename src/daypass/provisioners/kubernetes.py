"""What a Kubernetes service account token says (KEP-1205), and the API server's own word on it (TokenReview v1).

Only a token that is bound to a pod, a node or a secret is one: it ends with what it is bound to, and has an audience
and an end of its own. The old ones (`kubernetes.io/serviceaccount/…`) are good for ever and for everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx2
import msgspec

from daypass.config import WorkloadSection
from daypass.errors import Invalid, Unauthenticated, Unavailable
from daypass.provisioners.claims import Claims
from daypass.provisioners.discovery import TOTAL_TIMEOUT, read_body
from daypass.provisioners.jose import parse_object

__all__ = ["Review", "flattened"]

_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
_PARTS = ("serviceaccount", "pod", "node", "secret")
_MAX_TOKEN_FILE = 16384


def flattened(claims: Claims) -> dict[str, object]:
    """With `namespace`, `serviceaccount.uid`, `pod.uid` … beside what the token has. Raises Unauthenticated."""
    own = claims.get("kubernetes.io")
    if not isinstance(own, dict) or any(name.startswith("kubernetes.io/serviceaccount/") for name in claims):
        raise _refused(
            "legacy", "this is no bound token of a service account", "mount a projected one: docs/guide/ci.md"
        )
    found = {f"{part}.{key}": value for part in _PARTS for key, value in _members(own.get(part))}
    if not any(found.get(f"{part}.uid") for part in _PARTS[1:]):
        fault = "the token is bound to no pod, so it outlives whoever it was made for"
        raise _refused("unbound", fault, "mount a projected token, or kubectl create token --bound-object-kind Pod")
    plain = {name: value for name, value in claims.items() if name != "kubernetes.io" and "." not in name}
    return plain | {"namespace": own.get("namespace")} | found


def _members(value: object) -> list[tuple[str, object]]:
    return [(key, each) for key, each in value.items() if key in ("name", "uid")] if isinstance(value, dict) else []


class Review:
    """Asks the API server whether the token still stands: its pod is there, its account was not deleted."""

    def __init__(self, section: WorkloadSection, http: httpx2.AsyncClient) -> None:
        self._section, self._http = section, http

    async def require(self, token: str, audience: str, claims: Claims) -> None:
        """Raises Unauthenticated, and Unavailable where the server can't be asked."""
        status = await self._ask({"token": token, "audiences": [audience]})
        user = status.get("user")
        uid = user.get("uid") if isinstance(user, dict) else None
        audiences = status.get("audiences")
        if status.get("authenticated") is not True or uid != claims.get("serviceaccount.uid"):
            raise _refused("review", "the cluster says that this token does not stand any more", "is its pod there?")
        if not isinstance(audiences, list) or audience not in audiences:
            raise _refused("review", "the cluster says that this token is for somebody else", "")

    async def _ask(self, spec: Mapping[str, object]) -> Mapping[str, object]:
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        try:
            async with asyncio.timeout(TOTAL_TIMEOUT):
                answer = await self._post(msgspec.json.encode(request))
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, Invalid, UnicodeError) as error:
            raise self._away() from error
        status = answer.get("status")
        if not isinstance(status, dict):
            raise self._away()
        return status

    async def _post(self, body: bytes) -> Mapping[str, object]:
        headers = {
            "Authorization": f"Bearer {self._bearer()}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        url = self._section.review_url.rstrip("/") + _REVIEWS
        async with self._http.stream("POST", url, content=body, headers=headers, follow_redirects=False) as response:
            if response.status_code not in (200, 201):
                raise Invalid(f"status {response.status_code}", code="workload.review")
            return parse_object(await read_body(response))

    def _bearer(self) -> str:
        """Read anew each time: it is a projected one itself, and changes every hour."""
        return Path(self._section.review_token_file).read_bytes()[:_MAX_TOKEN_FILE].decode("ascii").strip()

    def _away(self) -> Unavailable:
        return Unavailable(
            f'"{self._section.name}": the cluster can\'t be asked whether this token still stands',
            code="workload.review",
            hint="try again in a minute; operator: review_url, and the token in review_token_file",
            retry_after=5,
        )


def _refused(code: str, message: str, hint: str) -> Unauthenticated:
    return Unauthenticated(message, code=f"workload.{code}", hint=hint or "mint a token for this CA's url")
