"""Operators: what they can be allowed, and what needs two of them."""

from __future__ import annotations

import pytest
from tests.config.role import found, operator, role

from daypass.api import ROUTES
from daypass.config import Severity, errors_in
from daypass.config.operators import TWO_PERSONS

MISTAKES = [
    ("name", '"Ops"', "name", "is not a name"),
    ("name", '"o:x"', "name", "is not a name"),
    ("groups", "", "", "has no condition, so nobody can have it"),
    ("groups", '[""]', "groups[0]", "is empty"),
    ("provider", '"crop"', "provider", 'did you mean "corp"?'),
    ("claims", "{ dept = [] }", "claims.dept", "so nobody can have it"),
    ("max_auth_age", '"30s"', "max_auth_age", "is over before anything"),
    ("hosts", '["*"]', "hosts", "there is no such key"),
    ("can", "", "can", "is empty: this operator may do nothing"),
    ("can", "[]", "can", "is empty: this operator may do nothing"),
    ("can", '"audit"', "can", "must be a list in brackets"),
    ("can", '["*"]', "can[0]", "is nothing that one can be allowed"),
    ("can", '["admin"]', "can[0]", "is nothing that one can be allowed"),
    ("can", '["audti"]', "can[0]", 'did you mean "audit"?'),
    ("can", '["Audit"]', "can[0]", 'did you mean "audit"?'),
    ("can", '["audit", "audit"]', "can[1]", "is listed twice"),
    ("can", '["audit:x"]', "can[0]", "is nothing that one can be allowed"),
    ("can", '["token"]', "can[0]", '"token:*" for all of them'),
    ("can", '["token:"]', "can[0]", '"token:*" for all of them'),
    ("can", '["token:Web-*"]', "can[0]", 'did you mean "web-*"?'),
    ("can", '["token:*.example.org"]', "can[0]", "is no host's name here"),
    ("can", '["approve:"]', "can[0]", "approves nothing"),
    ("can", '["approve:revoke"]', "can[0]", "approves nothing that needs a second person"),
    ("can", '["approve:configure"]', "can[0]", 'did you mean "config_'),
    ("can", '["approve:*"]', "can[0]", "approves nothing"),
    ("can", '["approve:unlok"]', "can[0]", 'did you mean "unlock"?'),
]

WARNINGS = [
    ('["rotate"]', "can[0]", "has no use yet"),
    ('["unlock"]\nemails = ["ann@example.com"]', "can", "there is nobody else who could approve it"),
]


@pytest.mark.parametrize(("key", "value", "path", "said"), MISTAKES)
def test_a_mistake_in_an_operator_is_named_by_its_key(key: str, value: str, path: str, said: str) -> None:
    mistakes = errors_in(found(role(), operator(**{key: value})))
    place = f"operators[0].{path}" if path else "operators[0]"
    assert [(each.path, said in str(each)) for each in mistakes] == [(place, True)], list(map(str, mistakes))


@pytest.mark.parametrize(("can", "path", "said"), WARNINGS)
def test_what_is_of_no_use_to_an_operator_is_a_warning(can: str, path: str, said: str) -> None:
    told = found(role(), operator(can=can))
    assert [(each.path, each.severity, said in str(each)) for each in told] == [
        (f"operators[0].{path}", Severity.WARNING, True)
    ], list(map(str, told))


ANN, BOB = ('["x"]\nemails = ["ann@example.com"]', '["x"]\nemails = ["bob@example.com"]')
ENOUGH = [
    [operator(can='["unlock", "configure", "audit", "revoke", "lock", "persons", "token:*", "token:10.0.*"]')],
    [operator(groups=ANN, can='["unlock"]'), operator(name='"p"', groups=BOB, can='["unlock"]')],
    [operator(groups=ANN, can='["configure"]'), operator(name='"p"', groups=BOB, can='["approve:config_publish"]')],
    [operator(groups=ANN, can='["configure"]'), operator(name='"p"', can='["approve:config_rollback"]')],
]


@pytest.mark.parametrize("operators", ENOUGH)
def test_two_who_could_are_enough(operators: list[str]) -> None:
    assert [str(each) for each in found(role(), *operators)] == []


def test_one_person_twice_is_one() -> None:
    same = operator(name='"p"', groups=ANN.replace("ann", "Ann"), can='["approve:unlock"]')
    told = found(role(), operator(groups=ANN, can='["unlock"]'), same)
    assert ["needs two persons" in str(each) for each in told] == [True]


def test_no_two_operators_have_one_name() -> None:
    told = found(role(), operator(), operator())
    assert [str(each) for each in told] == ['operators[1].name: "o" is taken by another one']


def test_the_acts_that_can_be_approved_are_those_that_need_it() -> None:
    assert {route.name: route.capability for route in ROUTES if route.two_persons} == TWO_PERSONS
