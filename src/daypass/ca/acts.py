"""Administrative acts (trust 4): who asks, whether they may, and the ledger's entry before any effect.

An operator is at the CA's own machine, where the kernel says who they are, or has signed in for exactly this call:
the nonce of their ID token covers the path and the body. A day pass never gets this far: whoever an agent is
forwarded to could use it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from msgspec import Struct

from daypass.ca.clock import ClockGuard
from daypass.ca.few import Few
from daypass.ca.operators import Operators
from daypass.ca.over import require_not_over, signed_in
from daypass.ca.ports import Question, Store, View
from daypass.ca.subject import Subject
from daypass.errors import Denied, Invalid, Unauthenticated
from daypass.model import Credential, Kind, Proof, Secret
from daypass.wire import PublicKey, SshSignature
from daypass.wire.binding import POSSESSION_NAMESPACE, admin_act, possession_message

__all__ = ["FRESH", "Act", "Acts", "Operator", "Shown"]

FRESH = 300  # seconds since the person signed in: a cookie on an open laptop is nobody's consent
LEEWAY = 60  # seconds a provider's clock may be off
KEPT = 86400  # seconds a spent id is remembered beyond its credential


class Shown(Struct, frozen=True):
    """What came with a call (`api.ActProof`). Nothing of it is believed yet."""

    token: Secret
    key: bytes
    salt: bytes
    proof: bytes
    access_token: Secret | None = None


class Act(Struct, frozen=True):
    """One call: its route's name, its path, its body as it was sent, and all capabilities it takes.

    Without any it is for whoever is an operator at all. `reads`: it changes nothing.
    """

    name: str
    path: str
    body: bytes
    needs: tuple[str, ...]
    reads: bool = False

    @property
    def digest(self) -> bytes:
        """SHA-256 of what a sign-in for it covers: what a second person approves."""
        return hashlib.sha256(admin_act(self.path, self.body)).digest()


class Operator(Struct, frozen=True):
    """Who administers. `actor` is how the ledger names them: `uid:0` at the socket, else `PROVIDER:SUBJECT`."""

    actor: str
    uid: int | None = None
    subject: Subject | None = None  # as they have signed in for this very call
    person: int | None = None  # of the person on record, if there is one
    approved_by: str = ""  # the actor who approved what this one has asked for

    @property
    def local(self) -> bool:
        """On the administration socket: root, or the CA's own account, who may do everything."""
        return self.uid is not None

    @classmethod
    def at_socket(cls, uid: int) -> Operator:
        return cls(f"uid:{uid}", uid)


class Acts:
    """`authenticate` has the right provisioner verify a credential; `ready` gives the time, if this process decides
    by the published policy; `operators` gives those of that policy."""

    def __init__(
        self,
        store: Store,
        clock: ClockGuard,
        ca_id: bytes,
        authenticate: Callable[[Credential], Awaitable[Proof]],
        ready: Callable[[View], int],
        operators: Callable[[], Operators],
    ) -> None:
        self._store, self._clock, self._ca_id = store, clock, ca_id
        self._authenticate, self._ready, self._operators = authenticate, ready, operators
        self._few = Few()

    async def admit(self, shown: Shown, path: str, body: bytes) -> Operator:
        """Who has signed in for this very call, once. Raises Unauthenticated, and Denied for one who is locked.

        Nothing is written before all of it holds: nobody can spend another's sign-in, or fill the database.
        """
        proof = await self._verified(shown, admin_act(path, body))
        who = proof.identity
        view = await self._store.view(Question(who, proof.once, signin=signed_in(proof)))
        now = self._ready(view)
        _require_fresh(proof, now)
        if view.person is not None and view.person.locked:
            raise Denied(f"{view.person.login} is locked", code="act.locked", hint="ask another operator of your CA")
        require_not_over(proof, view)
        if not await self._store.spend(proof.once, expires=proof.expires_at + KEPT, now=now):
            raise _refused("replay", "it was used before")
        person = view.person.id if view.person else None
        return Operator(f"{who.provider}:{who.subject}", subject=Subject.of(proof), person=person)

    async def begin(self, operator: Operator, act: Act) -> None:
        """Whether they may. Then it stands in the ledger, and may have its effect (trust 4.5).

        What only reads is not recorded on the socket.
        """
        now = await self.judge(operator, act)
        if not (operator.local and act.reads):
            await self._store.add_event(f"admin.{act.name}", _details(act), actor=operator.actor, now=now)

    async def judge(self, operator: Operator, act: Act) -> int:
        """The time. Raises Denied, which stands in the ledger, too: one entry for each sign-in, so many."""
        now = self._clock.now()
        try:
            self._require(operator, act, now)
        except Denied as error:
            await self.deny(operator, act, error, now)
            raise
        return now

    async def deny(self, operator: Operator, act: Act, error: Denied, now: int, request: str = "") -> None:
        """Put a refusal on record, and not more of one person than anybody would read."""
        who = (operator.subject.issuer, operator.subject.subject) if operator.subject is not None else ("", "")
        if self._few.full(who, now):
            return
        told = {"refused": act.name, "code": error.code, "why": error.message} | self._few.take(who, now)
        if request:
            told["request"] = request
        await self._store.add_event("admin.deny", _details(act) | told, actor=operator.actor, now=now)

    def _require(self, operator: Operator, act: Act, now: int) -> None:
        if operator.local:
            return
        operators, subject = self._operators(), operator.subject
        if subject is None or not operators.names(subject, now):
            raise Denied(
                f"{operator.actor} is no operator of this CA",
                code="operator.nobody",
                hint="operators stand in daypass.toml: [[operators]]",
            )
        for capability in act.needs:
            operators.require(subject, capability, now)

    async def _verified(self, shown: Shown, act: bytes) -> Proof:
        """The key has signed for itself, and the provider's token is for that key and this act (trust 3.1, 3.3)."""
        message = possession_message(self._ca_id, shown.token.reveal())
        try:
            key = PublicKey.parse(shown.key)
            SshSignature.parse(shown.proof).verify(POSSESSION_NAMESPACE, message, key)
        except Invalid as error:
            raise _refused("possession", error.message) from error
        credential = Credential(
            shown.token, (key,), act=act, salt=shown.salt, possessed=True, access_token=shown.access_token
        )
        proof = await self._authenticate(credential)
        if proof.identity.kind is not Kind.PERSON:
            raise _refused("person", "it is not a person's")
        if not proof.bound:
            raise _refused("unbound", "it is not bound to this call")
        if proof.remote:
            raise _refused("remote", "it was made on another device")
        return proof


def _details(act: Act) -> dict[str, object]:
    return {"digest": act.digest.hex(), "needs": list(act.needs)}


def _require_fresh(proof: Proof, now: int) -> None:
    auth_time = proof.identity.auth_time
    if auth_time is None:
        raise _refused("auth-time", "the identity provider does not say when you signed in")
    if now - auth_time > FRESH + LEEWAY:
        raise _refused("stale", f"you signed in at the identity provider more than {FRESH // 60} minutes ago")


def _refused(code: str, reason: str) -> Unauthenticated:
    text = f"this sign-in does not hold for this act: {reason}"
    return Unauthenticated(text, code=f"act.{code}", hint="run the command again, and sign in for it")
