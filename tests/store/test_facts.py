"""What is kept of a sign-in: the person's, not the token's; never more than its bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.store.build import person

from daypass.ca.subject import claim_values
from daypass.errors import Invalid
from daypass.model import Identity
from daypass.store.facts import MAX_FACTS, decode, keep

ALICE = replace(
    person("alice"),
    email="alice@example.com",
    groups=frozenset({"dev", "ops"}),
    amr=("pwd", "mfa"),
    acr="high",
    claims={
        "iss": "https://idp.example",
        "team": "blue",
        "groups": ["ops", "dev"],
        "roles": ["a"],
        "iat": 1,
        "x": None,
    },
)


def test_facts_come_back_as_they_were_given() -> None:
    facts = decode(keep(ALICE).text)
    assert (facts.provider, facts.email, facts.groups) == ("example", "alice@example.com", ALICE.groups)
    assert (facts.amr, facts.acr, facts.cut) == (("pwd", "mfa"), "high", False)
    assert dict(facts.claims) == {
        "iss": "https://idp.example",
        "team": "blue",
        "groups": ("dev", "ops"),
        "roles": ("a",),
    }


OF_ONE_TOKEN = {
    "nonce": {"nonce": "dp1.x"},
    "token id": {"jti": "1"},
    "session": {"sid": "1", "session_state": "1"},
    "hashes": {"at_hash": "1", "c_hash": "2"},
    "entra": {"uti": "1", "rh": "2", "aio": "3"},
    "times": {"iat": 2, "exp": 3, "auth_time": 4},
}


@pytest.mark.parametrize("claims", OF_ONE_TOKEN.values(), ids=OF_ONE_TOKEN.keys())
def test_what_belongs_to_one_token_changes_nothing(claims: dict[str, object]) -> None:
    other = replace(ALICE, claims={**ALICE.claims, **claims}, auth_time=17)
    assert keep(other) == keep(ALICE)


CHANGES = {
    "provider": replace(ALICE, provider="other"),
    "email": replace(ALICE, email=None),
    "groups": replace(ALICE, groups=frozenset({"dev"})),
    "amr": replace(ALICE, amr=("mfa", "pwd")),
    "acr": replace(ALICE, acr=None),
    "claim": replace(ALICE, claims={**ALICE.claims, "team": ["blue"]}),
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_a_role_may_ask_for_changes_the_hash(changed: Identity) -> None:
    assert keep(changed).hash != keep(ALICE).hash


def test_claims_go_first_and_groups_after_them() -> None:
    long = replace(ALICE, claims={"note": "x" * MAX_FACTS})
    assert decode(keep(long).text) == replace(decode(keep(ALICE).text), claims={}, cut=True)
    many = replace(ALICE, groups=frozenset(f"group-{n:05}" for n in range(10_000)), claims={})
    facts = decode(keep(many).text)
    assert facts.cut and 4000 < len(facts.groups) < 10_000 and facts.groups < many.groups
    assert (facts.email, facts.amr) == (many.email, many.amr)


def test_a_claim_that_repeats_the_groups_costs_nothing_and_is_there() -> None:
    groups = frozenset(f"group-{n:05}" for n in range(4000))
    kept = keep(replace(ALICE, groups=groups, claims={"groups": [*sorted(groups)]}))
    assert set(claim_values(decode(kept.text).claims["groups"])) == groups


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(Invalid):
        keep(replace(ALICE, claims={"team": "\ud800"}))


TEXTS = st.text(st.characters(codec="utf-8"), max_size=300)
CLAIMS = st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS) | st.integers() | st.none() | st.lists(st.integers()))


@given(groups=st.frozensets(TEXTS), amr=st.lists(TEXTS), acr=TEXTS, claims=CLAIMS, times=st.integers(1, 400))
def test_facts_of_any_identity_are_bounded_and_readable(
    groups: frozenset[str], amr: list[str], acr: str, claims: dict[str, object], times: int
) -> None:
    who = replace(ALICE, groups=groups, amr=tuple(amr) * times, acr=acr * times, claims=claims)
    kept = keep(who)
    assert len(kept.text.encode()) <= MAX_FACTS
    facts = decode(kept.text)
    assert facts.groups <= groups
    for name, value in facts.claims.items():
        assert sorted(claim_values(value)) == sorted(claim_values(claims[name]))
