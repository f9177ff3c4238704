"""The CA's keys at one moment: what signs, and what is announced beside it while keys are rotated."""

from __future__ import annotations

from dataclasses import dataclass

from daypass.ca.krl_ports import RevokedSerials
from daypass.ca.ports import Signer
from daypass.wire import CertType, PublicKey

__all__ = ["CaKeys"]


@dataclass(frozen=True, slots=True)
class CaKeys:
    """The signer of each use, and every public key of that use in the trust document, the signing one first.

    `tls_root` is the fingerprint of the X.509 root that vouches for this CA's TLS, hex SHA-256: who joins pins it.
    """

    user: Signer
    host: Signer
    bundle: Signer
    user_keys: tuple[PublicKey, ...]
    host_keys: tuple[PublicKey, ...]
    bundle_keys: tuple[PublicKey, ...]
    tls_root: str
    break_glass_revoked: tuple[RevokedSerials, ...] = ()  # by the trust document: hosts are told with the user CA's

    @property
    def fingerprints(self) -> dict[str, str]:
        """Of what signs, by its use."""
        signing = {"user": self.user, "host": self.host, "bundle": self.bundle}
        return {use: signer.public_key.fingerprint for use, signer in signing.items()} | {"tls": self.tls_root}

    def signer(self, kind: CertType) -> Signer:
        return self.user if kind is CertType.USER else self.host
