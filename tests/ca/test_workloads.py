"""What a job or a service may have: its roles' shared accounts, for minutes, and no name of its own."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.ca.policy import Policy
from daypass.ca.ports import View
from daypass.config import RoleSection, WorkloadSection
from daypass.errors import Denied
from daypass.model import Grant, Identity, Kind, OnceId, Proof, Request
from daypass.wire import CertType
from tests.ca.samples import config

NOW = 1_800_000_000
GITHUB = WorkloadSection(name="github", type="github")
SUBJECT = "repo:acme/shop:ref:refs/heads/main"


def role(name: str = "deploy", **changes: Any) -> RoleSection:
    facts: dict[str, Any] = {"hosts": ["*"], "claims": {"repository_id": ["74"]}, "accounts": ["deploy"]}
    return RoleSection(name=name, provider="github", **(facts | changes))


def decide(*roles: RoleSection, subject: str = SUBJECT, until: int | None = NOW + 600, **asked: Any) -> Grant:
    policy = Policy(config(roles=list(roles), workloads=[GITHUB]))
    claims = {"repository_id": "74", "ref": "refs/heads/main"}
    who = Identity(Kind.WORKLOAD, "github", "https://token.actions.example.com", subject, claims=claims)
    proof = Proof(who, OnceId("github", "j"), NOW, NOW + 300, bound=False, until=until)
    view = View(None, None, None, policy.hash, NOW)
    return policy.decide(proof, Request(type=CertType.USER, keys=(), **asked), view, NOW)


def test_a_workload_has_its_roles_shared_accounts_for_minutes_and_no_name() -> None:
    grant = decide(role(accounts=["deploy", "{login}"], bare_hosts=True))
    assert grant.principals == ("role:deploy", "deploy")
    assert (grant.claims, grant.key_id) == ((), f"github:{SUBJECT}")
    assert grant.valid_before == NOW + 600


def test_nothing_that_is_asked_for_outlives_what_was_shown() -> None:
    assert decide(role(), lifetime=8 * 3600).valid_before == NOW + 600
    assert decide(role(lifetime="5m")).valid_before == NOW + 300


def test_a_workload_whose_roles_open_its_own_account_only_gets_nothing() -> None:
    with pytest.raises(Denied) as caught:
        decide(role(accounts=["{login}"]))
    assert caught.value.code == "policy.workload"


def test_another_repository_gets_nothing() -> None:
    with pytest.raises(Denied) as caught:
        decide(role(claims={"repository_id": ["75"]}))
    assert caught.value.code == "policy.no-role"


def test_a_subject_that_no_log_could_carry_is_named_by_its_hash() -> None:
    assert (
        decide(role(), subject="a b").key_id.startswith("github:") and " " not in decide(role(), subject="a b").key_id
    )
