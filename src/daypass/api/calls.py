"""Calls that a certificate speaks for: who makes them, shown in the header `Authorization`."""

from __future__ import annotations

from typing import ClassVar, Self

import msgspec

from daypass.api.base import AUTH_SCHEME, CALL_NONCE_SIZE, read_header, written_header
from daypass.errors import Invalid

__all__ = ["HOST_SCHEME", "HostProof", "PassProof"]

HOST_SCHEME = "Daypass-Host"


class _CallProof(msgspec.Struct, frozen=True, kw_only=True):
    """Travels as base64url without padding of its JSON, behind the scheme. `proof` is an SSHSIG blob by the
    certificate's key over `binding.request_message`, in a namespace of the caller's kind.
    """

    scheme: ClassVar[str] = ""
    code: ClassVar[str] = ""

    certificate: bytes
    time: int  # unix seconds, 60 either way
    nonce: bytes  # 16 bytes, good once
    proof: bytes

    def header(self) -> str:
        """The value of `Authorization`."""
        return written_header(self.scheme, self)

    @classmethod
    def from_header(cls, value: str) -> Self:
        """Raises Invalid for whatever `header` would not have written."""
        proof = read_header(cls.scheme, value, cls, cls.code)
        if not 0 <= proof.time < 2**63 or len(proof.nonce) != CALL_NONCE_SIZE:
            raise Invalid("the proof of a call is not written as it has to be", code=cls.code)
        return proof


class PassProof(_CallProof, frozen=True, kw_only=True):
    """Who makes a call, shown with the key of a live day pass (trust 4.2). Namespace `daypass-request@v1`."""

    scheme = AUTH_SCHEME
    code = "pass.form"


class HostProof(_CallProof, frozen=True, kw_only=True):
    """Which host makes a call, shown with the key of its live certificate. Namespace `daypass-host-request@v1`."""

    scheme = HOST_SCHEME
    code = "host-call.form"
