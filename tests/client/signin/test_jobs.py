"""`daypass login` inside a job: it finds the job's token by itself, or says what the job lacks."""

from __future__ import annotations

import dataclasses
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from daypass import api
from daypass.client.settings import Settings
from daypass.client.signin import jobs, jobtoken
from daypass.client.signin.login import Login
from daypass.errors import DaypassError, Denied, Invalid, Misconfigured, Unauthenticated, Unavailable
from tests.client.mini_ca import MiniCa
from tests.parts.jose import compact, new_key
from tests.parts.op import DOWN, Answer, Op

URL = "https://ca.corp.test"
ISSUERS = {"github": "https://token.example", "circleci": "https://oidc.circleci.com"}
KEY = new_key("EdDSA")
SignIn = Callable[..., Login]


def table(kind: str, name: str = "") -> api.WorkloadLogin:
    return api.WorkloadLogin(
        name=name or kind, type=kind, issuer=ISSUERS.get(kind, f"https://{kind}.example"), audience=URL
    )


def token(kind: str, aud: object = URL, **claims: object) -> str:
    return compact({"alg": "EdDSA"}, {"iss": table(kind).issuer, "aud": aud, **claims}, KEY)


@pytest.fixture
def job(sign_in: SignIn, settings: Settings, company: MiniCa) -> Callable[..., Login]:
    """A login in a job of this kind, with this environment; no browser is ever opened."""

    def nobody(url: str) -> None:
        raise AssertionError("a browser was opened in a job")

    def make(kind: str, *environ: tuple[str, str], **options: Any) -> Login:
        company.workloads = [table(kind)]
        changed = dataclasses.replace(settings, environ={**settings.environ, **dict(environ)})
        return sign_in(settings=changed, open_browser=nobody, browser=False, **options)

    return make


def refused(login: Login) -> DaypassError:
    with pytest.raises(DaypassError) as caught:
        login.run()
    assert caught.value.hint
    return caught.value


# -- where it is there already: GitLab, any other platform ---------------------------------------------------------


def test_a_token_in_the_environment_signs_the_job_in(job: Callable[..., Login], company: MiniCa) -> None:
    held = job("gitlab", ("GITLAB_CI", "true"), (jobs.TOKEN, token("gitlab"))).run()
    assert [each.blob for each in held.agent.identities()] == [held.certificate.encode()]
    assert company.seen[0].salt is None and company.seen[0].proof


def test_a_token_in_a_file_signs_in_any_job(job: Callable[..., Login], tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(token("oidc") + "\n")
    assert job("oidc", (jobs.TOKEN_FILE, str(file))).run()


def test_a_pod_s_token_is_found_where_the_guide_mounts_it(
    job: Callable[..., Login], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(token("kubernetes", [URL]))
    monkeypatch.setattr(jobs, "PROJECTED", str(file))
    monkeypatch.setattr(jobtoken, "PROJECTED", str(file))
    company_sees_lists = job("kubernetes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.client.mini_ca.split_audience", lambda aud: (aud[0], ""))
        assert company_sees_lists.run()


def test_a_person_is_no_job_and_neither_is_a_job_that_asks_for_a_page(settings: Settings) -> None:
    info = api.CaInfo(ca_id="", name="", time=0, providers=[], user_lifetime=1, workloads=[table("github")])
    assert jobs.of(info, None, {"HOME": "/"}) is None
    assert jobs.of(info, "sso", {"GITHUB_ACTIONS": "true"}) is None


def test_a_ca_that_knows_no_jobs_signs_people_in_there_as_anywhere() -> None:
    info = api.CaInfo(ca_id="", name="", time=0, providers=[], user_lifetime=1)
    assert jobs.of(info, None, {"GITHUB_ACTIONS": "true"}) is None


@pytest.mark.parametrize(
    ("environ", "error", "says"),
    [
        ({"BUILDKITE": "true"}, Misconfigured, "no jobs of buildkite"),
        ({"GITHUB_ACTIONS": "true"}, Invalid, "several ways"),
        ({jobs.TOKEN: token("kubernetes")}, Misconfigured, "platform that made this token"),
        ({jobs.TOKEN: "nothing"}, Invalid, "is none"),
        ({jobs.TOKEN_FILE: "/nowhere/\x1b[2J"}, Invalid, "can't be read"),
    ],
)
def test_which_table_is_meant_is_clear_or_asked(
    environ: dict[str, str], error: type[DaypassError], says: str
) -> None:
    tables = [table("github", "a"), table("github", "b"), table("gitlab")]
    info = api.CaInfo(ca_id="", name="", time=0, providers=[], user_lifetime=1, workloads=tables)
    with pytest.raises(error, match=says) as caught:
        jobs.of(info, None, environ)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("job.audience", token("gitlab", "https://elsewhere.example")),
        ("job.audience", token("gitlab", [URL, "https://elsewhere.example"])),
        ("job.legacy", compact({"alg": "EdDSA"}, {"iss": table("gitlab").issuer}, KEY)),
    ],
)
def test_a_token_for_others_does_not_leave_the_machine(
    job: Callable[..., Login], company: MiniCa, code: str, found: str
) -> None:
    assert refused(job("gitlab", (jobs.TOKEN, found))).code == code
    assert not company.seen


def test_a_job_without_its_token_is_told_what_its_file_lacks(job: Callable[..., Login]) -> None:
    error = refused(job("gitlab", ("GITLAB_CI", "true")))
    assert error.code == "job.token" and "DAYPASS_ID_TOKEN: {aud: " + URL in (error.hint or "")


def test_a_token_that_is_used_up_says_how_to_get_another(job: Callable[..., Login], company: MiniCa) -> None:
    spent = api.Error(status=401, message="this credential was used before, for another key", code="token.spent")
    company.answers["/v1/ssh/sign"] = [(401, spent)]
    error = refused(job("gitlab", (jobs.TOKEN, token("gitlab"))))
    assert isinstance(error, Unauthenticated) and "id_tokens" in (error.hint or "")


# -- GitHub: the real `id`, and GitHub's endpoint as it answers ----------------------------------------------------


@pytest.fixture
def github(op: Op, monkeypatch: pytest.MonkeyPatch) -> Iterator[Op]:
    """What a job with `id-token: write` has; the endpoint answers by a token for whatever audience was asked for."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer-of-the-run")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{op.issuer}/idtoken?api-version=2.0")
    monkeypatch.setenv("NO_PROXY", "*")
    ordinary = op.ordinary

    def answering(path: str, query: dict[str, str], form: dict[str, str]) -> Answer:
        if path != "/idtoken":
            return ordinary(path, query, form)
        return Answer(body=json.dumps({"count": 1, "value": token("github", query["audience"])}).encode())

    monkeypatch.setattr(op, "ordinary", answering)
    yield op


def test_a_github_job_gets_a_token_for_this_very_key(job: Callable[..., Login], github: Op, company: MiniCa) -> None:
    held = job("github", ("GITHUB_ACTIONS", "true")).run()
    claims = jobtoken._payload(company.seen[0].ott)
    assert claims["aud"] == f"{URL}#key={held.certificate.public_key.fingerprint}"
    assert github.asked["/idtoken"][0].headers["authorization"] == "bearer bearer-of-the-run"


def test_a_github_job_without_the_permission_is_told_which(
    job: Callable[..., Login], github: Op, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    error = refused(job("github", ("GITHUB_ACTIONS", "true")))
    assert isinstance(error, Denied) and "permissions: id-token: write is missing" in (error.hint or "")


@pytest.mark.parametrize("answer", [DOWN, Answer(500, b"\x1b[2J"), Answer(200, b"{}"), Answer(200, b"[")])
def test_a_github_that_answers_amiss_is_unavailable(job: Callable[..., Login], github: Op, answer: Answer) -> None:
    github.answers["/idtoken"] = answer
    error = refused(job("github", ("GITHUB_ACTIONS", "true")))
    assert isinstance(error, Unavailable) and error.message.isprintable()
    assert "bearer-of-the-run" not in error.message


# -- Buildkite and CircleCI: their own programs -------------------------------------------------------------------


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {folder}/args\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("kind", "name", "asked"),
    [
        ("buildkite", "buildkite-agent", ["--claim", "organization_id", "--claim", "pipeline_id"]),
        ("circleci", "circleci", ["--root-issuer"]),
    ],
)
def test_a_platform_s_program_is_asked_for_this_very_key_and_the_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, name: str, asked: list[str]
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program(tmp_path, name, f"echo {token(kind, f'{URL}#key=SHA256:abc')}")
    assert jobtoken.fetch(jobs.Job(table(kind), {}, given=False), "SHA256:abc")
    args = (tmp_path / "args").read_text().splitlines()
    assert f"{URL}#key=SHA256:abc" in " ".join(args) and set(asked) <= set(args)


@pytest.mark.parametrize(
    ("script", "error", "says"),
    [
        ("echo no such job >&2; echo secret; exit 1", Unavailable, "no such job"),
        ("printf '\\033[2J' >&2; exit 1", Unavailable, "gave this job no token"),
        ("echo hello", Invalid, "is none"),
        ("printf '\\377'", Unavailable, "gave this job no token"),
    ],
)
def test_a_program_that_fails_is_told_of_and_shows_nothing_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, error: type[DaypassError], says: str
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program(tmp_path, "buildkite-agent", script)
    with pytest.raises(error, match=says) as caught:
        jobtoken.fetch(jobs.Job(table("buildkite"), {}, given=False), "SHA256:abc")
    assert caught.value.message.isprintable() and "secret" not in caught.value.message


def test_a_job_without_its_platform_s_program_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Misconfigured, match="buildkite-agent"):
        jobtoken.fetch(jobs.Job(table("buildkite"), {}, given=False), "SHA256:abc")
