"""A CA whose provider pushes its directory, and the provider's side of that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from tests.server.company import Company, run_company

from daypass.config import ScimSection

__all__ = ["USER", "Pushing", "run_pushing"]

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass
class Pushing:
    company: Company
    web: httpx2.Client
    token: str

    def user(self, name: str = "alice", sub: str = "alice-1", **more: Any) -> dict[str, Any]:
        """Pushed, and as the CA answers."""
        body = {"schemas": [USER], "userName": name, "externalId": sub, "active": True, **more}
        return self.done("POST", "Users", body, 201)

    def group(self, name: str, *members: str) -> dict[str, Any]:
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": each} for each in members]}
        return self.done("POST", "Groups", body, 201)

    def patch(self, where: str, *operations: dict[str, Any]) -> None:
        answer = self.web.patch(where, json={"schemas": [PATCH], "Operations": list(operations)})
        assert answer.status_code == 204, answer.text

    def delete(self, where: str) -> None:
        assert self.web.delete(where).status_code == 204

    def done(self, method: str, where: str, body: dict[str, Any], status: int) -> dict[str, Any]:
        answer = self.web.request(method, where, json=body)
        assert answer.status_code == status, answer.text
        said: dict[str, Any] = answer.json()
        return said


@contextmanager
def run_pushing(match: str = "externalId=sub", **section: Any) -> Iterator[Pushing]:
    with run_company(scim=ScimSection(match=match), **section) as company:
        token, _ = company.wait(company.heart.authority.scim_tokens.make("idp", 3600, "test"))
        headers = {"Authorization": f"Bearer {token.reveal()}"}
        with httpx2.Client(
            base_url=f"{company.url}/scim/v2/", verify=company.web_context, headers=headers, trust_env=False
        ) as web:
            yield Pushing(company, web, token.reveal())
