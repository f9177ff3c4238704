"""Somebody on record, or somebody who might come, as if they signed in now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from daypass.ca.explain import Asker
from daypass.ca.person_ports import Facts, IdentityRecord, PersonRecord
from daypass.errors import Invalid
from daypass.model import Identity, Kind, OnceId, Person, Proof, is_login_name

__all__ = ["askers", "supposed", "would_be"]

_LISTS = ("group", "amr")
MAX_SUPPOSED = 256  # values


def askers(person: PersonRecord, now: int) -> Iterator[Asker]:
    """By each identity of whom it is known what their provider says."""
    locked = person.locked_at is not None
    for known in person.identities:
        if known.facts is not None:
            record = Person(person.id, known.issuer, known.subject, person.login, person.names, 0, locked)
            yield Asker(_proof(_identity(known, known.facts, person, now), now), record)


def would_be(word: str, provider: str, now: int, kind: Kind = Kind.PERSON) -> Asker:
    """Somebody nobody knows yet, by their e-mail or login name; the login as `login_name = "email"` yields it."""
    if kind is Kind.WORKLOAD:
        return Asker(_proof(Identity(kind, provider, issuer="", subject=word, auth_time=now), now))
    email = word if "@" in word else None
    login = word.partition("@")[0]
    valid = login if is_login_name(login) else None
    identity = Identity(
        kind=Kind.PERSON, provider=provider, issuer="", subject=word, email=email, login=valid,
        names=(valid,) if valid else (), auth_time=now,
    )  # fmt: skip
    return Asker(_proof(identity, now))


def supposed(asker: Asker, facts: Mapping[str, Sequence[str]]) -> Asker:
    """As if the provider said this too. Raises Invalid for a fact that there is not."""
    if sum(map(len, facts.values())) > MAX_SUPPOSED:
        raise Invalid(f"more than {MAX_SUPPOSED} facts are supposed", code="explain.facts")
    who = asker.proof.identity
    claims = dict(who.claims)
    for key, values in facts.items():
        kind, _, name = key.partition(".")
        if kind == "claims" and name:
            claims[name] = tuple(values)
        elif key not in (*_LISTS, "acr", "email") or (key not in _LISTS and len(values) != 1):
            hint = "group, amr, acr, email and claims.NAME can be; acr and email once"
            raise Invalid(f"{key[:40]!r} can't be supposed like this", code="explain.facts", hint=hint)
    identity = replace(
        who,
        claims=claims,
        groups=who.groups | frozenset(facts.get("group", ())),
        amr=(*who.amr, *facts.get("amr", ())),
        acr=facts["acr"][0] if "acr" in facts else who.acr,
        email=facts["email"][0] if "email" in facts else who.email,
    )
    return replace(asker, proof=replace(asker.proof, identity=identity))


def _identity(known: IdentityRecord, facts: Facts, person: PersonRecord, now: int) -> Identity:
    return Identity(
        kind=Kind.PERSON if person.login else Kind.WORKLOAD,  # whoever else has no name is not put on record
        provider=facts.provider,
        issuer=known.issuer,
        subject=known.subject,
        email=facts.email,
        login=person.login or None,
        names=person.names,
        groups=facts.groups,
        auth_time=now,
        amr=facts.amr,
        acr=facts.acr,
        claims=facts.claims,
    )


def _proof(identity: Identity, now: int) -> Proof:
    return Proof(identity, OnceId(identity.provider, "explain"), now, now, bound=True)
