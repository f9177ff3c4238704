"""The certificate that browsers trust, shown for the pages' host name alone (trust 8.7).

It lies in two files that somebody else renews (an ACME client), so the files are looked at again and again. A pair
that is no good is logged, and the one before goes on serving; the pinned root's leaf serves every other name.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509

from daypass.errors import Misconfigured
from daypass.server.tls import Leaf, context_with

__all__ = ["PagesCertificate"]

log = logging.getLogger("daypass.server")
_Stamp = tuple[tuple[int, int, int], ...]


class PagesCertificate:
    """`context` is for connections that ask for `host`. Raises Misconfigured for files that can't serve it."""

    def __init__(self, host: str, certificate: Path, key: Path) -> None:
        self.host = host
        self._files = (certificate, key)
        self._stamp = self._look()
        self.context = self._load()

    def refresh(self) -> bool:
        """Whether there was a new pair, and it is in use now. Each bad one is logged once."""
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self.context = self._load()
        except Misconfigured as error:
            log.warning("the pages go on with the certificate from before: %s", error.message)
            return False
        log.info("the pages' certificate is a new one")
        return True

    def _look(self) -> _Stamp:
        """What changes with the files; a missing one is no reason to stop yet."""
        found = []
        for path in self._files:
            try:
                status = path.stat()
            except OSError:
                found.append((0, 0, 0))
            else:
                found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(found)

    def _load(self) -> ssl.SSLContext:
        certificate, key = self._files
        try:
            chain, secret = certificate.read_bytes(), key.read_bytes()
        except OSError as error:
            raise _unusable(f"{error.filename} can't be read: {error.strerror}") from None
        try:
            leaf = x509.load_pem_x509_certificate(chain)
        except ValueError:
            raise _unusable(f"{certificate} does not begin with a certificate in PEM") from None
        names = _names(leaf)
        if not any(_covers(name, self.host) for name in names):
            raise _unusable(f"{certificate} is for {', '.join(names) or 'no name'}, not for {self.host}")
        try:
            span = (leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp())
            return context_with(Leaf(chain, secret, *span))
        except (OSError, ValueError):  # ssl.SSLError is an OSError
            raise _unusable(f"{key} is not the unencrypted private key of {certificate}") from None


def _names(leaf: x509.Certificate) -> list[str]:
    """Browsers look at the subject's alternative names alone (RFC 9525 section 2)."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    names: Iterable[str] = found.get_values_for_type(x509.DNSName)
    return [*names, *map(str, found.get_values_for_type(x509.IPAddress))]


def _covers(name: str, host: str) -> bool:
    """A `*` stands for one whole label, the first (RFC 9525 section 6.3)."""
    name = name.lower()
    return name == host or (name.startswith("*.") and name[1:] == "." + host.partition(".")[2])


def _unusable(message: str) -> Misconfigured:
    hint = "set certificate and key under [pages] in daypass.toml, or leave both out"
    return Misconfigured(message, code="pages.certificate", hint=hint)
