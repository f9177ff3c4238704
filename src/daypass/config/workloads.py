"""`[[workloads]]`: whose jobs and services are believed; and roles for them, which go by what never changes hands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from daypass.config.platforms import PLATFORMS, Platform, audience_of, issuer_of, platform_of, subject_of
from daypass.config.problem import Problem, did_you_mean, error, quoted, warning
from daypass.config.schema import Config, RoleSection, WhoSection, WorkloadSection
from daypass.config.values import Fault, algorithm_faults, duration_fault, issuer_fault, path_fault, said, seconds
from daypass.config.ways import identifying

__all__ = ["workload_faults", "workload_of"]

_CLAIM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:-]{0,127}")
_AUDIENCE = re.compile(r"[!-~]{1,512}")
_LONG = 3600  # seconds
_NOT_OF_JOBS = ("groups", "emails", "domains", "amr", "acr", "max_auth_age")


def workload_faults(config: Config) -> Iterator[Problem]:
    for index, section in enumerate(config.workloads):
        yield from _table(section, f"workloads[{index}]", config)
    yield from _told_apart(config)
    for index, role in enumerate(config.roles):
        jobs = workload_of(role, config)
        if jobs is not None and jobs.type in PLATFORMS:
            yield from _role(role, jobs, f"roles[{index}]")
    for index, operator in enumerate(config.operators):
        if workload_of(operator, config) is not None:
            fault = "signs jobs in, and administration takes a sign-in for that very act"
            yield error(f"operators[{index}].provider", fault, "name one that signs people in")


def workload_of(who: WhoSection, config: Config) -> WorkloadSection | None:
    """The table whose jobs are meant, if any is."""
    names = [each.name for each in identifying(config)]
    name = who.provider or (names[0] if len(names) == 1 else "")
    return next((each for each in config.workloads if each.name == name), None)


def _table(section: WorkloadSection, path: str, config: Config) -> Iterator[Problem]:
    if section.type not in PLATFORMS:
        suggestion = did_you_mean(section.type, PLATFORMS) or f"one of {', '.join(PLATFORMS)}"
        yield error(f"{path}.type", f"{quoted(section.type)} is no platform that is known here", suggestion)
    platform = PLATFORMS.get(section.type, PLATFORMS["oidc"])
    if section.issuer or not platform.issuer:
        yield from said(f"{path}.issuer", issuer_fault(section.issuer))
    if section.audience and (not _AUDIENCE.fullmatch(section.audience) or "#" in section.audience):
        yield error(f"{path}.audience", f"{quoted(section.audience)} is no audience", "leave it out: the CA's url")
    yield from algorithm_faults(section.algorithms, f"{path}.algorithms")
    yield from _lifetime(section, path, config)
    yield from _subject(section, platform, path)
    yield from _keys(section, path)
    yield from _review(section, path)
    if section.allow_unbound:
        yield warning(f"{path}.allow_unbound", "is on: a stolen token can be used for another key")


def _lifetime(section: WorkloadSection, path: str, config: Config) -> Iterator[Problem]:
    yield from said(f"{path}.lifetime", duration_fault(section.lifetime))
    length = seconds(section.lifetime) or _LONG
    if length < (seconds(config.lifetimes.floor) or 0):
        yield error(f"{path}.lifetime", "is less than lifetimes.floor, the shortest certificate")
    if length > _LONG:
        yield warning(f"{path}.lifetime", "is long for a job: whoever gets at its key has it as long", '"10m"')


def _subject(section: WorkloadSection, platform: Platform, path: str) -> Iterator[Problem]:
    claim = section.subject
    if claim and not _CLAIM.fullmatch(claim):
        yield error(f"{path}.subject", f"{quoted(claim)} is not the name of a claim")
    elif claim in platform.names:
        fault = f"{quoted(claim)} is a name, and names change hands"
        yield error(f"{path}.subject", fault, f"did you mean {quoted(platform.subject)}?")


def _keys(section: WorkloadSection, path: str) -> Iterator[Problem]:
    if section.jwks_uri:
        yield from said(f"{path}.jwks_uri", issuer_fault(section.jwks_uri))
    for key in ("jwks_file", "roots_file", "review_token_file"):
        if value := getattr(section, key):
            yield from said(f"{path}.{key}", _file_fault(value))
    if section.jwks_uri and section.jwks_file:
        yield warning(f"{path}.jwks_uri", "is not asked: the keys come from jwks_file")


def _file_fault(value: str) -> Fault:
    return path_fault(Path(value)) if value.isprintable() else (f"{quoted(value)} is not a path", "start it with /")


def _review(section: WorkloadSection, path: str) -> Iterator[Problem]:
    if section.review_url:
        yield from said(f"{path}.review_url", issuer_fault(section.review_url))
        if section.type != "kubernetes":
            yield error(f"{path}.review_url", "is of a Kubernetes API server", 'type = "kubernetes"')
    if bool(section.review_url) != bool(section.review_token_file):
        lacking = "review_token_file" if section.review_url else "review_url"
        yield error(f"{path}.{lacking}", "is missing: a review takes an address and a token for it")


def _told_apart(config: Config) -> Iterator[Problem]:
    """A token says by issuer and audience whose it is; nothing else may (RFC 8725 section 3.12)."""
    seen = {(each.issuer, client) for each in config.providers for client in (each.client_id, each.web_client_id)}
    for index, section in enumerate(config.workloads):
        mine = (issuer_of(section) if section.type in PLATFORMS else "", audience_of(section, config))
        if mine[0] and mine in seen:
            fault = "with this issuer is another one's, too: nobody could tell whose token it is"
            yield error(f"workloads[{index}].audience", fault)
        seen.add(mine)


def _role(role: RoleSection, section: WorkloadSection, path: str) -> Iterator[Problem]:
    platform = platform_of(section)
    for key in _NOT_OF_JOBS:
        if getattr(role, key):
            yield error(f"{path}.{key}", "is of people: no job has any, so nobody could have this role", "claims")
    never_change = sorted({*platform.immutable, subject_of(section)})
    if not role.claims.keys() & set(never_change):
        fault = f"names nothing of {section.type} that never changes hands: names can be taken by others"
        yield error(f"{path}.claims", fault, f"add {' or '.join(never_change)}")
    elif platform.telling and not role.claims.keys() & platform.telling:
        fault = "is for every branch and pull request: whoever can push one has this role"
        yield warning(f"{path}.claims", fault, f"add one of {', '.join(sorted(platform.telling))}")
    if "{login}" in role.accounts:
        yield warning(
            f"{path}.accounts", '"{login}" is nobody\'s here: jobs have no login name', "name shared accounts"
        )
