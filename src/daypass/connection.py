"""The way to a CA: which certificates are believed on it, and everything that can come back, as errors.

Every failure of the way names the other end as people know it, says what happened there, and what to try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

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

if TYPE_CHECKING:
    import ssl

    import httpx2

__all__ = ["not_a_ca", "pinned_context", "plain", "refusal", "unreachable", "unverified_context"]

_NETWORK: Final = "check the URL, and whether you are on the VPN"
_PROXY: Final = "check HTTPS_PROXY and NO_PROXY"
_NOT_A_CA: Final = "is this the URL of a CA, with no portal or proxy before it?"
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


def unverified_context() -> ssl.SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def unreachable(error: Exception, where: str, issuer: Callable[[], str] | None) -> DaypassError:
    """What happened to the connection, in words."""
    import socket
    import ssl

    import httpx2

    causes = list(_causes(error))
    if isinstance(error, httpx2.ProxyError):
        text = plain(str(error), 200)
        return Unavailable(f"the proxy refuses to connect to {where}: {text}", code="connection.proxy", hint=_PROXY)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(cause, where, issuer)
        if isinstance(cause, PermissionError) and where.startswith("/"):
            return Denied(f"{where} may not be used by you", hint="run it as root, or as the CA's own account")
        if isinstance(cause, socket.gaierror):
            text = f"the name in {where} is not known here: {cause.strerror}"
            return Unavailable(text, code="connection.dns", hint="check the URL, and whether you are on the VPN")
        if isinstance(cause, ConnectionRefusedError | FileNotFoundError):
            return Unavailable(f"nothing answers at {where}", code="connection.refused", hint="is the CA running?")
    if isinstance(error, httpx2.TimeoutException):
        return Unavailable(f"{where} did not answer in time", code="connection.timeout", hint=_NETWORK)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Unavailable(f"{where} does not speak TLS as a CA does", code="connection.tls", hint=_NETWORK)
    text = plain(str(error), 200) or type(error).__name__
    return Unavailable(f"the connection to {where} broke: {text}", code="connection.broken", hint=_NETWORK)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _untrusted(error: ssl.SSLCertVerificationError, where: str, issuer: Callable[[], str] | None) -> Unavailable:
    reason = plain(error.verify_message, 200)
    if error.verify_code in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        hint = "use the name the CA knows itself by, or add this one to ca.names in its configuration"
        return Unavailable(f"the CA's certificate is not for {where}: {reason}", code="connection.name", hint=hint)
    if error.verify_code in (9, 10):  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
        hint = "check this machine's clock first (timedatectl), then whether the CA runs and renews its certificate"
        return Unavailable(
            f"by this machine's clock, {where} has no valid certificate: {reason}", code="connection.time", hint=hint
        )
    found = issuer() if issuer is not None else ""
    by = f", but by {found}" if found else ""
    hint = "something else answers there, or a proxy opens TLS; if the CA is new: daypass bootstrap again"
    text = f"what answers at {where} is not vouched for by the pinned root{by} ({reason})"
    return Unavailable(text, code="connection.untrusted", hint=hint)


def refusal(response: httpx2.Response, content: bytes, where: str) -> DaypassError:
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


def plain(text: str, limit: int) -> str:
    """Text from elsewhere on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text[:limit]).strip()
