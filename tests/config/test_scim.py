"""`[providers.scim]`: nobody can switch a directory on without saying who in it is whom."""

from __future__ import annotations

import pytest
from tests.config.test_starter import STARTER

from daypass.config import problems
from daypass.config.problem import errors_in

GOOD = [
    "externalId=sub",
    "externalId=claim:oid",
    "userName=email",
    "userName=claim:preferred_username",
    "emails=email",
]
BAD = [
    ("", "does not say who is whom"),
    ("externalId", "does not say who is whom"),
    ("externalId=", "does not say who is whom"),
    ("externalId=name", "does not say who is whom"),
    ("externalId=claim:", "does not say who is whom"),
    ("id=sub", "id is what this CA makes up itself"),
    ("displayName=sub", "is no attribute that tells people apart"),
]


def found(more: str) -> list[tuple[str, str]]:
    text = STARTER.text().replace("[[providers]]", f"[[providers]]\n{more}", 1)
    return [(each.path, each.message) for each in errors_in(problems(text))]


@pytest.mark.parametrize("match", GOOD)
def test_a_match_of_what_tells_people_apart_is_accepted(match: str) -> None:
    assert found(f'scim = {{ match = "{match}" }}') == []


@pytest.mark.parametrize(("match", "fault"), BAD)
def test_any_other_match_is_refused(match: str, fault: str) -> None:
    ((path, message),) = found(f'scim = {{ match = "{match}" }}')
    assert path == "providers[0].scim.match" and fault in message


def test_a_match_is_required() -> None:
    assert [path for path, _ in found("scim = {}")] == ["providers[0].scim.match"]


def test_groups_come_from_a_directory_only_where_there_is_one() -> None:
    assert [path for path, _ in found('groups_from = "scim"')] == ["providers[0].groups_from"]
    assert found('groups_from = "scim"\nscim = { match = "externalId=sub" }') == []
