"""Conditions on people and sign-ins, of every shape that a provider may send them in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.ca.roles import Role
from daypass.ca.subject import Subject, claim_values
from daypass.ca.who import Condition, Who
from daypass.config.schema import WhoSection
from tests.ca.staff import HOUR, MONDAY_10, grant, identity, policy, role, subject


def failed(section: dict[str, Any], **facts: Any) -> str | None:
    condition = Who.compile(WhoSection(**section), "idp").judge(subject(**facts), MONDAY_10)
    return condition.key if condition else None


@pytest.mark.parametrize(
    ("section", "facts", "key"),
    [
        ({"groups": ["eng"]}, {}, None),
        ({"groups": ["ops", "eng"]}, {}, None),
        ({"groups": ["ops"]}, {}, "groups"),
        ({"groups": ["eng"], "provider": "idp"}, {}, None),
        ({"groups": ["eng"], "provider": "other"}, {}, "provider"),
        ({"groups": ["eng"]}, {"provider": "other"}, "provider"),  # a look-alike group of somebody else's provider
        ({"groups": ["eng"]}, {"groups": frozenset({"\u0435ng"})}, "groups"),  # Cyrillic e
        ({"groups": ["eng"]}, {"groups": frozenset({"Eng", "eng ", "eng\0", "en", "eng,ops"})}, "groups"),
        ({"groups": ["caf\u00e9"]}, {"groups": frozenset({"cafe\u0301"})}, "groups"),  # nothing is normalised
        ({"emails": ["Alice@Example.com"]}, {}, None),
        ({"emails": ["alice@example.com"]}, {"email": "ALICE@EXAMPLE.COM"}, None),
        ({"emails": ["kate@example.com"]}, {"email": "\u212aate@example.com"}, "emails"),  # the Kelvin sign
        ({"emails": ["alice@example.com"]}, {"email": None}, "emails"),
        ({"domains": ["example.com"]}, {}, None),
        ({"domains": ["example.com"]}, {"email": "a@sub.example.com"}, "domains"),
        ({"domains": ["example.com"]}, {"email": "a@notexample.com"}, "domains"),
        ({"domains": ["example.com"]}, {"email": "example.com"}, "domains"),
        ({"domains": ["example.com"]}, {"email": "a@example.com@evil.com"}, "domains"),
        ({"domains": ["kite.com"]}, {"email": "a@\u212aite.com"}, "domains"),
        ({"claims": {"dep": ["db"]}}, {"claims": {"dep": "db"}}, None),
        ({"claims": {"dep": ["db"]}}, {"claims": {"dep": ["web", "db"]}}, None),
        ({"claims": {"dep": ["db", "web"]}}, {"claims": {"dep": "web"}}, None),
        ({"claims": {"dep": ["db"]}}, {"claims": {}}, "claims.dep"),
        ({"claims": {"dep": ["db"]}}, {"claims": {"dep": "dbweb"}}, "claims.dep"),
        ({"claims": {"dep": ["d"]}}, {"claims": {"dep": "db"}}, "claims.dep"),  # a string is no list of letters
        ({"claims": {"dep": ["1"]}}, {"claims": {"dep": 1}}, "claims.dep"),
        ({"claims": {"dep": ["true", "True"]}}, {"claims": {"dep": True}}, "claims.dep"),
        ({"claims": {"dep": ["None", "null", ""]}}, {"claims": {"dep": None}}, "claims.dep"),
        ({"claims": {"dep": ["db"]}}, {"claims": {"dep": {"db": True}}}, "claims.dep"),
        ({"claims": {"dep": ["db"]}}, {"claims": {"dep": ["db", 7]}}, "claims.dep"),
        ({"claims": {"dep": ["db"]}}, {"claims": {"dep": [["db"]]}}, "claims.dep"),
        ({"claims": {"dep": []}}, {"claims": {"dep": "db"}}, "claims.dep"),  # empty means no
        ({"claims": {"a": ["1"], "b": ["2"]}}, {"claims": {"a": "1"}}, "claims.b"),
        ({"groups": ["eng"], "amr": ["hwk", "mfa"]}, {"amr": ("pwd", "mfa")}, None),
        ({"groups": ["eng"], "amr": ["hwk"]}, {"amr": ("pwd",)}, "amr"),
        ({"groups": ["eng"], "amr": ["hwk"]}, {}, "amr"),
        ({"groups": ["eng"], "acr": ["gold"]}, {"acr": "gold"}, None),
        ({"groups": ["eng"], "acr": ["gold"]}, {"acr": "golden"}, "acr"),
        ({"groups": ["eng"], "acr": ["gold"]}, {}, "acr"),
        ({"groups": ["eng"], "max_auth_age": "1h"}, {"auth_time": MONDAY_10 - HOUR + 1}, None),
        ({"groups": ["eng"], "max_auth_age": "1h"}, {"auth_time": MONDAY_10 - HOUR}, "max_auth_age"),
        ({"groups": ["eng"], "max_auth_age": "1h"}, {"auth_time": None}, "max_auth_age"),
        ({}, {}, "conditions"),
        ({"provider": "idp"}, {}, "conditions"),
        ({"amr": ["mfa"]}, {"amr": ("mfa",)}, "conditions"),  # how one signs in is not who one is
    ],
)
def test_all_conditions_given_must_hold_and_the_first_that_fails_is_named(
    section: dict[str, Any], facts: dict[str, Any], key: str | None
) -> None:
    assert failed(section, **facts) == key


def test_with_several_providers_a_role_that_names_none_is_nobody_s() -> None:
    """Then nobody knows whose word it was to take (trust 1.5)."""
    (unbound,) = policy(role(), providers=("idp", "other")).roles
    assert unbound.judge(subject(), MONDAY_10).failed == Condition("provider", ("",), ("idp",))


def test_the_same_group_at_two_providers_is_two_groups() -> None:
    rules = policy(role("ours", provider="idp"), role("theirs", provider="partner"), providers=("idp", "partner"))
    assert grant(rules).roles == ("ours",)
    assert grant(rules, who=identity(provider="partner", issuer="https://partner.example.com")).roles == ("theirs",)


@pytest.mark.parametrize(
    ("section", "facts", "told"),
    [
        ({"groups": ["dba"]}, {}, 'it is for the groups "dba"; theirs: "eng"'),
        ({"groups": ["dba", "dbb"]}, {"groups": frozenset()}, 'it is for the groups "dba" or "dbb"; theirs: none'),
        ({"groups": ["x"]}, {"groups": frozenset(f"g{n:05}" for n in range(10_000))},
         'it is for the groups "x"; theirs: "g00000", "g00001", "g00002", "g00003", "g00004" and 9995 more'),
        ({"groups": ["x"]}, {"groups": frozenset({"a\x1b[2J\n"})},
         'it is for the groups "x"; theirs: "a\ufffd[2J\ufffd"'),
        ({"provider": "other", "groups": ["x"]}, {}, 'it is for a sign-in at "other"; this is one at "idp"'),
        ({"claims": {"dep": ["db"]}}, {"claims": {"dep": 7}}, 'it is for the claim "dep" of "db"; theirs: none'),
        ({"groups": ["eng"], "max_auth_age": "1h"}, {"auth_time": MONDAY_10 - 2 * HOUR},
         'the sign-in may be "1 h" old; this one was "2 h ago"'),
        ({"groups": ["eng"], "amr": ["hwk"]}, {"amr": ("pwd",)},
         'it is for a sign-in by "hwk" (amr); this one was by "pwd"'),
        ({}, {}, "it has no condition, and so is nobody's"),
    ],
)  # fmt: skip
def test_a_condition_is_told_in_a_line_that_no_terminal_acts_on(section: Any, facts: Any, told: str) -> None:
    condition = Who.compile(WhoSection(**section), "idp").judge(subject(**facts), MONDAY_10)
    assert str(condition) == told and told.isprintable()


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda each: st.lists(each) | st.dictionaries(st.text(), each), max_leaves=8))  # fmt: skip
def test_a_claim_says_strings_or_nothing(claim: object) -> None:
    values = claim_values(claim)
    assert all(isinstance(each, str) for each in values)
    assert values in ((), (claim,)) or list(values) == claim


def test_ten_thousand_groups_are_looked_up_and_not_walked_by_every_role() -> None:
    rules = policy(*(role(f"r{n}", groups=[f"g{n}"]) for n in range(100)))
    who = identity(groups=frozenset(f"g{n}" for n in range(50, 10_050)))
    assert grant(rules, who=who).roles == tuple(f"r{n}" for n in range(50, 100))


def test_a_subject_is_called_by_what_a_message_can_carry() -> None:
    assert subject().called == "alice@example.com"
    assert subject(email=None).called == "alice"
    assert Subject("idp", "i", "a\x1b\n").called.isprintable()


def test_a_role_that_refuses_remote_sign_ins_says_so() -> None:
    compiled = Role.compile(role(refuse_remote=True), 72000, "idp")
    assert compiled.judge(subject(), MONDAY_10).ok
    verdict = compiled.judge(subject(remote=True), MONDAY_10)
    assert (verdict.role, verdict.failed and verdict.failed.key) == ("eng", "refuse_remote")
