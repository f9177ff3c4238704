"""OpenBao's own OpenID Provider, as a process on loopback, driven by its API.

Groups are OpenBao's identity groups; they stand in the ID token under a name of their own, `teams`, and so does the
login name, as `account`: its tokens have neither e-mail nor `email_verified`.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from tests.parts.needs import need
from tests.parts.processes import free_port, stop, wait_until

__all__ = ["Bao", "run_bao"]

PEOPLE = {"alice": ("engineers",), "erin": ("dba", "auditors")}
_CLAIMS = '{"account": {{identity.entity.name}}, "teams": {{identity.entity.groups.names}}}'


@dataclass(frozen=True, slots=True)
class Bao:
    """People are alice (engineers) and erin (dba, auditors); the password is the name."""

    url: str
    client_id: str

    @property
    def issuer(self) -> str:
        return f"{self.url}/v1/identity/oidc/provider/company"


@contextmanager
def run_bao(*redirect_uris: str) -> Iterator[Bao]:
    """In memory, with a client that may be sent back to `redirect_uris`."""
    program, port = need("bao"), free_port()
    listen = [f"-dev-listen-address=127.0.0.1:{port}", "-dev-root-token-id=root", "-dev-no-store-token"]
    process = subprocess.Popen(
        [program, "server", "-dev", *listen], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _is_up(url), "OpenBao start")
        yield Bao(url, _fill(url, redirect_uris))
    finally:
        stop(process)


def _fill(url: str, redirect_uris: Sequence[str]) -> str:
    """People, groups, a provider; gives the client's id."""
    _call(url, "POST", "sys/auth/userpass", type="userpass")
    accessor = _call(url, "GET", "sys/auth")["userpass/"]["accessor"]
    entities: dict[str, str] = {}
    for name in PEOPLE:
        _call(url, "POST", f"auth/userpass/users/{name}", password=name)
        entities[name] = _call(url, "POST", "identity/entity", name=name)["data"]["id"]
        alias = {"name": name, "canonical_id": entities[name], "mount_accessor": accessor}
        _call(url, "POST", "identity/entity-alias", **alias)
    for group in {each for groups in PEOPLE.values() for each in groups}:
        members = [entities[name] for name, groups in PEOPLE.items() if group in groups]
        _call(url, "POST", "identity/group", name=group, member_entity_ids=members)
    _call(url, "POST", "identity/oidc/key/company", allowed_client_ids="*", algorithm="ES256")
    template = base64.b64encode(_CLAIMS.encode()).decode()
    _call(url, "POST", "identity/oidc/scope/company", template=template)
    client = {"assignments": "allow_all", "client_type": "public", "key": "company"}
    _call(url, "POST", "identity/oidc/client/daypass", redirect_uris=redirect_uris, **client)
    _call(url, "POST", "identity/oidc/provider/company", allowed_client_ids="*", scopes_supported="company")
    return str(_call(url, "GET", "identity/oidc/client/daypass")["data"]["client_id"])


def _is_up(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/v1/sys/health", trust_env=False).status_code == 200
    except httpx2.HTTPError:
        return False


def _call(url: str, method: str, path: str, **body: object) -> dict[str, Any]:
    answer = httpx2.request(
        method, f"{url}/v1/{path}", headers={"X-Vault-Token": "root"}, content=json.dumps(body), trust_env=False
    )
    assert answer.status_code < 300, f"{path}: {answer.text}"
    return dict(answer.json()) if answer.content else {}
