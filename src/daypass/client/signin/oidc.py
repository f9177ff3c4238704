"""The client's half of OpenID Connect: discovery, the request, and the code for a token.

OpenID Connect Discovery 1.0 section 4, Core 1.0 section 3.1.2, PKCE with S256 only (RFC 7636), native apps
(RFC 8252). Whether a token is any good is for the CA to say; here it is only seen that it answers our request, so
that a mix-up is noticed before it is sent on.
"""

from __future__ import annotations

import secrets
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from daypass.api import OidcLogin
from daypass.client.signin.idp import Idp, check_secure
from daypass.errors import Misconfigured, Unauthenticated
from daypass.model import GOOGLE, asked_of_sign_in, discovery_url, issuer_fits

__all__ = [
    "Provider",
    "Request",
    "Tokens",
    "credentials",
    "discover",
    "redeem",
    "scope",
    "token_nonce",
    "wishes",
    "wrong_nonce",
]


class _Discovery(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    device_authorization_endpoint: str = ""
    authorization_response_iss_parameter_supported: bool = False
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Tokens(msgspec.Struct, frozen=True):
    """What the token endpoint sends. The others are of no use here; the CA may need them (`groups_from`,
    `offline`)."""

    id_token: str = ""
    access_token: str = ""
    refresh_token: str = ""

    def __repr__(self) -> str:
        return "Tokens(***)"


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider: what the CA says of it, and what it says of itself."""

    login: OidcLogin
    authorization_endpoint: str
    token_endpoint: str
    device_endpoint: str  # "" where it has none (RFC 8628 section 4)
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
    fresh: bool = False  # the person signs in anew, whatever session they have (Core section 3.1.2.1)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    def url(self, provider: Provider, redirect_uri: str) -> str:
        """Where the browser goes."""
        query = {
            "response_type": "code",
            "client_id": provider.login.client_id,
            "redirect_uri": redirect_uri,
            "scope": scope(provider.login),
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": _base64url(sha256(self.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        query |= wishes(provider.login, fresh=self.fresh)
        query |= _offline(provider.login, query)
        separator = "&" if "?" in provider.authorization_endpoint else "?"
        return provider.authorization_endpoint + separator + urlencode(query, quote_via=quote)


def _offline(login: OidcLogin, query: dict[str, str]) -> dict[str, str]:
    """For a refresh token (Core section 11), where the CA asks the provider again during the day."""
    if not login.offline:
        return {}
    asked = {"scope": f"{query['scope']} offline_access"}
    if login.issuer == GOOGLE:  # which knows no such scope
        asked = {"access_type": "offline"}
    if login.consent:
        asked["prompt"] = f"{query['prompt']} consent" if "prompt" in query else "consent"
    return asked


def wishes(login: OidcLogin, *, fresh: bool) -> dict[str, str]:
    """How strong and how recent the sign-in is to be."""
    return asked_of_sign_in(login.issuer, login.acr_values, login.max_age, fresh=fresh)


def discover(login: OidcLogin, idp: Idp) -> Provider:
    """Ask the provider for its endpoints. Raises Unavailable, or Misconfigured for one that answers amiss."""
    url = discovery_url(login.issuer)
    check_secure(url, login.issuer)
    found = idp.call("GET", url, _Discovery)
    if found.issuer.rstrip("/") != login.issuer.rstrip("/"):
        raise Misconfigured(
            f"the identity provider at {login.issuer} says it is {found.issuer[:200]}",
            code="provider.issuer",
            hint="tell the CA's operator: the issuer in daypass.toml must be exactly the provider's",
        )
    optional = [found.device_authorization_endpoint] if found.device_authorization_endpoint else []
    for endpoint in (found.authorization_endpoint, found.token_endpoint, *optional):
        check_secure(endpoint, login.issuer)
    return Provider(
        login=login,
        authorization_endpoint=found.authorization_endpoint,
        token_endpoint=found.token_endpoint,
        device_endpoint=found.device_authorization_endpoint,
        sends_issuer=found.authorization_response_iss_parameter_supported,
        secret_in_header="client_secret_basic" in found.token_endpoint_auth_methods_supported,
    )


def redeem(provider: Provider, request: Request, code: str, redirect_uri: str, idp: Idp) -> Tokens:
    """The tokens for the code. Raises Unauthenticated where it does not answer `request`."""
    form, headers = credentials(provider, provider.login.client_id, provider.login.client_secret)
    form |= {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": request.verifier,
    }
    tokens = idp.call("POST", provider.token_endpoint, Tokens, form, headers)
    if token_nonce(tokens.id_token, provider.login.issuer) != request.nonce:
        raise wrong_nonce()
    return tokens


def credentials(provider: Provider, client_id: str, secret: str) -> tuple[dict[str, str], dict[str, str]]:
    """Form fields and headers that say which client this is (RFC 6749 section 2.3.1)."""
    if secret and provider.secret_in_header:
        pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
        return {}, {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    return {"client_id": client_id} | ({"client_secret": secret} if secret else {}), {}


def scope(login: OidcLogin) -> str:
    """`openid` always, never twice."""
    return " ".join(dict.fromkeys(["openid", *(login.scopes or ["email", "profile"])]))


def token_nonce(token: str, issuer: str) -> str | None:
    """The token's nonce, if the token is this issuer's. Raises Unauthenticated for anything else.

    The signature is the CA's to verify; nothing here is believed.
    """
    try:
        payload = token.split(".")[1]
        unverified = msgspec.json.decode(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Claims)
    except (IndexError, ValueError, msgspec.MsgspecError) as error:
        raise Unauthenticated(
            "the identity provider sent no ID token",
            code="no-id-token",
            hint='tell the CA\'s operator: the scope "openid" must be allowed for this client',
        ) from error
    if not issuer_fits(issuer, unverified.iss):
        raise wrong_nonce()
    return unverified.nonce


def wrong_nonce() -> Unauthenticated:
    return Unauthenticated(
        "the identity provider's token does not answer this sign-in",
        code="wrong-nonce",
        hint="sign in again; if it stays so, the provider does not return the nonce it was sent",
    )


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
