"""Platforms whose jobs and services sign in: what their tokens say, as data.

GitHub: docs.github.com, "OpenID Connect reference". GitLab: docs.gitlab.com/ci/secrets/id_token_authentication.
Buildkite: buildkite.com/docs/agent/cli/reference/oidc. CircleCI: circleci.com/docs/openid-connect-tokens.
Kubernetes: "Configure Service Accounts for Pods" and KEP-1205 (bound tokens).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daypass.config.schema import Config, WorkloadSection

__all__ = ["PLATFORMS", "Platform", "algorithms_of", "audience_of", "issuer_of", "platform_of", "subject_of"]


@dataclass(frozen=True, slots=True)
class Platform:
    """`immutable`: claims that are never given to another project, organisation or account. `telling`: claims by
    which a job of the main branch differs from one that anybody may start (another branch, a pull request); empty
    where there is no such thing. `names`: claims that are names, which change hands."""

    issuer: str
    subject: str
    immutable: frozenset[str]
    telling: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    algorithms: tuple[str, ...] = ("RS256",)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CIRCLE = "oidc.circleci.com/"
PLATFORMS: Mapping[str, Platform] = {
    "oidc": Platform("", "sub", _words("sub"), algorithms=("RS256", "ES256", "EdDSA")),
    "github": Platform(
        "https://token.actions.githubusercontent.com",
        "repository_id",
        _words("repository_id repository_owner_id enterprise_id"),
        _words("ref environment job_workflow_ref workflow_ref event_name sub"),
        _words("repository repository_owner enterprise actor sub workflow head_ref base_ref"),
    ),
    "gitlab": Platform(
        "https://gitlab.com",
        "project_id",
        _words("project_id namespace_id job_project_id job_namespace_id"),
        _words("ref ref_path ref_protected environment environment_protected ci_config_ref_uri pipeline_source sub"),
        _words("project_path namespace_path job_project_path job_namespace_path user_login user_email sub"),
    ),
    "buildkite": Platform(
        "https://agent.buildkite.com",
        "pipeline_id",
        _words("pipeline_id organization_id cluster_id"),
        _words("build_branch build_tag build_source step_key sub"),
        _words("organization_slug pipeline_slug sub"),
    ),
    "circleci": Platform(
        "https://oidc.circleci.com",
        f"{_CIRCLE}project-id",
        frozenset((f"{_CIRCLE}project-id", f"{_CIRCLE}org-id", f"{_CIRCLE}pipeline-definition-id")),
        frozenset((f"{_CIRCLE}vcs-ref", f"{_CIRCLE}context-ids", f"{_CIRCLE}vcs-origin")),
        frozenset((f"{_CIRCLE}vcs-origin", "sub")),
    ),
    "kubernetes": Platform(
        "",
        "serviceaccount.uid",
        _words("serviceaccount.uid"),
        names=_words("namespace serviceaccount.name pod.name node.name sub"),
        algorithms=("RS256", "ES256"),
    ),
}


def platform_of(section: WorkloadSection) -> Platform:
    return PLATFORMS[section.type]


def issuer_of(section: WorkloadSection) -> str:
    return section.issuer or platform_of(section).issuer


def subject_of(section: WorkloadSection) -> str:
    """The claim that says who it is."""
    return section.subject or platform_of(section).subject


def audience_of(section: WorkloadSection, config: Config) -> str:
    return section.audience or config.ca.url


def algorithms_of(section: WorkloadSection) -> tuple[str, ...]:
    return tuple(section.algorithms) or platform_of(section).algorithms
