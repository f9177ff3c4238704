"""The client's half of OpenID Connect: discovery, the request, and the code for a token.

OpenID Connect Discovery 1.0 section 4, Core 1.0 section 3.1.2, PKCE with S256 only (RFC 7636), native apps
(RFC 8252). The provider is met with the system's trust store and proxies. Whether a token is any good is for the
CA to say; here it is only seen that it answers our request, so that a mix-up is noticed before it is sent on.
"""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import httpx2
import msgspec

from daypass import __version__
from daypass.api import OidcLogin
from daypass.errors import DaypassError, Denied, Misconfigured, Unauthenticated, Unavailable
from daypass.model import discovery_url, issuer_fits

__all__ = ["Provider", "Request", "discover", "redeem"]

SECONDS = 10.0  # for each step of a call
_MAX_BYTES = 1 << 20
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/.*)?")
_URL = re.compile(r"[A-Za-z0-9._~:/?@!$&'()*+,;=%\[\]-]+")
_TELL = "tell the CA's operator: every address of the provider must be a plain one that starts with https://"
_Answer = TypeVar("_Answer")


class _Discovery(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    authorization_response_iss_parameter_supported: bool = False
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str = ""


class _Refusal(msgspec.Struct, frozen=True):
    error: str = ""
    error_description: str = ""


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider: what the CA says of it, and what it says of itself."""

    login: OidcLogin
    authorization_endpoint: str
    token_endpoint: str
    sends_issuer: bool
    secret_in_header: bool

    @property
    def host(self) -> str:
        """Its name, as a person knows it."""
        return urlsplit(self.authorization_endpoint).hostname or self.login.issuer


@dataclass(frozen=True, slots=True)
class Request:
    """One sign-in: what is sent along, and the secret that redeems the answer."""

    nonce: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    def url(self, provider: Provider, redirect_uri: str) -> str:
        """Where the browser goes."""
        scopes = provider.login.scopes or ["openid", "email", "profile"]
        query = {
            "response_type": "code",
            "client_id": provider.login.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(dict.fromkeys(["openid", *scopes])),
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": _base64url(sha256(self.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        if provider.login.max_age is not None:
            query["max_age"] = str(provider.login.max_age)
        separator = "&" if "?" in provider.authorization_endpoint else "?"
        return provider.authorization_endpoint + separator + urlencode(query, quote_via=quote)


def discover(login: OidcLogin, patience: float = SECONDS) -> Provider:
    """Ask the provider for its endpoints. Raises Unavailable, or Misconfigured for one that answers amiss."""
    url = discovery_url(login.issuer)
    _check_secure(url, login.issuer)
    with _client(patience) as client:
        found = _decode(_exchange(client, "GET", url, login.issuer), _Discovery, login.issuer)
    if found.issuer.rstrip("/") != login.issuer.rstrip("/"):
        raise Misconfigured(
            f"the identity provider at {login.issuer} says it is {found.issuer[:200]}",
            code="provider.issuer",
            hint="tell the CA's operator: the issuer in daypass.toml must be exactly the provider's",
        )
    for endpoint in (found.authorization_endpoint, found.token_endpoint):
        _check_secure(endpoint, login.issuer)
    return Provider(
        login=login,
        authorization_endpoint=found.authorization_endpoint,
        token_endpoint=found.token_endpoint,
        sends_issuer=found.authorization_response_iss_parameter_supported,
        secret_in_header="client_secret_basic" in found.token_endpoint_auth_methods_supported,
    )


def redeem(provider: Provider, request: Request, code: str, redirect_uri: str, patience: float = SECONDS) -> str:
    """The ID token for the code. Raises Unauthenticated where it does not answer `request`."""
    login = provider.login
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": request.verifier,
    }
    headers = {}
    if login.client_secret and provider.secret_in_header:
        pair = f"{quote(login.client_id, safe='')}:{quote(login.client_secret, safe='')}"
        headers["Authorization"] = f"Basic {_standard_base64(pair)}"
    else:
        body["client_id"] = login.client_id
        if login.client_secret:
            body["client_secret"] = login.client_secret
    with _client(patience) as client:
        answer = _exchange(client, "POST", provider.token_endpoint, login.issuer, body, headers)
    token = _decode(answer, _Tokens, login.issuer).id_token
    _check_answers(token, request, login.issuer)
    return token


def _check_answers(token: str, request: Request, issuer: str) -> None:
    """Issuer and nonce as asked for. The signature is the CA's to verify; nothing here is believed."""
    try:
        payload = token.split(".")[1]
        unverified = msgspec.json.decode(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Claims)
    except (IndexError, ValueError, msgspec.MsgspecError) as error:
        raise Unauthenticated(
            "the identity provider sent no ID token",
            code="no-id-token",
            hint='tell the CA\'s operator: the scope "openid" must be allowed for this client',
        ) from error
    if not issuer_fits(issuer, unverified.iss) or unverified.nonce != request.nonce:
        raise Unauthenticated(
            "the identity provider's token does not answer this sign-in",
            code="wrong-nonce",
            hint="sign in again; if it stays so, the provider does not return the nonce it was sent",
        )


def _client(patience: float) -> httpx2.Client:
    """The system's roots and proxies (httpx2's defaults), and no redirects: an endpoint is where it says it is."""
    headers = {"user-agent": f"daypass/{__version__}", "accept": "application/json"}
    return httpx2.Client(timeout=patience, follow_redirects=False, headers=headers)


def _exchange(
    client: httpx2.Client,
    method: str,
    url: str,
    issuer: str,
    body: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> bytes:
    try:
        with client.stream(method, url, data=body, headers=headers) as response:
            content = b""
            for part in response.iter_bytes():
                content += part
                if len(content) > _MAX_BYTES:
                    raise Unavailable(f"the identity provider {issuer} answers without end", code="provider.size")
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise Unavailable(
            f"the identity provider {issuer} can't be reached ({type(error).__name__})",
            code="provider.down",
            hint="check your network, HTTPS_PROXY and NO_PROXY; a certificate you already have goes on working",
        ) from error
    if not response.is_success:
        raise _refusal(response.status_code, content, issuer)
    return content


def _refusal(status: int, content: bytes, issuer: str) -> DaypassError:
    try:
        said = msgspec.json.decode(content, type=_Refusal)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        said = _Refusal()
    text = (said.error_description or said.error or f"status {status}")[:400]
    if status >= 500 or status == 429:
        return Unavailable(f"the identity provider {issuer} has a problem: {text}", code="provider.down")
    if said.error == "invalid_grant":
        return Denied(
            f"the identity provider took the sign-in back: {text}",
            code="provider.invalid_grant",
            hint="sign in again; if it stays so, your account may have been disabled there",
        )
    return Misconfigured(
        f"the identity provider {issuer} refused the request: {text}",
        code="provider.refused",
        hint="tell the CA's operator: client id, secret and redirect address must fit what the provider knows",
    )


def _decode(content: bytes, kind: type[_Answer], issuer: str) -> _Answer:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise Misconfigured(
            f"the identity provider {issuer} does not answer as OpenID Connect says", code="provider.answer"
        ) from error


def _check_secure(url: str, issuer: str) -> None:
    """https, or http on this very machine, which nobody else can listen to (RFC 8252 section 8.3).

    It is printed on a terminal and handed to a browser's command: RFC 3986's characters and no others, no fragment
    (RFC 6749 section 3.1).
    """
    if not _URL.fullmatch(url):
        raise Misconfigured(
            f"the identity provider {issuer} names an address that is none", code="provider.address", hint=_TELL
        )
    if not (url.startswith("https://") or _LOOPBACK.fullmatch(url)):
        raise Misconfigured(
            f"the identity provider {issuer} asks to be met without TLS",
            code="provider.tls",
            hint=_TELL,
        )


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _standard_base64(text: str) -> str:
    from base64 import b64encode

    return b64encode(text.encode()).decode()
