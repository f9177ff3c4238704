"""Tokens for a wave of hosts: one act, one token for each, for every name the capability covers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.server.company import Company
from tests.server.test_access_admin import named

PATH = named("join_tokens").path


def ask(company: Company, *names: str, **more: Any) -> Any:
    return company.local.post(PATH, json={"hosts": [{"name": name} for name in names], **more})


def test_each_host_gets_a_token_of_its_own_and_the_operator_learns_the_host_ca(company: Company) -> None:
    made = ask(company, "one.example.com", "two.example.com")
    answer = made.json()
    assert made.status_code == 201
    assert len(set(answer["tokens"])) == 2
    assert answer["host_ca"] == [key.line() for key in company.heart.authority.host_keys()]


@pytest.mark.parametrize(
    ("names", "more", "said"),
    [
        ((), {}, "1 to 200"),
        (tuple(f"h{number}.example.com" for number in range(201)), {}, "1 to 200"),
        (("one.example.com", "one.example.org"), {}, "one.example.org"),
        (("one.example.com",), {"lifetime": 3601}, "an hour"),
    ],
)
def test_what_can_not_be_asked_for_is_refused(
    company: Company, names: tuple[str, ...], more: dict[str, int], said: str
) -> None:
    refused = ask(company, *names, **more)
    assert refused.status_code in (400, 403) and said in refused.json()["message"]
    assert "dpj1." not in refused.text
