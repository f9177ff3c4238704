"""Certificates in a PEM file that the operator puts on the CA's machine, read again whenever it changes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from daypass.errors import Unavailable

__all__ = ["CertificateFile"]

MAX_SIZE = 1024 * 1024


class _Held(NamedTuple):
    certificate: x509.Certificate
    starts: float  # unix seconds
    ends: float


class CertificateFile:
    """`what` they are, for whoever reads of a file that can't be used."""

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        self._read: tuple[tuple[int, int, int], tuple[_Held, ...]] | None = None

    def at(self, now: float) -> tuple[x509.Certificate, ...]:
        """Those that count now, by unix seconds. Raises Unavailable: a file that is put right counts from then on."""
        return tuple(each.certificate for each in self._certificates() if each.starts <= now <= each.ends)

    def _certificates(self) -> tuple[_Held, ...]:
        try:
            status = self._path.stat()
            stamp = status.st_mtime_ns, status.st_size, status.st_ino
            if self._read is None or self._read[0] != stamp:
                self._read = stamp, _load(self._path)
        except (OSError, ValueError) as error:
            told = error.strerror if isinstance(error, OSError) else "it holds no certificates in PEM"
            raise Unavailable(
                f"the {self._what} in {self._path} can't be read: {told}",
                code="cloud.certificates",
                hint="docs/guide/cloud.md says where they are published",
            ) from error
        return self._read[1]


def _load(path: Path) -> tuple[_Held, ...]:
    with path.open("rb") as file:
        data = file.read(MAX_SIZE + 1)
    if len(data) > MAX_SIZE:
        raise ValueError("too large")
    return tuple(
        _Held(each, each.not_valid_before_utc.timestamp(), each.not_valid_after_utc.timestamp())
        for each in x509.load_pem_x509_certificates(data)
    )
