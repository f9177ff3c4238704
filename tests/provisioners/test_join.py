from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from msgspec import structs
from tests.provisioners.desk import CA_ID, KEY, NOW, OTHER_KEY, StillClock

from daypass.ca.token_ports import JoinToken, Terms
from daypass.errors import Denied, Unauthenticated
from daypass.model import Credential, HostFacts, Joining, Kind, OnceId, Proof, Secret
from daypass.provisioners.join import JoinTokenProvisioner, secret_hash
from daypass.wire import PublicKey
from daypass.wire.jointoken import JoinTokenText

TEXT = JoinTokenText("https://ca.example.com", "ab" * 32, "0123456789abcdef", "s" * 43)
ON_RECORD = JoinToken(
    id=TEXT.id,
    secret_hash=secret_hash(TEXT.secret),
    facts=HostFacts("web-1.example.com", ("web-1",), {"role": "web"}),
    created_by="root",
    expires_at=NOW + 3600,
)


@dataclass(slots=True)
class Gate:
    tokens: dict[str, JoinToken] = field(default_factory=lambda: {TEXT.id: ON_RECORD})
    clock: StillClock = field(default_factory=StillClock)
    asked: list[str] = field(default_factory=list)

    async def lookup(self, token_id: str) -> JoinToken | None:
        self.asked.append(token_id)
        return self.tokens.get(token_id)

    def show(self, token: str, *, possessed: bool = True, **said: Any) -> Proof:
        credential = Credential(
            Secret(token), said.pop("keys", (KEY, OTHER_KEY)), act=b"enrol", possessed=possessed, **said
        )
        return asyncio.run(JoinTokenProvisioner(CA_ID, self.lookup, self.clock).authenticate(credential))


def test_a_host_is_what_its_token_was_made_for() -> None:
    proof = Gate().show(TEXT.encode())
    assert proof.identity.kind is Kind.HOST
    assert (proof.identity.provider, proof.identity.issuer) == ("join", CA_ID.hex())
    assert (proof.identity.subject, proof.identity.login, proof.identity.names) == (TEXT.id, None, ())
    assert proof.once == OnceId("join", TEXT.id)
    assert proof.enrolment == ON_RECORD.facts
    assert (proof.expires_at, proof.bound) == (NOW + 3600, False)


def several(*patterns: str, max_uses: int = 10, **more: Any) -> Gate:
    facts = HostFacts("", (), {"role": "web"})
    terms = Terms(patterns, ("10.0.0.0/8",), max_uses)
    return Gate({TEXT.id: structs.replace(ON_RECORD, facts=facts, terms=terms, **more)})


def test_a_host_says_which_of_the_names_of_a_token_it_is() -> None:
    gate = several("web-*.example.com", "db-1.example.com")
    for name in ("web-7.example.com", "db-1.example.com"):
        proof = gate.show(TEXT.encode(), name=name, address="10.0.0.7")
        assert proof.enrolment == HostFacts(name, (), {"role": "web"})
        assert proof.joins == Joining(TEXT.id, "10.0.0.7", ("10.0.0.0/8",), ("web-*.example.com", "db-1.example.com"))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "WEB-7.example.com",
        "web-*.example.com",
        "web-\n.example.com",
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(Denied) as refusal:
        several("web-*.example.com", "db-1.example.com").show(TEXT.encode(), name=name)
    assert refusal.value.code == "join.name"


def test_what_a_host_calls_itself_is_nothing_where_the_token_has_a_name() -> None:
    proof = Gate().show(TEXT.encode(), name="gold.example.com")
    assert proof.enrolment == ON_RECORD.facts
    assert proof.joins == Joining(TEXT.id)


def test_a_token_for_several_hosts_is_spent_by_keys_in_any_order_and_by_no_others() -> None:
    gate, name = several("web-*.example.com"), "web-1.example.com"

    def once(*keys: PublicKey) -> OnceId:
        return gate.show(TEXT.encode(), keys=keys, name=name).once

    assert once(KEY, OTHER_KEY) == once(OTHER_KEY, KEY)
    assert len({once(KEY, OTHER_KEY), once(KEY), once(OTHER_KEY)}) == 3
    single = several("web-*.example.com", max_uses=1)
    assert single.show(TEXT.encode(), name=name).once == OnceId("join", TEXT.id)


def test_a_revoked_token_is_as_unknown_as_any() -> None:
    with pytest.raises(Unauthenticated, match="revoked or expired"):
        several("*", revoked_at=NOW).show(TEXT.encode(), name="web-1.example.com")


@pytest.mark.parametrize(
    "token",
    [
        replace(TEXT, id="f" * 16).encode(),
        replace(TEXT, secret="t" * 43).encode(),
        replace(TEXT, secret="s" * 42 + "t").encode(),
        TEXT.encode() + "=",
        TEXT.encode()[:-1],
        "dpj1.",
        "",
    ],
)
def test_a_token_that_is_not_on_record_is_refused_and_nobody_learns_why(token: str) -> None:
    expired = Gate(clock=StillClock(NOW + 3600))
    answers = []
    for gate, shown in ((Gate(), token), (expired, TEXT.encode())):
        with pytest.raises(Unauthenticated) as refusal:
            gate.show(shown)
        answers.append((refusal.value.code, refusal.value.message, refusal.value.hint))
    assert len(set(answers)) == 1
    assert "daypass token host" in str(answers[0])


@pytest.mark.parametrize(("seconds", "good"), [(3599, True), (3600, False)])
def test_expiry_is_looked_at_when_the_token_is_used(seconds: int, good: bool) -> None:
    """CVE-2026-115362: expiry that only a cleaning job enforced."""
    gate = Gate(clock=StillClock(NOW + seconds))
    if good:
        assert gate.show(TEXT.encode()).enrolment
    else:
        with pytest.raises(Unauthenticated):
            gate.show(TEXT.encode())


def test_a_host_that_does_not_prove_its_keys_gets_nothing() -> None:
    gate = Gate()
    with pytest.raises(Unauthenticated, match="holds every key"):
        gate.show(TEXT.encode(), possessed=False)
    assert gate.asked == []


def test_an_empty_hash_on_record_opens_for_nobody() -> None:
    for empty in (b"", bytes(32)):
        with pytest.raises(Unauthenticated):
            Gate({TEXT.id: structs.replace(ON_RECORD, secret_hash=empty)}).show(TEXT.encode())


@pytest.mark.parametrize(
    ("token", "ours"), [(TEXT.encode(), True), ("dpj1.x", True), ("dpj2.x", False), ("a.b.c", False)]
)
def test_a_join_token_is_known_by_its_first_letters(token: str, ours: bool) -> None:
    assert JoinTokenProvisioner(CA_ID, Gate().lookup, StillClock()).recognises(token) is ours


def test_neither_token_nor_secret_is_in_any_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    Gate().show(TEXT.encode())
    with pytest.raises(Unauthenticated) as refusal:
        Gate({}).show(TEXT.encode())
    assert TEXT.secret not in caplog.text + repr(refusal.value)
    assert TEXT.encode() not in caplog.text + repr(refusal.value)
