"""`[[pam]]`: a service that is one, and nothing that leads out of its folder."""

from __future__ import annotations

import pytest
from tests.config.sample import GOOD

from daypass.config import problems
from daypass.config.problem import Problem, Severity

GOOD_WORDS = [
    'service = "daypass"',
    'folder = "/etc/daypass/pam.d"',
    'email_domain = "example.com"',
    'timeout = "10s"',
]
BAD_WORDS = [
    ('service = ""', "service", "is not a PAM service"),
    ('service = "../shadow"', "service", "is not a PAM service"),
    ('service = "Daypass"', "service", "is not a PAM service"),
    ('folder = "pam.d"', "folder", "is not an absolute path"),
    ('email_domain = "@example.com"', "email_domain", "is not a domain"),
    ('timeout = "9s"', "timeout", "is not how long"),
    ('timeout = "11m"', "timeout", "is not how long"),
    ('timeout = "soon"', "timeout", "is not a duration"),
    ('name = "join"', "name", "something of its own"),
]


def found(words: str, name: str = "unix") -> list[Problem]:
    text = words if words.startswith("name") else f'name = "{name}"\n{words}'
    roles = GOOD.replace("groups = [", 'provider = "corp"\ngroups = [')
    return problems(f"{roles}\n[[pam]]\n{text}\n")


@pytest.mark.parametrize("words", GOOD_WORDS)
def test_a_good_table_is_accepted(words: str) -> None:
    assert found(words) == []


@pytest.mark.parametrize(("words", "key", "fault"), BAD_WORDS)
def test_anything_else_is_told_where_it_stands(words: str, key: str, fault: str) -> None:
    (only,) = found(words)
    assert (only.path, only.severity) == (f"pam[0].{key}", Severity.ERROR)
    assert fault in only.message


@pytest.mark.parametrize("service", ["other", "sshd", "sudo"])
def test_the_stack_of_something_else_is_warned_of(service: str) -> None:
    assert [each.severity for each in found(f'service = "{service}"')] == [Severity.WARNING]


def test_a_name_is_taken_by_a_provider() -> None:
    (only,) = found("", name="corp")
    assert "taken" in only.message
