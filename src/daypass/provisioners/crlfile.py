"""X.509 certificate revocation lists in a PEM file on the CA's machine, read again whenever it changes (RFC 5280, 5).

Once a table names one, nobody passes by a certificate that no list speaks for: the leaf's issuer has to have one that
is signed by it and not over. Issuers between are looked up where a list of theirs is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509

from daypass.errors import Invalid, Unavailable

__all__ = ["RevocationFile"]

MAX_SIZE = 32 * 1024 * 1024  # bytes: a million serials
SLACK = 300  # seconds that the issuer's clock may be ahead
_END = b"-----END X509 CRL-----"
_HINT = "operator: fetch the lists anew, docs/guide/x5c.md"


class RevocationFile:
    """`now` below is in unix seconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[tuple[int, int, int], tuple[x509.CertificateRevocationList, ...]] | None = None

    def check(self, chain: Sequence[x509.Certificate], now: float) -> None:
        """`chain`: verified, the leaf first, the root last. Raises Invalid for a revoked one, Unavailable where
        nobody can say."""
        moment, lists = datetime.fromtimestamp(now, UTC), self.lists()
        for at, (certificate, issuer) in enumerate(pairwise(chain)):
            its = [each for each in lists if _is_of(each, issuer)]
            if not its and at == 0:
                raise self._unavailable("has no list of the issuer of this certificate")
            current = [each for each in its if _is_current(each, moment)]
            if its and not current:
                raise self._unavailable("has a list that is over")
            if any(each.get_revoked_certificate_by_serial_number(certificate.serial_number) for each in current):
                raise Invalid("its certificate was revoked, or one that leads to its root")

    def lists(self) -> tuple[x509.CertificateRevocationList, ...]:
        """Raises Unavailable for a file that can't be read: one that is put right counts from then on."""
        try:
            status = self._path.stat()
            stamp = status.st_mtime_ns, status.st_size, status.st_ino
            if self._read is None or self._read[0] != stamp:
                self._read = stamp, _load(self._path)
        except OSError as error:
            raise self._unavailable(f"can't be read: {error.strerror}") from error
        except ValueError as error:
            raise self._unavailable("holds no revocation lists in PEM") from error
        return self._read[1]

    def current(self, now: float) -> int:
        """How many are not over."""
        return sum(_is_current(each, datetime.fromtimestamp(now, UTC)) for each in self.lists())

    def _unavailable(self, what: str) -> Unavailable:
        text = f"whether X.509 certificates are revoked can't be told: {self._path} {what}"
        return Unavailable(text, code="x5c.crl", hint=_HINT)


def _load(path: Path) -> tuple[x509.CertificateRevocationList, ...]:
    """Each list is whole: no delta, not for some reasons or some kinds of certificates only (they say so critically).

    Raises OSError, ValueError.
    """
    with path.open("rb") as file:
        data = file.read(MAX_SIZE + 1)
    if len(data) > MAX_SIZE:
        raise ValueError("too large")
    found = [x509.load_pem_x509_crl(part + _END) for part in data.split(_END)[:-1]]
    if not found or any(extension.critical for each in found for extension in each.extensions):
        raise ValueError("none, or not whole")
    return tuple(found)


def _is_of(listed: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    """Signed by this issuer, which may sign such lists where it says what its key is for (RFC 5280, 4.2.1.3)."""
    if listed.issuer != issuer.subject:
        return False
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    if usage is not None and not usage.crl_sign:
        return False
    return listed.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # of a CA: verified with its chain


def _is_current(listed: x509.CertificateRevocationList, now: datetime) -> bool:
    ends = listed.next_update_utc
    return ends is not None and (listed.last_update_utc - now).total_seconds() <= SLACK and now < ends
