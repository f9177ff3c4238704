"""Calls by the day pass (trust 4.2): whoever holds its key may read their own data, and give up access.

Whoever an agent is forwarded to can make such a call, too; that is why nothing here gives anybody anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from daypass.ca.clock import ClockGuard
from daypass.ca.ports import OnRecord, Owner, Store
from daypass.errors import Invalid, NotFound, Unauthenticated
from daypass.model import OnceId
from daypass.wire import Certificate, CertType, PublicKey, SshSignature
from daypass.wire.binding import REQUEST_NAMESPACE, request_message

__all__ = ["Call", "Caller", "Calls"]

PROVIDER = "pass"  # the name space of the nonces
WINDOW = 60  # seconds that a caller's clock may be off, either way
MARGIN = 60  # seconds a nonce is kept beyond the last moment it could pass, for other CA processes' clocks
MAX_REASON = 256  # characters


class Call(Struct, frozen=True):
    """What came over HTTP: the call itself, and what is shown for it (`api.PassProof`). Nothing is believed yet."""

    method: str
    path: str
    body: bytes
    certificate: bytes
    time: int
    nonce: bytes
    proof: bytes


class Caller(Struct, frozen=True):
    """A person, by the pass of this serial."""

    owner: Owner
    serial: int


class Calls:
    def __init__(self, store: Store, clock: ClockGuard, ca_id: bytes, user_keys: tuple[PublicKey, ...]) -> None:
        self._store, self._clock, self._ca_id = store, clock, ca_id
        self._user_keys = user_keys

    async def admit(self, call: Call) -> Caller:
        """Raises Unauthenticated. What costs nothing is looked at first, and nothing is written before the
        signature holds: nobody can spend another's nonce, or fill the database."""
        now = self._clock.now()
        if abs(now - call.time) > WINDOW:
            apart = f"it was made {abs(now - call.time)} s from now by the CA's clock"
            raise _refused("time", apart, "set your clock: timedatectl")
        certificate = self._verified(call, now)
        owner = await self._owner(certificate, call.certificate)
        once = OnceId(PROVIDER, f"{certificate.serial}.{call.nonce.hex()}")
        if not await self._store.spend(once, expires=call.time + WINDOW + MARGIN, now=now):
            raise _refused("replay", "it was shown before", "make the call anew")
        return Caller(owner, certificate.serial)

    async def certificates(self, caller: Caller) -> Sequence[OnRecord]:
        """The caller's own that have not expired, newest first."""
        return await self._store.certificates_of(caller.owner.id, self._clock.now())

    async def revoke(self, caller: Caller, serial: int, reason: str) -> OnRecord:
        """One certificate of the caller's, the one that was shown among them; once more changes nothing.

        Raises NotFound for another's just as for one that does not exist.
        """
        if len(reason) > MAX_REASON or not reason.isprintable():
            raise Invalid(f"a reason is one line of {MAX_REASON} characters at most", code="revoke.reason")
        await self._own(caller, serial)
        owner = caller.owner
        details = {"issuer": owner.issuer, "subject": owner.subject, "pass": caller.serial}
        await self._store.give_up(
            serial, reason=reason, actor=f"{PROVIDER}:{owner.subject}", details=details, now=self._clock.now()
        )
        return await self._own(caller, serial)

    async def _own(self, caller: Caller, serial: int) -> OnRecord:
        found = await self._store.on_record(serial)
        if found is None or found.owner is None or found.owner.id != caller.owner.id:
            raise NotFound(
                f"you have no certificate with serial {serial}",
                code="certificate.unknown",
                hint="daypass list shows yours",
            )
        return found

    def _verified(self, call: Call, now: int) -> Certificate:
        """A live user certificate of ours, and its key's signature over this very call."""
        message = request_message(self._ca_id, call.method, call.path, call.body, call.time, call.nonce)
        try:
            certificate = Certificate.parse(call.certificate)
            self._check(certificate, now)
            certificate.verify_signature()
            SshSignature.parse(call.proof).verify(REQUEST_NAMESPACE, message, certificate.public_key)
        except Invalid as error:
            raise _refused("proof", error.message) from error
        return certificate

    def _check(self, certificate: Certificate, now: int) -> None:
        if certificate.type is not CertType.USER or certificate.signature_key not in self._user_keys:
            raise _refused("certificate", "it is no person's certificate of this CA")
        if certificate.critical_options:
            raise _refused("narrow", "its certificate is for one purpose, and this is not it")
        if not certificate.valid_after <= now < certificate.valid_before:
            raise _refused("expired", "its certificate has expired, or is not valid yet")

    async def _owner(self, certificate: Certificate, blob: bytes) -> Owner:
        found = await self._store.on_record(certificate.serial)
        if found is None or found.certificate != blob or found.owner is None:
            raise _refused("unknown", "its certificate is not on record here")
        if found.revoked_at is not None:
            raise _refused("revoked", "its certificate is revoked")
        if found.owner.locked:
            raise _refused("locked", f"{found.owner.login} is locked", "ask an administrator of your CA")
        return found.owner


def _refused(code: str, reason: str, hint: str = "sign in again: daypass login") -> Unauthenticated:
    return Unauthenticated(f"this proof by a day pass does not hold: {reason}", code=f"pass.{code}", hint=hint)
