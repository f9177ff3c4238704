"""What a host may have for the certificate it holds: the next one, one for another key, or its end.

A renewal only ever narrows: the same key, names that stand in the certificate and are the host's still, and no more
time than it had. The old key's word passes a name on to another key (trust 5.1), which is always an event.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from daypass.ca.clock import ClockGuard
from daypass.ca.pace import Renewed
from daypass.ca.ports import Provisioner, Store
from daypass.ca.revoked_keys import GIVEN_UP
from daypass.errors import Denied, Internal, Invalid
from daypass.model import Credential, HostFacts, Identity, Kind, OnceId, Proof, Renewal, Request, Secret
from daypass.wire import Certificate, CertType, PublicKey

if TYPE_CHECKING:
    from daypass.ca.authority import Issuance

__all__ = ["Renewals"]

PROVIDER = "host"  # in the ledger and the name space of one-time ids, of hosts that speak by their certificate
VOUCHES = "jwk"  # the type of provisioner whose holder revokes what it vouches for
ONCE_MARGIN = 86400  # seconds a token that revoked is remembered beyond its end


class Renewals:
    """`settle` is the authority's: all of the issuance cycle that comes after a proof."""

    def __init__(
        self,
        settle: Callable[[Request, Proof], Awaitable[Issuance]],
        provisioner: Provisioner,
        store: Store,
        clock: ClockGuard,
        ca_id: bytes,
    ) -> None:
        self._settle = settle
        self._provisioner = provisioner
        self._store = store
        self._clock = clock
        self._ca_id = ca_id
        self._pace = Renewed(clock.monotonic)
        self.vouching: Callable[[], Sequence[Provisioner]] = tuple  # the authority gives those in force

    async def renew(self, token: Secret) -> Issuance:
        """The same key's next certificate. Raises any of the error tree; Throttled for a host that never stops."""
        proof, shown = await self._shown(Credential(token, (), act=b"renew"))
        self._pace.take(shown.host)
        return await self._settle(Request(CertType.HOST, (shown.key,)), proof)

    async def rekey(self, token: Secret, key: PublicKey, *, possessed: bool) -> Issuance:
        """A certificate for `key`, which is the host's from now on; the old one lives on until it ends.

        step's clients can't show that they hold the new key. Without that it may be no other host's
        (docs/adr/rekey-without-proof.md).
        """
        proof, shown = await self._shown(Credential(token, (key,), act=b"rekey", possessed=possessed))
        self._pace.take(shown.host)
        if not possessed and await self._store.hosts_with_key(key.blob, self._clock.now()) - {shown.host}:
            raise _anothers_key()
        return await self._settle(Request(CertType.HOST, (key,)), proof)

    async def renew_all(
        self, host: str, certificate: Certificate, nonce: bytes, keys: Sequence[PublicKey]
    ) -> Issuance:
        """The next certificates of every key that the host has from now on; `certificate` has spoken for this call,
        whose `nonce` is spent, and each key has signed for itself."""
        self._pace.take(host)
        now = self._clock.now()
        known = await self._store.host(host)
        for key in keys:
            new = known is None or key.blob not in known.keys
            if new and await self._store.hosts_with_key(key.blob, now) - {host}:
                raise _anothers_key()
        first, *others = certificate.principals
        length = certificate.valid_before - certificate.valid_after
        proof = Proof(
            identity=Identity(Kind.HOST, PROVIDER, issuer=self._ca_id.hex(), subject=str(certificate.serial)),
            once=OnceId(PROVIDER, f"renew.{certificate.serial}.{nonce.hex()}"),
            issued_at=now,
            expires_at=now,
            bound=True,
            enrolment=HostFacts(first, tuple(others)),
            renews=Renewal(certificate.serial, host, certificate.public_key, length, whole=True),
        )
        return await self._settle(Request(CertType.HOST, tuple(keys)), proof)

    async def revoke(self, token: Secret, serial: str, details: dict[str, object]) -> None:
        """The very certificate that was shown, or whose serial a one-time token of step's names, and no other
        (CVE-2025-66406). `details` go into the ledger."""
        vouches = self._by_whom(token)
        proof, shown = await self._shown(Credential(token, (), act=b"revoke"), vouches)
        if serial != str(shown.serial):
            raise Denied(
                f'request serial "{serial}" and token subject "{shown.serial}" do not match',
                code="revoke.serial",
                hint="a host revokes its own certificate only, a one-time token the one that it names",
            )
        now = self._clock.now()
        actor = f"{proof.identity.provider}:{proof.identity.subject}"
        once = (proof.once, proof.expires_at + ONCE_MARGIN)
        reason = GIVEN_UP if vouches is None else f"revoked by {proof.identity.provider}"
        if not await self._store.give_up(
            shown.serial, reason=reason, actor=actor, details=details, now=now, once=once
        ):
            raise Invalid(f"certificate with serial number '{serial}' is already revoked", code="revoke.again")

    def _by_whom(self, token: Secret) -> Provisioner | None:
        """Who takes the token that is no host's: None for a host's own."""
        text = token.reveal()
        if self._provisioner.recognises(text):
            return None
        return next((each for each in self.vouching() if each.type == VOUCHES and each.recognises(text)), None)

    async def _shown(self, credential: Credential, vouches: Provisioner | None = None) -> tuple[Proof, Renewal]:
        proof = await (vouches or self._provisioner).authenticate(credential)
        if proof.renews is None:
            raise Internal("a proof without the certificate that was shown")
        return proof, proof.renews


def _anothers_key() -> Denied:
    return Denied(
        "another host has a live certificate for this key",
        code="rekey.key",
        hint="make a new key; each host has its own",
    )
