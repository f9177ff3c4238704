"""Recordings made of real keys and certificates, each name short enough for a one-line case."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from daypass.ca.ports import Question, Recording
from daypass.ledger.chain import verify
from daypass.model import HostFacts, Identity, Kind, OnceId
from daypass.store import SqlStore
from daypass.wire import Certificate, CertType, PublicKey, sign_blob

NOW = 1_800_000_000
POLICY = b"p" * 32
ISSUER = "https://idp.example"
CA = Ed25519PrivateKey.generate()
CA_KEY = PublicKey.from_cryptography(CA.public_key())
_serials = itertools.count(1)


def key() -> PublicKey:
    return PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key())


def certificate(
    *,
    serial: int | None = None,
    public_key: PublicKey | None = None,
    kind: CertType = CertType.USER,
    principals: tuple[str, ...] = ("alice", "role:dev"),
    valid_before: int = NOW + 57600,
) -> Certificate:
    draft = Certificate(
        nonce=os.urandom(32),
        public_key=public_key or key(),
        serial=serial if serial is not None else next(_serials),
        type=kind,
        key_id="alice@example.com",
        principals=principals,
        valid_after=NOW - 60,
        valid_before=valid_before,
        critical_options=(),
        extensions=(),
        signature_key=CA_KEY,
    )
    return draft.with_signature(sign_blob(CA, draft.to_be_signed()))


def person(subject: str = "alice", *, issuer: str = ISSUER) -> Identity:
    return Identity(kind=Kind.PERSON, provider="example", issuer=issuer, subject=subject, login=subject)


HOST = Identity(kind=Kind.HOST, provider="token", issuer="daypass", subject="token-1")


def recording(
    who: str | Identity = "alice",
    *,
    once: str | None = None,
    generation: int = 0,
    claims: tuple[str, ...] | None = None,
    certificates: Sequence[Certificate] | None = None,
    policy: bytes = POLICY,
    time: int = NOW,
    once_expires: int = NOW + 86400,
) -> Recording:
    identity = person(who) if isinstance(who, str) else who
    owned = (identity.subject,) if claims is None else claims
    return Recording(
        identity=identity,
        once=OnceId("example", once or os.urandom(8).hex()),
        once_expires=once_expires,
        policy_hash=policy,
        generation=generation,
        login=owned[0] if owned else None,
        claims=owned,
        certificates=tuple(certificates) if certificates is not None else (certificate(),),
        roles=("dev",),
        time=time,
    )


def host_recording(facts: HostFacts, *keys: PublicKey, once: str | None = None, **more: int) -> Recording:
    names = (facts.name, *facts.aliases)
    made = [certificate(public_key=each, kind=CertType.HOST, principals=names, **more) for each in keys or (key(),)]
    return replace(recording(HOST, once=once, claims=(), certificates=made), host=facts)


def question(who: str | Identity = "alice", *, once: str = "unspent", host: str | None = None) -> Question:
    identity = person(who) if isinstance(who, str) else who
    return Question(identity, OnceId("example", once), host)


async def verified_ledger(store: SqlStore) -> list[str]:
    """The acts on record, in order; the chain holds from its start, and each entry is filed as what it says."""
    rows = await store.ledger(0, 1_000_000)
    verify((row.seq, row.entry, row.hash) for row in rows)
    entries = [json.loads(row.entry) for row in rows]
    assert [(each["time"], each["act"]) for each in entries] == [(row.time, row.act) for row in rows]
    return [row.act for row in rows]
