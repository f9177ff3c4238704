"""The end of a sign-in on another device: from the provider's answer to a certificate on record, or a refusal."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping

from daypass.ca.asks import DeviceDone
from daypass.ca.authority import Issuance
from daypass.ca.clock import ClockGuard
from daypass.ca.codes import Browser
from daypass.ca.ports import DeviceOutcome, DeviceRequest, DeviceState, DeviceStore, Refusal, WebSignIn
from daypass.errors import DaypassError, Denied, Internal, Invalid, Misconfigured, Unauthenticated, Unavailable
from daypass.model import Credential, Issued, Redeemed, Request
from daypass.wire import CertType, PublicKey
from daypass.wire.binding import login_act

__all__ = ["ANEW", "Conclusion", "Issue"]

ANEW = "start anew: daypass login --device"
REDEEMING = (DeviceState.REDEEMING,)

Issue = Callable[[Request, Credential], Awaitable[Issuance]]


class Conclusion:
    def __init__(self, issue: Issue, store: DeviceStore, clock: ClockGuard) -> None:
        self._issue, self._store, self._clock = issue, store, clock

    async def reach(
        self,
        provider: WebSignIn,
        redirect: str,
        request: DeviceRequest,
        browser: Browser,
        fields: Mapping[str, str],
    ) -> DeviceDone:
        """For a request that this call alone has moved to `redeeming`. Whatever fails is its refusal, too; of a fault
        of ours nothing but that is told. `redirect`: where the provider was told to send its answer."""
        try:
            return await self._issued(request, await self._redeemed(provider, redirect, browser, fields))
        except Exception as error:
            told = error if isinstance(error, DaypassError) else Internal("something failed in the CA", hint=ANEW)
            refusal = Refusal(told.code, told.message, told.hint)
            with contextlib.suppress(DaypassError):  # the store is down: the request expires
                await self._store.refuse_device(request.device_hash, REDEEMING, refusal, self._clock.now())
            raise

    async def _redeemed(
        self, provider: WebSignIn, redirect: str, browser: Browser, fields: Mapping[str, str]
    ) -> Redeemed:
        await provider.check_issuer(fields.get("iss"))
        if "error" in fields:
            raise _refused_by(provider, fields)
        if not fields.get("code"):
            raise Invalid("the identity provider sent no code", code="provider.answer", hint=ANEW)
        return await provider.redeem(fields["code"], browser.verifier, redirect)

    async def _issued(self, request: DeviceRequest, tokens: Redeemed) -> DeviceDone:
        """The authority verifies the token: its nonce says that it was made for exactly this key."""
        key = PublicKey.parse(request.public_key)
        issuance = await self._issue(
            Request(CertType.USER, (key,), lifetime=request.lifetime, role=request.role),
            Credential(
                tokens.id_token,
                (key,),
                act=login_act(request.role),
                salt=request.salt,
                possessed=True,
                access_token=tokens.access_token,
            ),
        )
        issued = issuance.certificates[0]
        outcome = DeviceOutcome(issued.serial, issuance.login, issuance.actor, _details(request, issued, key))
        if not await self._store.finish_device(request.device_hash, outcome, self._clock.now()):
            raise Unauthenticated("this sign-in has expired", code="device.expired", hint=ANEW)
        return DeviceDone(issuance.login, issued.valid_before, request.machine)


def _details(request: DeviceRequest, issued: Issued, key: PublicKey) -> dict[str, object]:
    """Who asked, and from where the code was typed: what tells phishing from a login, afterwards."""
    return {
        "serial": issued.serial,
        "public_key": key.fingerprint,
        "machine": request.machine,
        "address": request.address,
        "browser_address": request.browser_address,
        "provider": request.provider,
        "asked_at": request.created_at,
    }


def _refused_by(provider: WebSignIn, fields: Mapping[str, str]) -> DaypassError:
    """RFC 6749 section 4.1.2.1, OpenID Connect Core 1.0 section 3.1.2.6: no certificate, whatever the reason."""
    error = fields["error"]
    said = "".join(each for each in fields.get("error_description") or error if each.isprintable())[:200]
    known = "".join(each for each in error if each.isascii() and (each.isalnum() or each in "_-"))[:64]
    code = f"provider.{known}"
    if error in ("temporarily_unavailable", "server_error"):
        return Unavailable(f"{provider.host} has a problem: {said}", code=code, hint=ANEW)
    if error in ("access_denied", "login_required", "interaction_required", "consent_required"):
        hint = "if your account should work, ask whoever looks after it there"
        return Denied(f"{provider.host} did not sign you in: {said}", code=code, hint=hint)
    hint = "tell the CA's operator: web client id, redirect address and scopes must fit what the provider knows"
    return Misconfigured(f"{provider.host} refused the request: {said}", code=code, hint=hint)
