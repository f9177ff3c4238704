"""Logout tokens: every check of OpenID Connect Back-Channel Logout 1.0 section 2.6, and what is no logout token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.parts.jose import hs256_with_public_key, stranger, unsigned
from tests.parts.op import Op, run_op
from tests.provisioners.desk import NOW, TRUST_STORE, Desk, StillClock, open_desk, section_for

from daypass.ca.inbound_ports import LogoutToken
from daypass.errors import NotFound, Unauthenticated
from daypass.provisioners.inbound import InboundReader
from daypass.provisioners.logout import LOGOUT

TYPED = {"typ": "logout+jwt"}


@pytest.fixture(scope="module")
def calm() -> Iterator[Desk]:
    with run_op() as op, open_desk(op) as desk:
        yield desk


def token(op: Op, *, without: tuple[str, ...] = (), **change: Any) -> str:
    """A logout token of this moment. An ID token's other claims are no part of it."""
    honest: dict[str, Any] = {
        "iat": NOW,
        "exp": NOW + 120,
        "jti": "jti-1",
        "sid": "sid-1",
        "events": {LOGOUT: {}},
        "header": TYPED,
    }
    unwanted = ("email", "email_verified", "groups", "preferred_username", "auth_time")
    return op.mint(without=(*unwanted, *without), **{**honest, **change})


def read(desk: Desk, text: str, **section: Any) -> LogoutToken:
    async def go() -> LogoutToken:
        async with httpx2.AsyncClient(verify=TRUST_STORE) as http:
            own = section_for(desk.op, logout=True, **section)
            return await InboundReader(own, desk.provisioner.keys, StillClock(), http).logout(text)

    return desk.runner.run(go())


def test_a_logout_token_names_a_person_and_a_session(calm: Desk) -> None:
    found = LogoutToken(issuer=calm.op.issuer, jti="jti-1", subject="alice-1", session="sid-1")
    assert read(calm, token(calm.op)) == found
    assert read(calm, token(calm.op, without=("sub",))) == replace(found, subject="")
    assert read(calm, token(calm.op, without=("sid",))) == replace(found, session="")


@pytest.mark.parametrize("typ", ["logout+jwt", "LOGOUT+JWT", "application/logout+jwt", "JWT", None])
def test_a_provider_that_does_not_type_its_tokens_is_understood(calm: Desk, typ: str | None) -> None:
    assert read(calm, token(calm.op, header={"typ": typ})).session == "sid-1"


@pytest.mark.parametrize(
    ("code", "change", "without"),
    [
        ("issuer", {"iss": "https://elsewhere.example"}, ()),
        ("issuer", {}, ("iss",)),
        ("audience", {"aud": "another-client"}, ()),
        ("audience", {"aud": ["daypass", "another-client"]}, ()),
        ("audience", {}, ("aud",)),
        ("issued", {}, ("iat",)),
        ("not-yet", {"iat": NOW + 120}, ()),
        ("old", {"iat": NOW - 700, "exp": NOW + 120}, ()),
        ("expired", {"exp": NOW - 61}, ()),
        ("expiry", {}, ("exp",)),
        ("subject", {}, ("sub", "sid")),
        ("subject", {"sub": "", "sid": ""}, ()),
        ("kind", {}, ("events",)),
        ("kind", {"events": {}}, ()),
        ("kind", {"events": [LOGOUT]}, ()),
        ("kind", {"events": {LOGOUT: "yes"}}, ()),
        ("kind", {"events": {"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {}}}, ()),
        ("nonce", {"nonce": "n"}, ()),
        ("nonce", {"nonce": None}, ()),
        ("jti", {}, ("jti",)),
        ("claim", {"jti": ""}, ()),
        ("claim", {"sid": 7}, ()),
        ("claim", {"sid": "s" * 513}, ()),
        ("claim", {"sub": ["alice-1"]}, ()),
        ("claim", {"sub": "alice\n1"}, ()),
        ("kind", {"header": {"typ": "secevent+jwt"}}, ()),
        ("kind", {"header": {"typ": "at+jwt"}}, ()),
        ("token", {"header": {**TYPED, "crit": ["exp"]}}, ()),
        ("token", {"header": {**TYPED, "jwk": {"kty": "RSA"}}}, ()),
        ("key", {"header": {**TYPED, "kid": "unheard-of"}}, ()),
        ("algorithm", {"header": {**TYPED, "alg": "none"}}, ()),
        ("token", {"pad": "x" * 16384}, ()),
    ],
)
def test_every_check_of_section_2_6_fails_for_its_own_reason(
    calm: Desk, code: str, change: dict[str, Any], without: tuple[str, ...]
) -> None:
    with pytest.raises(Unauthenticated) as refused:
        read(calm, token(calm.op, without=without, **change))
    assert refused.value.code == f"oidc.{code}"


def test_only_the_providers_own_signature_counts(calm: Desk) -> None:
    for key in (stranger(), hs256_with_public_key(calm.op.key), unsigned()):
        with pytest.raises(Unauthenticated):
            read(calm, token(calm.op, key=key))
        with pytest.raises(Unauthenticated):
            read(calm, token(calm.op, key=key, header={**TYPED, "alg": key.alg}))


def test_an_id_token_logs_nobody_out_and_a_logout_token_signs_nobody_in(calm: Desk) -> None:
    with pytest.raises(Unauthenticated) as refused:
        read(calm, calm.token(sid="sid-1", jti="jti-1"))
    assert refused.value.code == "oidc.kind"
    for header in (TYPED, {"typ": "JWT"}):
        with pytest.raises(Unauthenticated) as refused:
            calm.show(token(calm.op, header=header, auth_time=NOW))
        assert refused.value.code == "oidc.kind"


def test_without_the_switch_no_logout_is_taken(calm: Desk) -> None:
    async def go() -> None:
        async with httpx2.AsyncClient(verify=TRUST_STORE) as http:
            await InboundReader(section_for(calm.op), calm.provisioner.keys, StillClock(), http).logout("x")

    with pytest.raises(NotFound):
        calm.runner.run(go())


def test_entra_names_people_by_tenant_and_object() -> None:
    with run_op() as op, open_desk(op) as desk:
        tenants = {"tenants": ["t-1"]}
        assert read(desk, token(op, tid="t-1", oid="o-1"), **tenants).subject == "t-1/o-1"
        assert read(desk, token(op, tid="t-2", oid="o-1"), **tenants).subject == ""
        assert read(desk, token(op), **tenants).subject == ""


@settings(max_examples=60)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_whatever_is_sent_is_read_or_refused(calm: Desk, text: str) -> None:
    with pytest.raises(Unauthenticated):
        read(calm, text)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["iss", "aud", "sub", "sid", "jti", "iat", "exp", "events", "typ"]),
                       st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.integers()),
                       min_size=1))  # fmt: skip
def test_claims_of_any_type_are_read_or_refused(calm: Desk, change: dict[str, Any]) -> None:
    try:
        read(calm, token(calm.op, **change))
    except Unauthenticated as error:
        assert error.code.startswith("oidc.")
