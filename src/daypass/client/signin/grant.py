"""The identity provider's own sign-in on another device: the OAuth 2.0 device authorization grant (RFC 8628).

Only where the CA names a client for it. Whoever starts one chooses the code, so a person can be talked into typing
somebody else's (trust 8.2): the CA marks such sign-ins as remote, and roles can refuse them.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from daypass.client.signin import oidc
from daypass.client.signin.attempt import Attempt
from daypass.client.signin.idp import Idp, Refusal, check_secure, decode, refused
from daypass.client.signin.oidc import Provider, Tokens
from daypass.client.signin.polling import LONGEST_SECONDS, Polling
from daypass.client.signin.typed import Code
from daypass.errors import DaypassError, Denied, Misconfigured, Throttled, Unauthenticated, Unavailable
from daypass.wire import Certificate

__all__ = ["sign_in"]

_ANEW = "run daypass login again for a new code"
_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class _Started(msgspec.Struct, frozen=True):
    """RFC 8628 section 3.2. `verification_uri_complete` holds the code already, and is not used: the person types."""

    device_code: str
    user_code: str
    expires_in: int
    verification_uri: str = ""
    verification_url: str = ""  # Google's name for it
    interval: int = 5


def sign_in(attempt: Attempt, show: Callable[[Code], None]) -> Certificate:
    """The whole sign-in. Raises Denied for a no, Unavailable where nobody signed in, or any of the error tree."""
    with attempt.idp() as idp:
        provider = oidc.discover(attempt.provider, idp)
        started = _start(attempt, provider, idp)
        seconds = min(started.expires_in, LONGEST_SECONDS, attempt.sign_in_seconds or LONGEST_SECONDS)
        page = started.verification_uri or started.verification_url
        check_secure(page, provider.login.issuer)
        show(Code(page=page, code=started.user_code, minutes=max(1, round(seconds / 60))))
        attempt.say(f"waiting for you to sign in at {provider.host}, on the other device")
        polling = Polling(f"the identity provider {provider.login.issuer}", started.interval, attempt.say)
        tokens = polling.until(_Question(provider, started.device_code, idp), seconds)
    if tokens is None:
        raise Unavailable(f"nobody signed in at {provider.host} in time", code="sign-in-timeout", hint=_ANEW)
    nonce = oidc.token_nonce(tokens.id_token, provider.login.issuer)
    if nonce not in (None, attempt.nonce):
        raise oidc.wrong_nonce()
    return attempt.certify(tokens, bound=nonce is not None)


def _start(attempt: Attempt, provider: Provider, idp: Idp) -> _Started:
    """The nonce is sent along, and how the sign-in is to be (OpenID Connect Core 3.1.2.1 knows them, RFC 8628 does
    not): many providers heed them."""
    if not provider.device_endpoint:
        raise Misconfigured(
            f"{provider.host} has no sign-in for other devices",
            code="device.off",
            hint="tell the CA's operator: device_client_id is set, and the provider names no device endpoint",
        )
    form, headers = _client(provider)
    form |= {"scope": oidc.scope(provider.login), "nonce": attempt.nonce}
    form |= oidc.wishes(provider.login, fresh=attempt.fresh)
    return idp.call("POST", provider.device_endpoint, _Started, form, headers)


def _client(provider: Provider) -> tuple[dict[str, str], dict[str, str]]:
    """The client's id stands in the form in any case (RFC 8628 section 3.1)."""
    login = provider.login
    form, headers = oidc.credentials(provider, login.device_client_id, login.device_client_secret)
    return form | {"client_id": login.device_client_id}, headers


class _Question:
    """Has somebody signed in? (RFC 8628 sections 3.4 and 3.5)"""

    def __init__(self, provider: Provider, device_code: str, idp: Idp) -> None:
        self._provider, self._idp = provider, idp
        self._form, self._headers = _client(provider)
        self._form |= {"grant_type": _GRANT, "device_code": device_code}

    def __call__(self) -> Tokens | None:
        """The tokens; of those the provider did not send "" stands there."""
        status, content = self._idp.exchange("POST", self._provider.token_endpoint, self._form, self._headers)
        said = Refusal.parse(content)
        if 200 <= status < 300:
            return decode(content, Tokens, self._provider.login.issuer)
        if said.error == "authorization_pending":
            return None
        if said.error == "slow_down":
            raise Throttled("asked too early")
        raise self._no(status, said)

    def _no(self, status: int, said: Refusal) -> DaypassError:
        host = self._provider.host
        if said.error == "access_denied":
            return Denied(
                f"the sign-in was declined at {host}: {said.text}",
                code="provider.access_denied",
                hint="if it was not you who declined, somebody else has typed your code; sign in again",
            )
        if said.error == "expired_token":
            return Unauthenticated(
                f"the code ran out before anyone signed in at {host}", code="device.expired", hint=_ANEW
            )
        return refused(status, said, self._provider.login.issuer)
