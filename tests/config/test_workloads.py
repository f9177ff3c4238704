"""Tables of platforms, and roles for their jobs: by ids that never change hands, never by names alone (trust 1.5)."""

from __future__ import annotations

import pytest
from tests.config.sample import GOOD

from daypass.config import Severity, errors_in, problems
from daypass.config.problem import Problem

TABLE = """
[[workloads]]
name = "jobs"
type = "github"
"""
ROLE = """
[[roles]]
name = "deploy"
provider = "jobs"
hosts = ["*"]
accounts = ["deploy"]
"""
PEOPLE = GOOD.replace('name = "staff"', 'name = "staff"\nprovider = "corp"').replace(
    'name = "dba"', 'name = "dba"\nprovider = "corp"'
)


def found(table: str = TABLE, role: str = "") -> list[Problem]:
    return problems(PEOPLE + table + (ROLE + role if role else ""))


def told(table: str = TABLE, role: str = "") -> list[tuple[str, bool]]:
    return [(each.path, each.severity is Severity.ERROR) for each in found(table, role)]


@pytest.mark.parametrize(
    "table",
    [
        TABLE,
        TABLE + 'issuer = "https://git.example.com"',
        TABLE.replace("github", "circleci"),
        TABLE.replace("github", "kubernetes") + 'issuer = "https://10.0.0.1"\njwks_file = "/etc/daypass/k.json"',
        TABLE.replace("github", "oidc") + 'issuer = "https://id.example.com"',  # people's, for another audience
        TABLE.replace("github", "kubernetes")
        + 'issuer = "https://c.example.com"\nreview_url = "https://c.example.com"\nreview_token_file = "/t"',
    ],
)
def test_a_table_that_can_be_meant_is_good(table: str) -> None:
    assert found(table) == []


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('issuer = "http://git.example.com"', "issuer"),
        ('lifetime = "1m"', "lifetime"),  # below the floor
        ('subject = "repository"', "subject"),
        ('algorithms = ["HS256"]', "algorithms[0]"),
        ('audience = "https://ca.example.com#key=x"', "audience"),
        ('jwks_uri = "file:///etc/passwd"', "jwks_uri"),
        ('jwks_uri = "gopher://10.0.0.1"', "jwks_uri"),
        ('jwks_file = "keys.json"', "jwks_file"),
        ('review_token_file = "/t"', "review_url"),
        ('review_url = "https://c.example.com"\nreview_token_file = "/t"', "review_url"),  # of no cluster
    ],
)
def test_what_nobody_could_mean_is_an_error_at_its_key(line: str, key: str) -> None:
    assert (f"workloads[0].{key}", True) in told(TABLE + line)


@pytest.mark.parametrize("kind", ["oidc", "kubernetes"])
def test_a_platform_that_everybody_runs_needs_its_issuer(kind: str) -> None:
    assert ("workloads[0].issuer", True) in told(TABLE.replace("github", kind))


@pytest.mark.parametrize(
    "second",
    [
        TABLE.replace("jobs", "more"),
        TABLE.replace("jobs", "more").replace("github", "oidc")
        + 'issuer = "https://id.example.com"\naudience = "daypass"',  # what people's ID tokens are made for
    ],
)
def test_no_token_could_be_that_of_two_tables(second: str) -> None:
    assert told(TABLE + second) == [("workloads[1].audience", True)]


@pytest.mark.parametrize(
    ("kind", "claims"),
    [
        ("github", 'repository_id = ["74"], ref = ["refs/heads/main"]'),
        ("github", 'repository_owner_id = ["7"], environment = ["prod"]'),
        ("gitlab", 'project_id = ["22"], ref_protected = ["true"]'),
        ("buildkite", 'pipeline_id = ["0184"], build_branch = ["main"]'),
        ("circleci", '"oidc.circleci.com/project-id" = ["p"], "oidc.circleci.com/vcs-ref" = ["refs/heads/main"]'),
    ],
)
def test_a_role_by_ids_and_branch_is_good(kind: str, claims: str) -> None:
    assert found(TABLE.replace("github", kind), f"claims = {{ {claims} }}") == []


@pytest.mark.parametrize(
    ("kind", "claims"),
    [
        ("github", 'repository = ["acme/shop"]'),
        ("github", 'repository = ["acme/shop"], ref = ["refs/heads/main"]'),
        ("github", 'ref = ["refs/heads/main"]'),
        ("github", 'sub = ["repo:acme/shop:environment:prod"]'),
        ("gitlab", 'project_path = ["acme/shop"], ref = ["main"]'),
        ("gitlab", 'user_email = ["ann@example.com"]'),
        ("buildkite", 'pipeline_slug = ["shop"], build_branch = ["main"]'),
        ("circleci", 'sub = ["org/o/project/p/user/u"]'),
    ],
)
def test_a_role_by_names_alone_is_refused(kind: str, claims: str) -> None:
    assert told(TABLE.replace("github", kind), f"claims = {{ {claims} }}") == [("roles[2].claims", True)]


def test_a_kubernetes_role_goes_by_the_uid_of_the_service_account() -> None:
    table = TABLE.replace("github", "kubernetes") + 'issuer = "https://c.example.com"'
    assert found(table, 'claims = { "serviceaccount.uid" = ["1f2e"] }') == []
    by_name = 'claims = { namespace = ["shop"], "serviceaccount.name" = ["deploy"] }'
    assert told(table, by_name) == [("roles[2].claims", True)]


def test_the_subject_of_any_other_issuer_says_who_it_is() -> None:
    table = TABLE.replace("github", "oidc") + 'issuer = "https://machines.example.com"'
    assert found(table, 'claims = { sub = ["robot-7"] }') == []


def test_a_role_for_every_branch_is_warned_of() -> None:
    assert told(role='claims = { repository_id = ["74"] }') == [("roles[2].claims", False)]


@pytest.mark.parametrize(
    "line", ['groups = ["ops"]', 'emails = ["a@b.example"]', 'amr = ["mfa"]', 'max_auth_age = "1h"']
)
def test_what_only_people_have_is_an_error_in_a_role_for_jobs(line: str) -> None:
    role = f'claims = {{ repository_id = ["74"], ref = ["x"] }}\n{line}'
    assert (f"roles[2].{line.split()[0]}", True) in told(role=role)


def test_jobs_administer_nothing() -> None:
    operator = (
        '[[operators]]\nname = "bots"\nprovider = "jobs"\nclaims = { repository_id = ["74"] }\ncan = ["lock"]\n'
    )
    assert [each.path for each in errors_in(problems(PEOPLE + TABLE + operator))] == ["operators[0].provider"]
