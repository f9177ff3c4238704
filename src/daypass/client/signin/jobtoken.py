"""A job's token, from where its platform has it.

GitHub makes one on demand, and sigstore's `id` asks for it (an extra of ours: laptops and servers never need it).
Buildkite's and CircleCI's own programs do, with claims that `id` does not ask for. GitLab and Kubernetes have made it
before the job began.
"""

from __future__ import annotations

import json
import subprocess
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from daypass.client.signin.jobs import PROJECTED, TOKEN, TOKEN_FILE
from daypass.errors import DaypassError, Denied, Invalid, Misconfigured, Unavailable
from daypass.model import MAX_TOKEN, shown
from daypass.wire.workload import audience_for

if TYPE_CHECKING:
    from daypass.client.signin.jobs import Job

__all__ = ["fetch", "issuer_of"]

SECONDS = 60
_ROOT_ISSUER = "https://oidc.circleci.com"
_GITLAB = "id_tokens: {DAYPASS_ID_TOKEN: {aud: URL}} in the job; docs/guide/ci.md"
_PERMISSION = "permissions: id-token: write is missing in the workflow; pull requests of forks can't have it"


def fetch(job: Job, fingerprint: str) -> str:
    """The token, unverified. Raises what says how to get one."""
    table, bound = job.table, audience_for(job.table.audience, fingerprint)
    if job.given:
        token = _given(job.environ)
    elif table.type == "github":
        token = _github(bound)
    elif table.type == "buildkite":
        wanted = ["--claim", "organization_id", "--claim", "pipeline_id"]  # left out unless they are asked for
        token = _run(["buildkite-agent", "oidc", "request-token", "--audience", bound, *wanted])
    elif table.type == "circleci":
        root = ["--root-issuer"] if table.issuer == _ROOT_ISSUER else []
        token = _run(["circleci", "run", "oidc", "get", *root, "--claims", json.dumps({"aud": bound})])
    else:
        token = _projected(table.type, table.audience)
    _check_audience(token, table.audience, bound)
    return token


def issuer_of(environ: Mapping[str, str]) -> str:
    """What the token in the environment says of its issuer; unverified, and it only chooses what is tried."""
    return str(_payload(_given(environ)).get("iss", ""))


def _given(environ: Mapping[str, str]) -> str:
    path = environ.get(TOKEN_FILE)
    return _read(path) if path else environ[TOKEN].strip()


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_TOKEN + 1).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds no token"
        raise Invalid(f"the job's token in {shown(path, 200)} can't be read: {why}", code="job.file") from error


def _projected(kind: str, url: str) -> str:
    if kind == "kubernetes" and Path(PROJECTED).exists():
        return _read(PROJECTED)
    hint = f"mount one at {PROJECTED}, or say where it is: {TOKEN_FILE}" if kind == "kubernetes" else ""
    hint = hint or (_GITLAB.replace("URL", url) if kind == "gitlab" else f"put it into {TOKEN} or {TOKEN_FILE}")
    raise Misconfigured("this job has no token of its platform", code="job.token", hint=hint)


def _github(audience: str) -> str:
    try:
        from id import AmbientCredentialError, GitHubOidcPermissionCredentialError, detect_credential
    except ImportError as error:
        hint = "pip install 'daypass[ci]'"
        raise Misconfigured("what asks GitHub for tokens is not installed", code="job.library", hint=hint) from error
    try:
        token = detect_credential(audience)
    except GitHubOidcPermissionCredentialError as error:
        raise Denied("this job may ask GitHub for no token", code="job.permission", hint=_PERMISSION) from error
    except AmbientCredentialError as error:
        raise _failed("GitHub", str(error)) from error
    except Exception as error:  # of urllib3, which `id` lets through
        raise _failed("GitHub", type(error).__name__) from error
    if token is None:
        raise Misconfigured("this is no job of GitHub's", code="job.token", hint=f"put its token into {TOKEN_FILE}")
    return token


def _run(command: Sequence[str]) -> str:
    """What the platform's own program prints; of what it says else, the last line."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=True)
        return done.stdout.decode("ascii").strip()
    except FileNotFoundError as error:
        hint = f"it belongs to the platform; or put the token into {TOKEN_FILE}"
        raise Misconfigured(f"there is no {command[0]} in this job", code="job.program", hint=hint) from error
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise _failed(command[0], "".join(last)) from None  # its command line and output stay out of logs
    except (subprocess.TimeoutExpired, OSError, UnicodeDecodeError) as error:
        raise _failed(command[0], type(error).__name__) from None


def _failed(who: str, why: str) -> DaypassError:
    return Unavailable(f"{who} gave this job no token: {shown(why, 200)}", code="job.platform", hint="try again")


def _check_audience(token: str, url: str, bound: str) -> None:
    """Told here, where the job's author sees why, and before a token for others leaves the machine."""
    if len(token) > MAX_TOKEN:
        raise Invalid("the job's token is too long to be one", code="job.token")
    audience = _payload(token).get("aud")
    if audience is None:
        hint = f"mount a projected token with the audience {url}: docs/guide/ci.md"
        raise Misconfigured("this token is an old one, good for everybody and for ever", code="job.legacy", hint=hint)
    if audience not in (url, bound, [url], [bound]):
        raise Misconfigured(
            f"the job's token was made for {shown(str(audience), 200)}, and not for this CA",
            code="job.audience",
            hint=f"its audience has to be {url}",
        )


def _payload(token: str) -> dict[str, object]:
    try:
        part = token.split(".")[1]
        found = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, RecursionError) as error:
        raise Invalid("what was found as this job's token is none", code="job.token") from error
    return found if isinstance(found, dict) else {}
