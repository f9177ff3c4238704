"""One recording made ready for the writer: encoded, checked, in the shape of rows.

Done before it joins a transaction, so what is wrong with one recording is its own affair.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from daypass.ca.ports import Recording
from daypass.errors import Invalid
from daypass.model import HostFacts, Issued, Joining, Kind, Vouched
from daypass.store.facts import Kept, keep
from daypass.store.rows import MAX_INT, check_text, json
from daypass.wire import Certificate, PublicKey

__all__ = ["Prepared", "prepare"]


class Prepared(NamedTuple):
    person: tuple[str, str] | None  # (issuer, subject); of people and workloads
    login: str | None
    claims: tuple[str, ...]
    generation: int  # decided on; a person not on record yet starts at 1
    policy_hash: bytes
    once: tuple[str, str]
    once_row: tuple[Any, ...]
    host: HostFacts | None
    joins: Joining | None
    time: int
    actor: str
    issued: tuple[Issued, ...]
    rows: tuple[tuple[Any, ...], ...]  # for each certificate: (serial, type, key id), then all from `generation` on
    entries: tuple[tuple[str, Mapping[str, object]], ...]  # for the ledger: act and details
    renews: int | None
    whole: bool
    provider: str
    email: str | None
    facts: Kept | None  # of people
    despite: frozenset[str]
    clock: Callable[[], float] | None
    signin: str | None
    sign_ins_over: int
    vouched: Vouched | None


def prepare(recording: Recording) -> Prepared:
    """Raises Invalid for what can't be recorded."""
    who, once = recording.identity, recording.once
    host = recording.host
    check_text(
        who.provider, who.issuer, who.subject, who.email, once.provider, once.id, recording.login, *recording.claims
    )
    if host is not None:
        check_text(host.name, *host.aliases, *host.labels, *host.labels.values(), *host.addresses)
    issued = tuple([_issued(cert) for cert in recording.certificates])
    if not issued:
        raise Invalid("a recording without a certificate", code="store.empty")
    generation = max(recording.generation, 1)
    roles = json(recording.roles)
    pairs = tuple(zip(recording.certificates, issued, strict=True))
    return Prepared(
        person=(who.issuer, who.subject) if who.kind is not Kind.HOST else None,
        login=recording.login,
        claims=recording.claims,
        generation=generation,
        policy_hash=recording.policy_hash,
        once=(once.provider, once.id),
        once_row=(
            once.provider,
            once.id,
            json([each.serial for each in issued]),
            recording.time,
            recording.once_expires,
        ),
        host=host,
        joins=recording.joins,
        time=recording.time,
        actor=f"{who.provider}:{who.subject}",
        issued=issued,
        rows=tuple([_row(cert, each, generation, roles, recording) for cert, each in pairs]),
        entries=_entries(recording),
        renews=recording.renews,
        whole=recording.whole,
        provider=who.provider,
        email=who.email,
        facts=_kept(recording) if who.kind is not Kind.HOST else None,
        despite=recording.despite,
        clock=recording.clock,
        signin=recording.signin,
        sign_ins_over=recording.sign_ins_over,
        vouched=recording.vouched,
    )


def _kept(recording: Recording) -> Kept:
    """What the view made of this very identity, so that it is made once."""
    return recording.facts if isinstance(recording.facts, Kept) else keep(recording.identity)


def _issued(cert: Certificate) -> Issued:
    check_text(cert.key_id, *cert.principals)
    if not 0 < cert.serial <= MAX_INT or not 0 <= cert.valid_after < cert.valid_before <= MAX_INT:
        raise Invalid(
            f"certificate {cert.serial} has a serial or validity that can't be recorded", code="store.range"
        )
    return Issued(
        cert.serial, cert.encode(), cert.public_key.blob, cert.principals, cert.valid_after, cert.valid_before
    )


def _row(cert: Certificate, issued: Issued, generation: int, roles: str, recording: Recording) -> tuple[Any, ...]:
    """The columns of `certificates` but for person, host and revocation."""
    return (
        cert.serial,
        int(cert.type),
        cert.key_id,
        generation,
        _ca_fingerprint(cert.signature_key),
        issued.public_key,
        issued.certificate,
        json(cert.principals),
        roles,
        cert.valid_after,
        cert.valid_before,
        recording.time,
        recording.signin,
    )


def _entries(recording: Recording) -> tuple[tuple[str, Mapping[str, object]], ...]:
    who = recording.identity
    shared: dict[str, object] = {
        "provider": who.provider,
        "issuer": who.issuer,
        "subject": who.subject,
        "once": hashlib.sha256(recording.once.id.encode()).hexdigest(),
        "roles": recording.roles,
    }
    if recording.remote:
        shared["remote"] = True
    if recording.renews is not None:
        shared["renews"] = recording.renews
    issued = [("certificate.issue", shared | _certificate_details(cert)) for cert in recording.certificates]
    return (*issued, *recording.events)


def _certificate_details(cert: Certificate) -> dict[str, object]:
    return {
        "serial": cert.serial,
        "type": cert.type.name.lower(),
        "key_id": cert.key_id,
        "principals": cert.principals,
        "valid_after": cert.valid_after,
        "valid_before": cert.valid_before,
        "public_key": cert.public_key.fingerprint,
        "ca_key": _ca_fingerprint(cert.signature_key),
    }


@lru_cache(maxsize=16)
def _ca_fingerprint(key: PublicKey) -> str:
    return key.fingerprint
