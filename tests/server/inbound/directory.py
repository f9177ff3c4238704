"""A CA whose provider pushes its directory, and the provider's side of that."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from tests.server.company import Company, bound, run_company, signing
from tests.server.kit import key

from daypass.config import ScimSection

__all__ = ["GROUP", "USER", "Pushing", "events", "held", "later", "refused", "run_pushing", "sign_in"]

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


def sign_in(pushing: Pushing, sub: str, **claims: Any) -> httpx2.Response:
    private, public = key()
    salt = os.urandom(32)
    token = bound(pushing.company, public, salt, sub=sub, email=f"{sub}@example.com", **claims)
    return pushing.company.web.post("/v1/ssh/sign", json=signing(private, public, token, salt, "sign"))


def later(pushing: Pushing) -> dict[str, int]:
    """Claims of a sign-in after whatever has just ended."""
    now = int(pushing.company.heart.clock.now()) + 2
    return {"iat": now, "auth_time": now}


def held(pushing: Pushing, sub: str) -> list[bool]:
    """Of each certificate of theirs, whether it holds."""
    store, wait = pushing.company.heart.store, pushing.company.wait
    people = wait(store.find_people(f"idp:{sub}"))
    return [each.revoked_at is None for each in wait(store.certificates_of(people[0].id, 0))]


def events(pushing: Pushing, act: str) -> list[dict[str, Any]]:
    rows = pushing.company.wait(pushing.company.heart.store.ledger(0, 10_000))
    return [json.loads(row.entry) for row in rows if row.act == act]


def refused(answer: httpx2.Response) -> str:
    assert answer.status_code == 403, answer.text
    return str(answer.json()["code"])
