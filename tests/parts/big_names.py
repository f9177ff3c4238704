"""The big names' identity providers, as each answers: npm's `oidc-provider` behind their own addresses.

`NAMES` says what their ID tokens and userinfo hold, from their own documentation (docs/guide/idp has the sources).
One process plays all of them; `rerouted` carries what is asked of their hosts there, so that issuers, endpoints
and the settings of the guide are the real ones.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2
from tests.parts.needs import need
from tests.parts.processes import stop

__all__ = ["ENTRA_GROUP", "NAMES", "TENANT", "BigNames", "Profile", "rerouted", "rerouting", "run_big_names"]

TENANT, OID = "aaaabbbb-0000-cccc-1111-dddd2222eeee", "00aa00aa-bb11-cc22-dd33-44ee44ee44ee"
ENTRA_GROUP = "99887766-5544-3322-1100-ffeeddccbbaa"


@dataclass(frozen=True, slots=True)
class Profile:
    """`id_token` is added to what every ID token has, `without` taken from it."""

    issuer: str
    client_id: str
    id_token: dict[str, Any]
    client_secret: str = ""
    userinfo: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    graph: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        return urlsplit(self.issuer).netloc


_ALICE = {"email": "alice@example.com", "name": "Alice Example"}
_VERIFIED = _ALICE | {"email_verified": True}

NAMES: dict[str, Profile] = {
    "google": Profile(
        "https://accounts.google.com",
        "1234567890-abc123.apps.googleusercontent.com",
        {"iss": "accounts.google.com", "azp": "1234567890-abc123.apps.googleusercontent.com", "hd": "example.com",
         "sub": "110169484474386276334", **_VERIFIED},
        client_secret="GOCSPX-no-secret-in-a-desktop-app",
        without=("auth_time",),
    ),
    "entra": Profile(
        f"https://login.microsoftonline.com/{TENANT}/v2.0",
        "00001111-aaaa-2222-bbbb-3333cccc4444",
        {"ver": "2.0", "tid": TENANT, "oid": OID, "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "rh": "0.AXo",
         "uti": "bnNlxqJ1s0a", "preferred_username": "alice@example.com", **_ALICE,
         "_claim_names": {"groups": "src1"},
         "_claim_sources": {"src1": {"endpoint": f"https://graph.windows.net/{TENANT}/users/{OID}/getMemberObjects"}}},
        without=("at_hash",),
        graph=(ENTRA_GROUP,),
    ),
    "okta": Profile(
        "https://example.okta.com/oauth2/default",
        "0oa1b2c3d4EXAMPLE5d7",
        {"ver": 1, "idp": "00o1EXAMPLE", "jti": "ID.4eAWJOCMB3SX8XewDfVR", "amr": ["mfa", "otp", "pwd"],
         "sub": "00uid4BxXw6I6TV4m0g3", "preferred_username": "alice@example.com", "groups": ["engineers"], **_ALICE},
    ),
    "keycloak": Profile(
        "https://sso.example.com/realms/example",
        "daypass",
        {"typ": "ID", "azp": "daypass", "acr": "1", "sid": "e6f2cc0b-0d68-4a0c-8a3e-1d8e4f0a9d11", "jti": "b1c2d3",
         "sub": "f:0e3a9a3c:alice", "preferred_username": "alice", "groups": ["engineers"],
         "realm_access": {"roles": ["default-roles-example", "dba"]}, **_VERIFIED},
    ),
    "auth0": Profile(
        "https://example.eu.auth0.com/",
        "iFQ2Xvf9EXAMPLEo1mTBJ8pYz1n",
        {"sub": "auth0|5f7c8ec7c33c6c004bbafe82", "sid": "AbCdEf123", "nickname": "alice",
         "https://example.com/groups": ["engineers"], **_VERIFIED},
    ),
    "gitlab": Profile(
        "https://gitlab.com",
        "6f2a1EXAMPLE0c9d",
        {"sub": "1234567", "sub_legacy": "2c26b46b68ffc68ff99b453c1d304134", "nickname": "alice",
         "preferred_username": "alice", "groups_direct": ["example/engineers"], **_VERIFIED},
        userinfo={"groups": ["example", "example/engineers", "example/engineers/dba"]},
    ),
    "authentik": Profile(
        "https://auth.example.com/application/o/daypass/",
        "daypass",
        {"sub": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "acr": "goauthentik.io/providers/"
         "oauth2/default", "amr": ["pwd", "mfa"], "sid": "5b7e", "preferred_username": "alice",
         "groups": ["engineers"], **_VERIFIED},
    ),
    "dex": Profile(
        "https://dex.example.com",
        "daypass",
        {"sub": "CgVhbGljZRIEbGRhcA", "groups": ["engineers"], "preferred_username": "alice", **_VERIFIED},
        without=("auth_time",),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class BigNames:
    port: int
    process: subprocess.Popen[bytes]

    def rotate(self, name: str) -> None:
        """A new key from now on, and the old one is gone."""
        self._say(f"rotate {NAMES[name].host}")

    @contextmanager
    def saying(self, name: str, **claims: Any) -> Iterator[None]:
        """Its ID tokens say this besides; without those that are None. Afterwards what they said before."""
        before = {claim: NAMES[name].id_token.get(claim) for claim in claims}
        self._adds(name, claims)
        try:
            yield
        finally:
            self._adds(name, before)

    def _adds(self, name: str, claims: Mapping[str, Any]) -> None:
        self._say(f"adds {NAMES[name].host} {json.dumps(claims, separators=(',', ':'))}")

    def _say(self, line: str) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"DONE\n"


@contextmanager
def run_big_names() -> Iterator[BigNames]:
    """On a port of the moment; it ends by itself when this process does."""
    directory = need("oidc-provider")
    need("libatomic")
    process = subprocess.Popen(
        [need("node"), "--no-warnings", "names.mjs", "0"], cwd=directory, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{json.dumps({each.host: _told(each) for each in NAMES.values()})}\n".encode())
        process.stdin.flush()
        word, _, port = process.stdout.readline().decode().strip().partition(" ")
        assert word == "READY", "oidc-provider did not start: run node names.mjs 0 by hand to see why"
        yield BigNames(int(port), process)
    finally:
        stop(process)


def _told(profile: Profile) -> dict[str, Any]:
    return {
        "issuer": profile.issuer,
        "base": urlsplit(profile.issuer).path.rstrip("/"),
        "client_id": profile.client_id,
        "client_secret": profile.client_secret,
        "scopes": ["openid", "email", "profile", "groups", "User.Read", "GroupMember.Read.All"],
        "id_token": profile.id_token,
        "userinfo": profile.userinfo,
        "without": profile.without,
        "graph": list(profile.graph) or None,
    }


def _there(request: httpx2.Request, port: int) -> httpx2.Request:
    """The same of our own process; what goes to this machine anyway stays as it is."""
    if request.url.scheme != "https":
        return request
    headers = request.headers.copy()
    headers |= {"X-Forwarded-Host": request.url.host, "X-Forwarded-Proto": "https"}
    url = request.url.copy_with(scheme="http", host="127.0.0.1", port=port)
    return httpx2.Request(request.method, url, headers=headers, stream=request.stream, extensions=request.extensions)


class _Rerouted(httpx2.HTTPTransport):
    port = 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return super().handle_request(_there(request, self.port))


class _AsyncRerouted(httpx2.AsyncHTTPTransport):
    port = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await super().handle_async_request(_there(request, self.port))


def rerouted(names: BigNames) -> httpx2.Client:
    """A browser."""
    transport = _Rerouted(verify=False)
    transport.port = names.port
    return httpx2.Client(transport=transport, follow_redirects=True, timeout=20)


def rerouting(names: BigNames) -> httpx2.AsyncClient:
    """What the CA asks providers by."""
    transport = _AsyncRerouted(verify=False)
    transport.port = names.port
    return httpx2.AsyncClient(transport=transport, timeout=20)
