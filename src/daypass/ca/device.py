"""Sign-ins on another device, at pages of the CA's own (trust 8.2), without the pages.

begin      a machine without a browser leaves its public key; it gets a code to show, and one to ask with
typed      a person types the code elsewhere: the request is bound to that browser, and shown
answer     yes: off to the provider, with a nonce for exactly that key; no: refused
callback   the provider's answer: redeemed, issued by the authority, put on record
poll       the machine asks, and gets the certificate or the reason why not

Every step is a compare-and-set in the store, so any number of CA processes and browser tabs do it once. The store has
hashes of the secrets, this process nothing that another one needs.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import urlsplit

from daypass.ca import codes
from daypass.ca.asks import DeviceAsk, DeviceAsked, DeviceBegun, DeviceDone, DevicePolled, Progress
from daypass.ca.clock import ClockGuard
from daypass.ca.codes import Browser
from daypass.ca.conclusion import ANEW, Conclusion, Issue
from daypass.ca.force import Following
from daypass.ca.pace import Guesses, Polls, network
from daypass.ca.ports import Clock, DeviceCaps, DeviceRequest, DeviceState, DeviceStore, Refusal, WebSignIn
from daypass.errors import Conflict, DaypassError, Denied, Internal, Invalid, NotFound, Unauthenticated
from daypass.model import Issued
from daypass.wire import PublicKey
from daypass.wire.binding import SALT_SIZE, login_act, login_nonce

__all__ = ["DeviceAsk", "DeviceAsked", "DeviceBegun", "DeviceDone", "DevicePolled", "Devices", "Progress"]

LIFETIME = 600  # seconds a request lives, whatever becomes of it
INTERVAL = 2  # seconds between two polls
CAPS = DeviceCaps(network=100, overall=5000)
MACHINE_CHARACTERS = 64
OPEN = (DeviceState.SEEN, DeviceState.ALLOWED)  # until the provider answers a person may say yes, no, or yes again
NO = Refusal("device.denied", "the person who typed the code said no", f"if that was a mistake, {ANEW}")


class Devices:
    """Implements `server.ports.Devices`. One event loop."""

    def __init__(
        self,
        issue: Issue,
        store: DeviceStore,
        clock: Clock,
        force: Following,
        *,
        ca_id: bytes,
    ) -> None:
        self._store, self._clock = store, ClockGuard(clock)
        self._conclusion = Conclusion(issue, store, self._clock)
        self._force, self._ca_id = force, ca_id
        self._polls, self._guesses = Polls(INTERVAL, clock.monotonic), Guesses(clock.monotonic)
        self._concluding: set[asyncio.Task[DeviceDone]] = set()  # asyncio itself would let go of them

    # -- the machine that asks --------------------------------------------------------------------------------

    async def begin(self, ask: DeviceAsk, address: str) -> DeviceBegun:
        _check(ask)
        provider, now = self._provider(ask.provider), self._clock.now()
        device_code, user_code = codes.new_device_code(), codes.new_user_code()
        request = DeviceRequest(
            device_hash=codes.device_hash(device_code),
            user_hash=codes.user_hash(user_code),
            public_key=ask.key.blob,
            salt=ask.salt,
            machine=ask.machine,
            address=address,
            network=network(address),
            provider=provider.name,
            lifetime=ask.lifetime,
            role=ask.role,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        await self._store.add_device(request, CAPS)
        return DeviceBegun(device_code, codes.written(user_code), INTERVAL, LIFETIME)

    async def poll(self, device_code: str) -> DevicePolled:
        digest = codes.device_hash(device_code)
        self._polls.take(digest)
        now = self._clock.now()
        request = await self._store.device(digest, now)
        if request is None:
            self._polls.forget(digest)
            raise Unauthenticated("this sign-in has expired", code="device.expired", hint=ANEW)
        if request.state is DeviceState.REFUSED:
            _refuse(request)
        if request.state is DeviceState.ISSUED:
            return DevicePolled(Progress.ISSUED, await self._released(request, now))
        return DevicePolled(Progress.WAITING if request.state is DeviceState.WAITING else Progress.SEEN)

    async def _released(self, request: DeviceRequest, now: int) -> Issued:
        issued = await self._certificate(request)
        if issued.revoked or issued.valid_before <= now:
            raise Denied("the certificate of this sign-in holds no longer", code="device.revoked", hint=ANEW)
        return issued

    # -- the person elsewhere ---------------------------------------------------------------------------------

    async def typed(self, user_code: str, browser: str, address: str) -> DeviceAsked:
        guess = self._guesses.take(network(address))
        code = codes.read_user_code(user_code)
        try:
            request = await self._bind(code, browser, address) if code is not None else None
        except DaypassError:  # of a right code in a busy browser, or a store that is down
            self._guesses.give_back(guess)
            raise
        if request is None:
            raise NotFound(
                "this code is not known, or was used or has expired",
                code="device.code",
                hint="compare it with what the terminal shows; a new one comes with: daypass login --device",
            )
        self._guesses.give_back(guess)
        return DeviceAsked(
            machine=request.machine,
            address=request.address,
            fingerprint=PublicKey.parse(request.public_key).fingerprint,
            provider=self._provider(request.provider).host,
            lifetime=request.lifetime,
            started_at=request.created_at,
            role=request.role,
        )

    async def _bind(self, code: str, browser: str, address: str) -> DeviceRequest | None:
        return await self._store.bind_device(codes.user_hash(code), Browser(browser).hash, address, self._clock.now())

    async def answer(self, browser: str, yes: bool) -> str | None:
        secrets, now = Browser(browser), self._clock.now()
        request = await self._of(secrets, now)
        if not yes:
            if not await self._store.refuse_device(request.device_hash, OPEN, NO, now):
                raise _gone()
            return None
        nonce = login_nonce(self._ca_id, request.public_key, login_act(request.role), request.salt)
        provider, fresh = self._provider(request.provider), bool(request.role)
        redirect = self._redirect(provider)
        url = await provider.url(nonce, secrets.state, secrets.challenge, redirect, fresh=fresh)
        if not await self._store.move_device(request.device_hash, OPEN, DeviceState.ALLOWED, now):
            raise _gone()
        return url

    async def callback(self, browser: str, fields: Mapping[str, str], path: str) -> DeviceDone:
        secrets, now = Browser(browser), self._clock.now()
        if not hmac.compare_digest(fields.get("state", "").encode(errors="replace"), secrets.state.encode()):
            raise _foreign()
        request = await self._of(secrets, now)
        provider = self._provider(request.provider)
        redirect = self._redirect(provider)
        if path != urlsplit(redirect).path:  # another provider's answer: the mix-up attack
            raise _foreign()
        allowed, redeeming = (DeviceState.ALLOWED,), DeviceState.REDEEMING
        if not await self._store.move_device(request.device_hash, allowed, redeeming, now):
            return await self._told_again(request)
        # A browser that hangs up must not undo what the person did.
        task = asyncio.create_task(self._conclusion.reach(provider, redirect, request, secrets, fields))
        self._concluding.add(task)
        task.add_done_callback(self._concluded)
        return await asyncio.shield(task)

    def _concluded(self, task: asyncio.Task[DeviceDone]) -> None:
        self._concluding.discard(task)
        if not task.cancelled():
            task.exception()  # looked at here, for a browser that has gone; others are told it as ever

    # -- look-ups ---------------------------------------------------------------------------------------------

    async def _told_again(self, request: DeviceRequest) -> DeviceDone:
        """To the page of an answer that is being dealt with, or has been."""
        now = await self._store.device(request.device_hash, self._clock.now())
        if now is None or now.state in (DeviceState.WAITING, DeviceState.SEEN):
            raise _gone()
        if now.state is DeviceState.REFUSED:
            _refuse(now)
        if now.state is not DeviceState.ISSUED:
            raise Conflict(
                "this sign-in is just being dealt with", code="device.busy", hint="load the page again in a moment"
            )
        return DeviceDone(now.login or "", (await self._certificate(now)).valid_before, now.machine)

    async def _of(self, secrets: Browser, now: int) -> DeviceRequest:
        request = await self._store.device_of(secrets.hash, now)
        if request is None:
            raise _gone()
        return request

    async def _certificate(self, request: DeviceRequest) -> Issued:
        issued = await self._store.certificate(request.serial or 0)
        if issued is None:
            raise Internal("the certificate of this sign-in is not on record")
        return issued

    def _redirect(self, provider: WebSignIn) -> str:
        return self._force.current.redirects[provider.name]

    def _provider(self, name: str) -> WebSignIn:
        """The one of this name, or the only one there is. Raises NotFound, Invalid."""
        providers = self._force.current.sites
        if not name and len(providers) == 1:
            return next(iter(providers.values()))
        found = providers.get(name)
        if found is None:
            choices = ", ".join(providers) or "none"
            hint = f"name one of this CA's: {choices}"
            if not name:
                raise Invalid("which identity provider is not said", code="device.provider", hint=hint)
            raise NotFound("this CA has no such identity provider", code="device.provider", hint=hint)
        return found


def _check(ask: DeviceAsk) -> None:
    if not 0 < len(ask.machine.strip()) <= len(ask.machine) <= MACHINE_CHARACTERS or not ask.machine.isprintable():
        raise Invalid(f"machine must be 1 to {MACHINE_CHARACTERS} printable characters", code="device.machine")
    if len(ask.salt) != SALT_SIZE:
        raise Invalid(f"salt must have {SALT_SIZE} bytes", code="device.salt")
    if ask.lifetime is not None and not 0 < ask.lifetime < 2**31:
        raise Invalid("lifetime must be a number of seconds above zero", code="device.lifetime")


def _refuse(request: DeviceRequest) -> NoReturn:
    refusal = request.refusal or NO
    raise Denied(refusal.message, code=refusal.code, hint=refusal.hint)


def _foreign() -> Unauthenticated:
    text = "this answer does not belong to the sign-in of this browser"
    return Unauthenticated(text, code="device.state", hint=ANEW)


def _gone() -> NotFound:
    return NotFound("no sign-in is waiting here: it has expired, or was answered", code="device.gone", hint=ANEW)
