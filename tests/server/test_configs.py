"""Operators publish a configuration by two sign-ins, one after the other; auditors read what was published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.ca.acting import shown
from tests.server.company import Company, run_company


@pytest.fixture
def company() -> Iterator[Company]:
    with run_company() as running:
        yield running


def asked(company: Company, who: str, group: str, name: str, **body: object) -> tuple[int, dict[str, Any]]:
    """What the route `name` answers to somebody of that group, who signs in for it."""
    path, content = f"/v1/admin/{name}", json.dumps(body).encode()
    proof = shown(company.op, path, content, sub=who, email=f"{who}@example.com", groups=[group])
    answer = company.web.post(path, content=content, headers={"authorization": proof.header()})
    return answer.status_code, answer.json()


def toml(company: Company) -> tuple[int, str]:
    status, found = asked(company, "ada", "audit", "config_show")
    assert status == 200
    return found["entry"]["version"], found["toml"]


def test_what_one_operator_publishes_counts_once_another_has_approved_it(company: Company) -> None:
    base, text = toml(company)
    edited = text.replace('name = "engineers"', 'name = "builders"')
    assert edited != text
    status, waiting = asked(company, "carl", "configure", "config_publish", toml=edited, base=base, comment="renamed")
    assert (status, toml(company)) == (202, (base, text))
    ask = {"id": waiting["id"], "digest": waiting["digest"]}
    assert asked(company, "carl", "configure", "approve", **ask)[0] == 403
    assert asked(company, "ada", "audit", "approve", **ask)[0] == 403
    status, done = asked(company, "cora", "configure", "approve", **ask)
    assert (status, done["answer"]["entry"]["version"], done["answer"]["entry"]["actor"]) == (
        200,
        base + 1,
        "idp:carl",
    )
    assert {change["key"] for change in done["answer"]["changes"]} == {"roles.engineers", "roles.builders"}
    assert toml(company) == (base + 1, edited)
    company.person()  # signs in under the new version
    assert company.web.get("/health").status_code == 200


def test_an_approval_comes_too_late_for_what_somebody_else_has_changed(company: Company) -> None:
    base, text = toml(company)
    status, waiting = asked(company, "carl", "configure", "config_publish", toml=text + "#", base=base)
    assert status == 202
    edited = text.replace('name = "engineers"', 'name = "others"')
    answer = company.local.post("/v1/admin/config_publish", json={"toml": edited, "base": base})
    assert answer.status_code == 200
    proof = {"id": waiting["id"], "digest": waiting["digest"]}
    status, told = asked(company, "cora", "configure", "approve", **proof)
    assert (status, told["code"]) == (409, "config.base")
    assert toml(company)[0] == base + 1


def test_at_the_socket_one_is_enough_and_mistakes_are_told_by_their_keys(company: Company) -> None:
    base, text = toml(company)
    wrong = text.replace("accounts = [", "acounts = [")
    answer = company.local.post("/v1/admin/config_publish", json={"toml": wrong, "base": base})
    assert (answer.status_code, answer.json()["code"]) == (400, "config.invalid")
    assert "roles[0].acounts" in answer.json()["message"]
    for body in ({"toml": text, "base": base, "comment": "a\nb"}, {"toml": text, "base": base, "comment": "x" * 300}):
        assert company.local.post("/v1/admin/config_publish", json=body).json()["code"] == "config.comment"
    for limit in (0, -1, 100_000):
        assert company.local.post("/v1/admin/config_log", json={"limit": limit}).status_code == 400
    edited = text.replace('name = "engineers"', 'name = "others"')
    assert company.local.post("/v1/admin/config_publish", json={"toml": edited, "base": base}).status_code == 200
    answer = company.local.post("/v1/admin/config_rollback", json={"version": base})
    assert answer.json()["entry"]["comment"] == f"rollback to {base}"
    found = company.local.post("/v1/admin/config_diff", json={}).json()
    assert (found["old"], found["new"]) == (base + 1, base + 2)
    assert [each["active"] for each in company.local.post("/v1/admin/config_log", json={}).json()["versions"]] == [
        True, False, False,
    ]  # fmt: skip
