"""Is this a job of some platform, and does the CA sign such jobs in? Told by the environment, at no cost.

What fetches the job's token is in `jobtoken`, which is loaded in a job alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daypass.api import CaInfo, OidcLogin, WorkloadLogin
from daypass.errors import Invalid, Misconfigured, Unauthenticated
from daypass.wire import Certificate

if TYPE_CHECKING:
    from daypass.client.signin.attempt import Attempt

__all__ = ["PROJECTED", "TOKEN", "TOKEN_FILE", "Job", "of", "platform"]

TOKEN, TOKEN_FILE = "DAYPASS_ID_TOKEN", "DAYPASS_ID_TOKEN_FILE"
PROJECTED = "/var/run/secrets/daypass/token"  # where a pod's token lies: docs/guide/ci.md
ON_DEMAND = ("github", "buildkite", "circleci")
_MARKS = {"GITHUB_ACTIONS": "github", "GITLAB_CI": "gitlab", "BUILDKITE": "buildkite", "CIRCLECI": "circleci"}
_USED_UP = {
    "gitlab": "each token is good once: id_tokens can give the job a second one, and a table more time",
    "kubernetes": "each token is good once: the next one is there when most of its expirationSeconds is over",
}


@dataclass(frozen=True, slots=True)
class Job:
    """One of the CA's tables that is for this job. `given`: its token is in the environment, or in a file."""

    table: WorkloadLogin
    environ: Mapping[str, str]
    given: bool

    @property
    def login(self) -> OidcLogin:
        """As far as a sign-in needs it."""
        return OidcLogin(name=self.table.name, issuer=self.table.issuer, client_id=self.table.audience)

    def sign_in(self, attempt: Attempt) -> Certificate:
        """The job's token, for this key where the platform makes it now; then the certificate for it."""
        from daypass.client.signin.jobtoken import fetch
        from daypass.client.signin.oidc import Tokens

        token = fetch(self, attempt.subject.key.fingerprint)
        try:
            return attempt.certify(Tokens(id_token=token), salted=False)
        except Unauthenticated as error:
            hint = _USED_UP.get(self.table.type)
            if error.code != "token.spent" or hint is None:
                raise
            raise Unauthenticated("this job's token is used up", code=error.code, hint=hint) from error


def platform(environ: Mapping[str, str]) -> str:
    """As the CA's tables call it; "" for what is no job, or one that nobody can tell."""
    return next((name for mark, name in _MARKS.items() if environ.get(mark)), "") or (
        "kubernetes" if os.path.exists(PROJECTED) else ""  # noqa: PTH110 - pathlib costs more than the question
    )


def of(info: CaInfo, named: str | None, environ: Mapping[str, str]) -> Job | None:
    """The job that this is, to this CA; None for a person. `named`: what --provider says.

    Raises Invalid where several tables fit, Misconfigured where none does.
    """
    given = bool(environ.get(TOKEN) or environ.get(TOKEN_FILE))
    kind = platform(environ)
    if named is not None:
        found = [each for each in info.workloads if each.name == named]
    elif (not given and not kind) or not info.workloads:
        return None
    else:
        found = _fitting(info, environ, kind, given)
        if not found:
            raise _no_table(info, kind)
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise Invalid(f"there are several ways for this job: {names}", hint="pick one with --provider NAME")
    return Job(found[0], environ, given) if found else None


def _fitting(info: CaInfo, environ: Mapping[str, str], kind: str, given: bool) -> list[WorkloadLogin]:
    """By what the token says of its issuer, where it is there already; else by the platform."""
    if given:
        from daypass.client.signin.jobtoken import issuer_of

        issuer = issuer_of(environ)
        return [each for each in info.workloads if each.issuer == issuer]
    return [each for each in info.workloads if each.type == kind]


def _no_table(info: CaInfo, kind: str) -> Misconfigured:
    there = ", ".join(f"{each.name} ({each.type})" for each in info.workloads)
    return Misconfigured(
        f"this CA signs in no jobs of {kind or 'the platform that made this token'}",
        code="job.table",
        hint=f"there is: {there}; for another one its operator adds [[workloads]]",
    )
