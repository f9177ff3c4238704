"""The way to a CA or a provider: which certificates are believed on it, and why it failed, as errors.

Every failure of the way names the other end as people know it, says what happened there, and what to try.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from daypass.errors import (
    Conflict,
    DaypassError,
    Denied,
    Internal,
    Invalid,
    Misconfigured,
    NotFound,
    Throttled,
    Unauthenticated,
    Unavailable,
)
from daypass.network import Proxy, plain, proxy_for
from daypass.stranger import Stranger, meet

if TYPE_CHECKING:
    import ssl

__all__ = ["Answered", "End", "captive", "not_a_ca", "pinned_context", "refusal", "unreachable", "unusable_proxy"]

_NETWORK: Final = "check the URL, and whether you are on the VPN; daypass doctor looks at every step of the way"
_NOT_A_CA: Final = "is this the URL of a CA, with no portal or proxy before it?"
_CLOCK: Final = "check this machine's clock first (timedatectl), then whether the {end} renews its certificate"
_ERRORS: Final[dict[int, type[DaypassError]]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Denied,
    404: NotFound,
    405: NotFound,
    408: Unavailable,
    409: Conflict,
    429: Throttled,
    500: Internal,
    501: Misconfigured,
}


@dataclass(frozen=True, slots=True)
class End:
    """The other end: `where` is what people know it as, `url` its address ("" on this machine), `kind` its codes."""

    where: str
    url: str = ""
    kind: str = "connection"
    name: str = "CA"
    voucher: str = "the pinned root"
    hint: str = "if the CA is new: daypass bootstrap again"
    seconds: float = 10.0

    def failed(self, message: str, code: str, hint: str) -> Unavailable:
        return Unavailable(message, code=f"{self.kind}.{code}", hint=hint)


def pinned_context(roots_pem: str | None) -> ssl.SSLContext:
    """These roots and no others, and the name in the URL (RFC 6125)."""
    import ssl

    if not roots_pem:
        hint = "run: daypass bootstrap URL --fingerprint HEX"
        raise Misconfigured("no root of this CA is pinned here", code="not-bootstrapped", hint=hint)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(cadata=roots_pem)
    except (ssl.SSLError, ValueError) as error:
        hint = "run daypass bootstrap again"
        raise Misconfigured("the pinned root certificate can't be read", code="roots", hint=hint) from error
    return context


def unreachable(error: Exception, end: End) -> DaypassError:
    """What happened to the connection, in words. A TimeoutError is a name that nobody answered for."""
    import socket
    import ssl

    import httpx2

    causes = list(_causes(error))
    proxy = proxy_for(end.url) if end.url else None
    if isinstance(error, httpx2.ProxyError):
        return _proxy_refused(plain(str(error), 200), end, proxy)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(cause, end)
        if isinstance(cause, PermissionError) and not end.url:
            return Denied(f"{end.where} may not be used by you", hint="run it as root, or as the CA's own account")
        if isinstance(cause, socket.gaierror | ConnectionRefusedError) and proxy:
            return _no_proxy(end, proxy)
        if isinstance(cause, socket.gaierror):
            return end.failed(f"the name in {end.where} is not known here: {cause.strerror}", "dns", _NETWORK)
        if isinstance(cause, ConnectionRefusedError | FileNotFoundError):
            return end.failed(f"nothing answers at {end.where}", "refused", f"is the {end.name} running?")
    if isinstance(error, TimeoutError):
        text = f"no name server answers for {proxy.host if proxy else end.where}"
        return end.failed(text, "dns", "check that this machine is online, and its name servers (resolvectl status)")
    if isinstance(error, httpx2.TimeoutException):
        through = f" through the proxy {proxy}" if proxy else ""
        return end.failed(f"{end.where} did not answer within {end.seconds:g} s{through}", "timeout", _NETWORK)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return end.failed(f"{end.where} does not speak TLS as a {end.name} does", "tls", _NETWORK)
    text = plain(str(error), 200) or type(error).__name__
    return end.failed(f"the connection to {end.where} broke: {text}", "broken", _NETWORK)


def unusable_proxy(end: End) -> Misconfigured:
    """One of a kind that httpx2 does not speak. Its address may hold a password, so only its scheme is shown."""
    proxy = proxy_for(end.url)
    kind = f" ({proxy.scheme})" if proxy else ""
    return Misconfigured(
        f"the proxy for {end.where} is of a kind that daypass can't use{kind}",
        code=f"{end.kind}.proxy",
        hint=f"set {proxy.source if proxy else 'HTTPS_PROXY'} to one that starts with http:// or https://",
    )


def _proxy_refused(text: str, end: End, proxy: Proxy | None) -> DaypassError:
    who, host = f"the proxy {proxy or ''}".strip(), urlsplit(end.url).hostname
    if text.startswith("407"):
        hint = "put them into HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT, with %40 for an @ in the password"
        return end.failed(f"{who} wants a name and a password", "proxy", hint)
    if text.startswith(("30", "511")):
        return captive(end, f"http://{host}/")
    hint = f"ask for {host} to be allowed there; if it can be reached without HTTPS_PROXY, add it to NO_PROXY"
    return end.failed(f"{who} refuses to connect to {end.where}: {text}", "proxy", hint)


def _no_proxy(end: End, proxy: Proxy) -> Unavailable:
    hint = f"check {proxy.source}; to reach {urlsplit(end.url).hostname} without it, add that name to NO_PROXY"
    return end.failed(f"the proxy {proxy} does not answer", "proxy", hint)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _untrusted(error: ssl.SSLCertVerificationError, end: End) -> Unavailable:
    reason = plain(error.verify_message, 200)
    if error.verify_code in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        hint = "use the name the CA knows itself by, or add this one to ca.names in its configuration"
        if end.name != "CA":
            hint = f"tell the CA's operator: the {end.name}'s address and certificate must fit"
        return end.failed(f"the {end.name}'s certificate is not for {end.where}: {reason}", "name", hint)
    if error.verify_code in (9, 10):  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
        text = f"by this machine's clock, {end.where} has no valid certificate: {reason}"
        return end.failed(text, "time", _CLOCK.format(end=end.name))
    found = meet(end.url, end.seconds) if end.url else None
    if found is not None and found.portal:
        return captive(end, found.portal)
    by = f", but by {found.name}" if found else ""
    text = f"what answers at {end.where} is not vouched for by {end.voucher}{by} ({reason})"
    return end.failed(text, "untrusted", _interceptor(end, found))


def _interceptor(end: End, found: Stranger | None) -> str:
    shown = f" (certificate {found.subject or 'without a name'}, SHA-256 {found.fingerprint[:16]}…)" if found else ""
    host = urlsplit(end.url).hostname
    return f"a proxy or virus scanner that opens TLS{shown}? ask for {host} to be exempt; {end.hint}"


def captive(end: End, address: str) -> Unavailable:
    """A network that shows a page of its own until somebody has signed in to it."""
    hint = f"the network may want you to sign in to it first: open {address} in a browser, then try again"
    return end.failed(f"a web page answers in place of {end.where}", "captive", hint)


class Answered(Protocol):
    """The head of an HTTP answer, from whichever library."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...


def refusal(response: Answered, content: bytes, where: str) -> DaypassError:
    """An answer that is not 2xx, as the error it was on the other side."""
    status = response.status_code
    try:
        body = msgspec.json.decode(content, type=_ErrorBody)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        body = _ErrorBody()
    kind = _ERRORS.get(status, Invalid if 400 <= status < 500 else Unavailable)
    if body.code and body.code.startswith(Misconfigured.default_code):
        kind = Misconfigured
    if not body.message:
        return kind(f"{where} answered {status}", hint=_NOT_A_CA)
    retry = response.headers.get("retry-after", "")
    return kind(
        plain(body.message, 1000),
        code=plain(body.code, 64) if body.code else None,
        hint=plain(body.hint, 1000) if body.hint else None,
        retry_after=int(retry) if retry.isascii() and retry.isdigit() and len(retry) < 7 else None,
    )


class _ErrorBody(msgspec.Struct, frozen=True):
    """`api.Error`; a step-ca sends no code and no hint."""

    message: str = ""
    code: str | None = None
    hint: str | None = None


def not_a_ca(where: str) -> Unavailable:
    return Unavailable(f"{where} answered, but not as a CA does", code="answer", hint=_NOT_A_CA)
