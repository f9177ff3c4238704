"""Who answers where another was expected: its certificate, and whether it shows a page of its own.

Nothing here is verified, so nothing is believed: words for a person, no more. Nothing secret is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from daypass.network import plain

if TYPE_CHECKING:
    import ssl

    import httpx2

__all__ = ["Stranger", "meet", "portal", "unverified_context"]


@dataclass(frozen=True, slots=True)
class Stranger:
    """What is shown by whoever answers."""

    subject: str
    issuer: str
    fingerprint: str  # SHA-256 of the certificate, hex
    date: str  # the Date header
    portal: str  # where it would have the person go, without the query; "" where it shows no web page

    @property
    def name(self) -> str:
        return self.issuer or self.subject


def meet(url: str, seconds: float) -> Stranger | None:
    """Ask `url` for a page without believing anyone, by the way every other call goes. None where nobody answers."""
    import httpx2

    try:
        with (
            httpx2.Client(verify=unverified_context(), timeout=seconds) as client,
            client.stream("GET", url, headers={"accept": "application/json"}) as response,
        ):
            return _describe(url, response)
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ImportError, OSError, ValueError):
        return None


def _describe(url: str, response: httpx2.Response) -> Stranger:
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    der = tls.getpeercert(True) if tls is not None else None
    subject, issuer, fingerprint = _read_certificate(der) if der else ("", "", "")
    return Stranger(
        plain(subject, 200),
        plain(issuer, 200),
        fingerprint,
        plain(response.headers.get("date", ""), 40),
        portal(url, response.status_code, response.headers),
    )


def _read_certificate(der: bytes) -> tuple[str, str, str]:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    certificate = x509.load_der_x509_certificate(der)
    fingerprint = certificate.fingerprint(SHA256()).hex()
    return certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string(), fingerprint


def portal(url: str, status: int, headers: Mapping[str, str]) -> str:
    """Where a person is to go, if this answer is a web page or leads to one; "" for any other answer.

    Without the query, which belongs to whoever asks, and without what a terminal or a shell could misread.
    """
    location = plain(headers.get("location", ""), 500).partition("?")[0]
    is_page = headers.get("content-type", "").lower().startswith("text/html")
    if not (is_page or status == 511 or (300 <= status < 400 and location)):  # RFC 6585 section 6
        return ""
    parts = urlsplit(location)
    if parts.scheme in ("http", "https") and parts.hostname and location.isascii() and " " not in location:
        return location
    host = urlsplit(url).hostname or ""
    return f"http://[{host}]/" if ":" in host else f"http://{host}/"


def unverified_context() -> ssl.SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
