"""What is well-formed and will never be, seen from who has signed in and which hosts there are."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.ca.host_ports import HostAccounts, KnownHost
from daypass.ca.person_ports import Facts, IdentityRecord, PersonRecord
from daypass.ca.recorded import Record, findings, holders
from daypass.config import RoleSection, Severity
from daypass.config.schema import OperatorSection
from tests.ca.samples import config

ANN = Facts("idp", "ann@example.com", frozenset({"Engineers", "staff"}), ("pwd", "mfa"), "phr", {"dept": "ops"})
BOB = Facts("idp", "bob@example.com", frozenset({"staff"}), claims={"teams": ("a", "b")})
ELSEWHERE = Facts("partner", "eve@example.org", frozenset({"guests"}))


def person(number: int, *facts: Facts | None, locked: int | None = None) -> PersonRecord:
    identities = tuple(
        IdentityRecord(
            "https://idp.example.com", f"{number}-{place}", each.provider if each else "", None, each, 1, None
        )
        for place, each in enumerate(facts)
    )
    return PersonRecord(number, f"p{number}", (f"p{number}",), locked, 1, identities)


def host(name: str, *accounts: str, reported: bool = True, **labels: str) -> KnownHost:
    said = HostAccounts(("root",), accounts) if reported else None
    return KnownHost(
        name, f"{name}.example.com", (name,), labels, (), 9, accounts=said, bundle_version=1, synced_at=1
    )


PEOPLE = [person(1, ANN), person(2, BOB), person(3, ELSEWHERE), person(4, None)]
HOSTS = [host("web-1", "app", env="prod"), host("db-1", "postgres", env="stage"), host("new", reported=False)]


def role(**keys: Any) -> RoleSection:
    plain: dict[str, Any] = {"name": "r", "provider": "idp", "groups": ["staff"], "hosts": ["*"], "accounts": ["app"]}
    return RoleSection(**(plain | keys))


NEVER = [
    ({"groups": ["staff", "engineers"]}, 'roles[0].groups[1]: "engineers" was in no sign-in', 'mean "Engineers"?'),
    ({"groups": ["guests"]}, 'roles[0].groups[0]: "guests" was in no sign-in', ""),
    ({"amr": ["mfaa"]}, 'roles[0].amr[0]: "mfaa" was in no sign-in', 'mean "mfa"?'),
    ({"acr": ["phrh"]}, 'roles[0].acr[0]: "phrh" was in no sign-in', 'mean "phr"?'),
    ({"claims": {"dept": ["opps"]}}, 'roles[0].claims.dept[0]: "opps" was in no sign-in', 'mean "ops"?'),
    ({"claims": {"team": ["a"]}}, "roles[0].claims.team: no sign-in on record had this claim", 'mean "teams"?'),
    ({"hosts": ["mail-*"]}, "roles[0]: reaches none of the 3 enrolled hosts", ""),
    ({"labels": {"env": ["prd"]}}, "roles[0]: reaches none of the 3 enrolled hosts", 'mean "prod"?'),
    ({"labels": {"evn": ["prod"]}}, "roles[0]: reaches none of the 3 enrolled hosts", 'mean "env"?'),
    (
        {"accounts": ["{login}", "ap"]},
        'roles[0].accounts[1]: no host that the role reaches has an account "ap"',
        '"app"?',
    ),
    ({"hosts": ["db-*"]}, 'roles[0].accounts[0]: no host that the role reaches has an account "app"', ""),
]


@pytest.mark.parametrize(("keys", "said", "near"), NEVER)
def test_what_will_never_be_is_told(keys: dict[str, Any], said: str, near: str) -> None:
    found = findings(config(roles=[role(**keys)]), Record(PEOPLE, HOSTS))
    assert [each.severity for each in found] == [Severity.WARNING], list(map(str, found))
    assert str(found[0]).startswith(said) and near in str(found[0]), str(found[0])


GOOD: list[dict[str, Any]] = [
    {},
    {"groups": ["Engineers"], "amr": ["mfa"], "acr": ["phr"], "claims": {"dept": ["ops"], "teams": ["b"]}},
    {"groups": [], "emails": ["not-here-yet@example.com"]},
    {"accounts": ["root", "{login}"]},
    {"hosts": ["new.*"], "accounts": ["whatever"]},  # it has said nothing yet
    {"hosts": ["web-1"], "labels": {"env": ["prod", "test"]}},
]


@pytest.mark.parametrize("keys", GOOD)
def test_what_may_be_is_not_complained_of(keys: dict[str, Any]) -> None:
    assert list(map(str, findings(config(roles=[role(**keys)]), Record(PEOPLE, HOSTS)))) == []


def test_an_operator_is_held_against_the_same_record() -> None:
    lone = config(
        roles=[role()], operators=[OperatorSection(name="o", provider="idp", groups=["ops"], can=["audit"])]
    )
    assert [each.path for each in findings(lone, Record(PEOPLE, HOSTS))] == ["operators[0].groups[0]"]


def test_where_nobody_has_signed_in_and_nothing_is_enrolled_there_is_nothing_to_say() -> None:
    unknown = config(roles=[role(groups=["x"], hosts=["mail-*"], accounts=["y"])])
    assert findings(unknown, Record([person(4, None)], [])) == []


def test_the_people_of_a_role_are_counted_by_who_they_are() -> None:
    """Not by how they signed in last; and whoever is locked has nothing."""
    roles = [
        role(),
        role(name="eng", groups=["Engineers"], max_auth_age="5m", amr=["hwk"], windows=["mon 08:00-18:00 UTC"]),
        role(name="none", groups=["x"]),
    ]
    record = Record([*PEOPLE, person(5, BOB, ANN), person(6, ANN, locked=7)], HOSTS)
    assert holders(config(roles=roles), record) == {"r": 3, "eng": 2, "none": 0}


def test_one_host_is_told_of_as_one() -> None:
    found = findings(config(roles=[role(hosts=["mail-*"])]), Record([], HOSTS[:1]))
    assert [str(each) for each in found] == ["roles[0]: does not reach the one enrolled host"]
