"""Which root of this machine's trust store vouches for a server: shown where an interceptor's could stand there."""

from __future__ import annotations

import ssl

from daypass.network import plain

__all__ = ["voucher"]


def voucher(url: str, seconds: float) -> str:
    """The root's name; "" without TLS, and where nothing can be said."""
    import httpx2

    if not url.startswith("https://"):
        return ""
    try:
        with (
            httpx2.Client(timeout=seconds) as client,
            client.stream("GET", url, headers={"accept": "application/json"}) as response,
        ):
            stream = response.extensions.get("network_stream")
            tls = stream.get_extra_info("ssl_object") if stream is not None else None
            return plain(_root(tls), 200)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, ImportError):
        return ""


def _root(tls: ssl.SSLObject | ssl.SSLSocket | None) -> str:
    """The last of the verified chain; before Python 3.13 it can be had from the inner object alone."""
    from cryptography import x509

    inner = getattr(tls, "_sslobj", None)
    ask = getattr(tls, "get_verified_chain", None) or getattr(inner, "get_verified_chain", None)
    chain = ask() if ask is not None else []
    if not chain:
        return ""
    last = chain[-1]
    der = last if isinstance(last, bytes) else last.public_bytes(2)  # _ssl.ENCODING_DER
    return x509.load_der_x509_certificate(der).subject.rfc4514_string()
