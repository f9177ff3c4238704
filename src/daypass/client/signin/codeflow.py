"""The ordinary way to sign in: a browser on this machine, and the answer on loopback (RFC 8252)."""

from __future__ import annotations

import re
from collections.abc import Callable

from daypass.client.glance import login_name
from daypass.client.signin import browser, oidc, pages
from daypass.client.signin.attempt import Attempt
from daypass.client.signin.idp import Idp
from daypass.client.signin.oidc import Provider, Request, Tokens
from daypass.client.signin.pages import Page
from daypass.errors import DaypassError, Misconfigured
from daypass.times import moment
from daypass.wire import Certificate

__all__ = ["SIGN_IN_SECONDS", "listen", "sign_in", "unhappy_page"]

SIGN_IN_SECONDS = 120.0
_LOOPBACK = ("127.0.0.1", "localhost")
_PATH = re.compile(r"/callback(/[A-Za-z0-9][A-Za-z0-9._-]{0,62})?")


def sign_in(attempt: Attempt, open_browser: Callable[[str], None]) -> Certificate:
    """The person's part, and what follows from it; the browser hears how it ended."""
    company = attempt.membership.ca_name
    with attempt.idp() as idp:
        provider, request = oidc.discover(attempt.provider, idp), Request(attempt.nonce, attempt.fresh)
        with listen(provider, request) as listener:
            try:
                certificate = attempt.certify(_fetch_tokens(attempt, listener, provider, request, idp, open_browser))
            except BaseException as error:
                listener.finish(unhappy_page(error, company))
                raise
            who = login_name(certificate.principals, certificate.key_id)
            listener.finish(pages.signed_in(who, moment(certificate.valid_before), company))
    return certificate


def _fetch_tokens(
    attempt: Attempt,
    listener: browser.Listener,
    provider: Provider,
    request: Request,
    idp: Idp,
    open_browser: Callable[[str], None],
) -> Tokens:
    attempt.say(f"waiting for you to sign in at {provider.host}, in your browser")
    listener.open(open_browser, request.url(provider, listener.redirect_uri))
    answer = listener.wait(attempt.sign_in_seconds or SIGN_IN_SECONDS)
    return oidc.redeem(provider, request, answer.code, listener.redirect_uri, idp)


def unhappy_page(error: BaseException, company: str) -> Page:
    if isinstance(error, DaypassError):
        return pages.failed(error.message, error.hint, company)
    return pages.failed("the sign-in was stopped in the terminal", "run daypass login to start anew", company)


def listen(provider: Provider, request: Request) -> browser.Listener:
    """What the CA says of the redirect is not signed: it leads to this machine, or nowhere (RFC 8252 section 7.3)."""
    login = provider.login
    away = login.redirect_host not in _LOOPBACK or not _PATH.fullmatch(login.redirect_path)
    if away or not all(0 < port < 65536 for port in login.redirect_ports):
        raise Misconfigured(
            "the CA would have the sign-in's answer sent away from this machine",
            code="redirect",
            hint="tell its operator: redirect_host is 127.0.0.1 or localhost",
        )
    return browser.Listener(
        state=request.state,
        issuer=login.issuer,
        require_issuer=provider.sends_issuer,
        host=login.redirect_host,
        ports=tuple(login.redirect_ports),
        path=login.redirect_path,
    )
