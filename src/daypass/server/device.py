"""Sign-ins on another device (trust 8.2): what the machine asks and polls, and the pages that a person sees.

    machine    POST /v1/device           its key, proven         -> a code for the person, a code of its own
    person     GET  /device              the form                   (a code in the address is not read)
               POST /device              the code                -> /device/ask
               GET  /device/ask          what asks, from where, with which key
               POST /device/confirm      yes                     -> on to the provider; no -> /device/done
               GET  /device/callback     the provider's answer   -> /device/done, so that no code stays in the address
                    /device/callback/NAME   with several providers
               GET  /device/done         how it went
    machine    POST /v1/device/poll      its own code            -> waiting, seen, issued, or why not

A cookie holds the browser's random secret. It belongs to one request; the form that says yes carries a hash of it,
so a page that shows one request can't answer another.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

import msgspec
from starlette.types import Scope

from daypass import api
from daypass.ca.device import DeviceAsk, DeviceDone, Progress
from daypass.errors import Conflict, DaypassError, Invalid, NotFound, Throttled, Unauthenticated
from daypass.page import Page
from daypass.server import answers, pages, signing
from daypass.server.callers import Callers
from daypass.server.forms import CODE, COOKIE, TOLD, cookie, query, set_cookie
from daypass.server.ports import Devices, Heart, PublicInfo
from daypass.wire.binding import DEVICE_NAMESPACE, device_message

__all__ = ["DeviceRoutes", "failure_page"]

_COOKIE_SECONDS: Final = 900  # a request lives ten minutes
_TOLD_SECONDS: Final = 600
_WRONG: Final = (NotFound, Throttled, Invalid, Conflict)  # of a code: told on the form
_MAX_CODE: Final = 64  # characters
_OURS_ALONE: Final = frozenset({"device.state", "device.gone", "page.form"})  # the waiting machine is not told
_BUSY_TIMES, _BUSY_SECONDS = 40, 0.25
_MAX_SAID: Final = 300  # characters of a message that a cookie carries


class _Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the last page says, in a cookie: any of the CA's processes can show it, and none has to remember."""

    login: str = ""
    machine: str = ""
    valid_before: int = 0
    message: str = ""
    hint: str = ""
    heard: bool = False  # the machine that waits is told too


_read_told = msgspec.json.Decoder(_Told).decode


class DeviceRoutes:
    def __init__(self, heart: Heart, public: PublicInfo, now: Callable[[], float] = time.time) -> None:
        self._heart = heart
        self._public = public
        self._now = now
        self._callers = Callers(public.trusted_proxies)

    @property
    def _devices(self) -> Devices:
        if self._heart.devices is None:
            raise NotFound(
                "this CA takes no sign-ins on other devices",
                code="device.off",
                hint="sign in on a machine with a browser: daypass login; operator: [pages] in daypass.toml",
            )
        return self._heart.devices

    # -- the machine ------------------------------------------------------------------------------------------

    async def device_start(self, scope: Scope, body: api.DeviceRequest) -> api.DeviceStarted:
        devices, ask = self._devices, _ask(body, self._heart.ca_id)
        begun = await devices.begin(ask, self._callers.address(scope))
        return api.DeviceStarted(
            device_code=begun.device_code,
            user_code=begun.user_code,
            page=f"{self._public.pages_url}/device",
            interval=begun.interval,
            expires_in=begun.expires_in,
        )

    async def device_poll(self, _scope: Scope, body: api.DevicePoll) -> api.DeviceAnswer:
        polled = await self._devices.poll(body.device_code)
        if polled.state is not Progress.ISSUED or polled.issued is None:
            return api.DeviceAnswer(state=polled.state.value)
        bundle = api.Signed(*await self._heart.client_bundle())
        return api.DeviceAnswer(state=polled.state.value, crt=polled.issued.certificate, bundle=bundle)

    # -- the person -------------------------------------------------------------------------------------------

    async def device_page(self, scope: Scope, _body: None) -> answers.Whole:
        self._devices  # noqa: B018 - raises where there are none
        known = _browser(scope)
        return _shown(pages.type_code(self._heart.name), () if known else (_new_browser(secrets.token_urlsafe(32)),))

    async def device_code(self, scope: Scope, body: api.TypedCode) -> answers.Whole:
        browser, here = self._require_browser(scope), self._callers.address(scope)
        if len(body.code) > _MAX_CODE:
            return self._wrong(Invalid("that is longer than any code", code="page.form"))
        try:
            browser = await self._bound(body.code, browser, here)
        except _WRONG as error:
            return self._wrong(error)
        typed = _packed(body.code.encode())
        return _redirect("/device/ask", (_new_browser(browser), set_cookie(CODE, typed, _COOKIE_SECONDS)))

    async def device_ask(self, scope: Scope, _body: None) -> answers.Whole:
        """The person's own code, once more: it is bound to this browser, and typing it again changes nothing."""
        browser, here = self._require_browser(scope), self._callers.address(scope)
        code = _unpacked(cookie(scope, CODE) or "").decode(errors="replace")
        try:
            asked = await self._devices.typed(code, browser, here)
        except _WRONG as error:
            return self._wrong(error)
        lifetime, now = self._public.now().user_lifetime, self._now()
        return _shown(pages.ask(self._heart.name, asked, here, _request_of(browser), lifetime, now))

    def _wrong(self, error: DaypassError) -> answers.Whole:
        told = (answers.status_of(error), error.message, error.hint or "")
        return _shown(pages.type_code(self._heart.name, told))

    async def _bound(self, code: str, browser: str, address: str) -> str:
        """A browser that is busy with another request gets a new secret for this one."""
        try:
            await self._devices.typed(code, browser, address)
        except Conflict:
            browser = secrets.token_urlsafe(32)
            await self._devices.typed(code, browser, address)
        return browser

    async def device_confirm(self, scope: Scope, body: api.Decision) -> answers.Whole:
        browser = self._require_browser(scope)
        if not hmac.compare_digest(body.request.encode(), _request_of(browser).encode()):
            raise Conflict(
                "this page is not about the code that was typed last",
                code="device.page",
                hint="type the code again, and answer on the page that comes then",
            )
        if body.answer not in ("yes", "no"):
            raise Invalid("the answer is yes or no", code="page.form")
        url = await self._devices.answer(browser, body.answer == "yes")
        if url is not None:
            return _shown(pages.going(self._heart.name, url, urlsplit(url).hostname or ""))
        message = "you said no, so the machine that asked gets nothing"
        hint = "if somebody sent you the code, tell your security team"
        return _tell(_Told(message=message, hint=hint, heard=True))

    async def device_callback(self, scope: Scope, _body: None) -> answers.Whole:
        devices, browser = self._devices, _browser(scope)
        try:
            if browser is None:
                raise Unauthenticated(
                    "this sign-in was begun in another browser, or too long ago",
                    code="device.state",
                    hint="run daypass login again on the other machine, for a new code",
                )
            done = await _settled(devices, browser, query(scope), scope["path"])
        except Exception as error:  # whatever it is: code and state must not stay in the address bar
            told, _ = answers.told(error, answers.request_facts(scope["headers"])[0])
            heard = told.code not in _OURS_ALONE
            return _tell(_Told(message=told.message[:_MAX_SAID], hint=(told.hint or "")[:_MAX_SAID], heard=heard))
        return _tell(_Told(login=done.login, machine=done.machine[:_MAX_SAID], valid_before=done.valid_before))

    device_callback_of = device_callback

    async def device_done(self, scope: Scope, _body: None) -> answers.Whole:
        told = _read(cookie(scope, TOLD))
        if told is None:
            return _redirect("/device")
        if told.message:
            return _shown(pages.refused(self._heart.name, told.message, told.hint, told.heard))
        return _shown(pages.done(self._heart.name, told.login, told.machine, told.valid_before, self._now()))

    def _require_browser(self, scope: Scope) -> str:
        self._devices  # noqa: B018 - raises where there are none
        browser = _browser(scope)
        if browser is None:
            raise Invalid(
                "your browser did not bring this page's cookie back",
                code="page.cookie",
                hint="allow cookies for this site, then type the code again",
            )
        return browser


async def _settled(devices: Devices, browser: str, fields: dict[str, str], path: str) -> DeviceDone:
    """A page that is loaded again while its answer is being dealt with waits for that."""
    for _ in range(_BUSY_TIMES):
        try:
            return await devices.callback(browser, fields, path)
        except Conflict as error:
            if error.code != "device.busy":
                raise
            await asyncio.sleep(_BUSY_SECONDS)
    return await devices.callback(browser, fields, path)


def failure_page(heart: Heart) -> Callable[[api.Error], answers.Whole]:
    """How a page's route tells an error."""
    return lambda error: _shown(pages.failed(heart.name, error.status, error.message, error.hint or ""))


def _ask(body: api.DeviceRequest, ca_id: bytes) -> DeviceAsk:
    """The machine's request, its key's proof verified (trust 3.3); the other fields are the heart's to judge."""
    key = signing.public_key("public_key", signing.given("public_key", body.public_key))
    message = device_message(ca_id, body.salt, body.machine)
    signing.require_possession("proof", body.proof, key, message, DEVICE_NAMESPACE)
    return DeviceAsk(
        key=key,
        salt=body.salt,
        machine=body.machine,
        provider=body.provider,
        lifetime=body.lifetime,
        role=signing.role_name(body.role),
    )


def _browser(scope: Scope) -> str | None:
    """The browser's secret, if it is one that we could have given."""
    found = cookie(scope, COOKIE)
    return found if found is not None and len(found) == 43 else None


def _new_browser(secret: str) -> answers.Header:
    return set_cookie(COOKIE, secret, _COOKIE_SECONDS)


def _request_of(browser: str) -> str:
    """Names the browser's one request in its form, and gives nothing away to whoever reads the page."""
    return hashlib.sha256(b"daypass-page-v1\0" + browser.encode()).hexdigest()


def _shown(page: Page, more: Iterable[answers.Header] = ()) -> answers.Whole:
    return answers.Whole(page.status, page.html, (*_HEADERS, *more))


def _tell(told: _Told) -> answers.Whole:
    return _redirect("/device/done", (set_cookie(TOLD, _packed(msgspec.json.encode(told)), _TOLD_SECONDS),))


def _read(packed: str | None) -> _Told | None:
    if packed is None:
        return None
    try:
        told = _read_told(_unpacked(packed))
    except ValueError:  # msgspec's errors are ValueErrors
        return None
    return told if told.login or told.message else None


def _packed(data: bytes) -> str:
    """For a cookie."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpacked(value: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:
        return b""


def _redirect(path: str, more: Iterable[answers.Header] = ()) -> answers.Whole:
    """303, to a path of our own: a method is never repeated."""
    return answers.Whole(303, b"", ((b"location", path.encode()), *_HEADERS, *more))


def _lower(fields: dict[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode(), value.encode()) for name, value in fields.items())


_HEADERS: Final = _lower({**pages.HEADERS, "X-Frame-Options": "DENY"})
