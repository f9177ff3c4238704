"""What a job's token must be, beside the contract: whose, for whom, for which key, of what never changes hands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ca.samples import config
from tests.parts.op import JWKS, Answer, Op, run_op
from tests.provisioners.desk import KEY, NOW, OTHER_KEY, SALT, StillClock
from tests.provisioners.jobs import BOUND, CA_URL, FORK, MAIN, a_platform, client, minted, provisioner, table

from daypass.ca.policy import Policy
from daypass.ca.ports import View
from daypass.config import RoleSection
from daypass.errors import Denied, Misconfigured, Unauthenticated, Unavailable
from daypass.model import Credential, Kind, OnceId, Proof, Request, Secret
from daypass.provisioners.workload import MAX_AGE, WorkloadProvisioner
from daypass.wire import CertType
from daypass.wire.binding import admin_act, login_act
from daypass.wire.workload import audience_for

RUNNER = asyncio.Runner()


@pytest.fixture(scope="module")
def op() -> Iterator[Op]:
    with run_op() as op:
        a_platform(op)
        yield op


@pytest.fixture
def jobs(op: Op) -> Iterator[WorkloadProvisioner]:
    yield made(op)
    op.answers.clear()


def made(op: Op, **change: Any) -> WorkloadProvisioner:
    return provisioner(table(op, **change), StillClock(), client())


def show(who: WorkloadProvisioner, token: str, **change: Any) -> Proof:
    fields: dict[str, Any] = {"keys": (KEY,), "possessed": True, **change}
    return RUNNER.run(who.authenticate(Credential(Secret(token), **fields)))


def refusal(who: WorkloadProvisioner, token: str, **change: Any) -> str:
    with pytest.raises(Unauthenticated) as refused:
        show(who, token, **change)
    assert refused.value.hint and token not in refused.value.message
    return refused.value.code


def test_a_job_is_known_by_an_id_that_never_changes_hands_and_has_minutes(op: Op, jobs: WorkloadProvisioner) -> None:
    proof = show(jobs, minted(op, jti="j-1"))
    assert (proof.identity.kind, proof.identity.subject, proof.identity.issuer) == (Kind.WORKLOAD, "74", op.issuer)
    assert (proof.bound, proof.once, proof.until) == (True, OnceId("jobs", "jti:j-1"), NOW + 600)
    assert proof.identity.claims["ref"] == "refs/heads/main"
    assert (proof.identity.login, proof.identity.email, proof.identity.names) == (None, None, ())


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("oidc.issuer", {"iss": "https://token.actions.elsewhere.example"}),
        ("workload.audience", {"aud": "https://ca.elsewhere.example"}),
        ("workload.audience", {"aud": f"{CA_URL}/"}),
        ("workload.audience", {"aud": [CA_URL, "sts.example.com"]}),
        ("workload.audience", {"aud": []}),
        ("workload.audience", {"aud": None}),
        ("workload.key", {"aud": audience_for(CA_URL, OTHER_KEY.fingerprint)}),
        ("workload.key", {"aud": f"{BOUND}#key={OTHER_KEY.fingerprint}"}),
        ("workload.key", {"aud": CA_URL, "cnf": {"kid": OTHER_KEY.fingerprint}}),
        ("workload.key", {"cnf": {"ssh": [OTHER_KEY.fingerprint]}}),
        ("workload.key", {"cnf": {"jkt": KEY.fingerprint}}),  # of another kind of key: nobody here can tell
        ("workload.key", {"cnf": None}),
        ("oidc.expired", {"exp": NOW - 61}),
        ("oidc.expiry", {"exp": None}),
        ("oidc.old", {"iat": NOW - MAX_AGE - 1}),
        ("oidc.not-yet", {"nbf": NOW + 90}),
        ("workload.subject", {"repository_id": None}),
        ("workload.subject", {"repository_id": 74}),
        ("workload.subject", {"repository_id": "7\x1b[2J"}),
        ("workload.kind", {"events": {}}),
        ("workload.kind", {"header": {"typ": "logout+jwt"}}),
    ],
    ids=str,
)
def test_what_is_amiss_is_refused(op: Op, jobs: WorkloadProvisioner, code: str, change: dict[str, Any]) -> None:
    assert refusal(jobs, minted(op, **change)) == code


@pytest.mark.parametrize("aud", [CA_URL, [CA_URL]])
def test_a_token_without_a_key_in_it_takes_whoever_holds_the_key(op: Op, jobs: WorkloadProvisioner, aud: Any) -> None:
    token = minted(op, aud=aud)
    assert show(jobs, token).bound is False
    assert refusal(jobs, token, possessed=False) == "workload.possession"
    assert show(made(op, allow_unbound=True), token, possessed=False).bound is False


def test_cnf_binds_wherever_it_is(op: Op) -> None:
    lax = made(op, allow_unbound=True)
    assert show(lax, minted(op, aud=CA_URL, cnf={"ssh": [KEY.fingerprint]}), possessed=False).bound
    assert refusal(lax, minted(op, aud=CA_URL, cnf={"ssh": [OTHER_KEY.fingerprint]})) == "workload.key"


def test_it_is_for_one_key_and_for_certificates_alone(op: Op, jobs: WorkloadProvisioner) -> None:
    token = minted(op)
    assert show(jobs, token, act=login_act("deploy"))
    assert refusal(jobs, token, act=admin_act("/v1/admin/lock", b"{}")) == "workload.act"
    assert refusal(jobs, token, act=b"loginx") == "workload.act"
    assert refusal(jobs, token, keys=(KEY, OTHER_KEY)) == "workload.keys"
    assert refusal(jobs, token, salt=SALT) == "workload.salt"


def test_the_same_signed_words_are_one_use_whatever_the_token_looks_like(op: Op, jobs: WorkloadProvisioner) -> None:
    first, second = minted(op), minted(op, run_id="8")
    assert show(jobs, first).once != show(jobs, second).once
    assert show(jobs, first).once.id.startswith("sha256:")


def test_it_routes_by_issuer_and_audience_alone(op: Op, jobs: WorkloadProvisioner) -> None:
    assert jobs.recognises(minted(op)) and jobs.recognises(minted(op, aud=CA_URL))
    changes: list[dict[str, Any]] = [
        {"aud": "daypass"},
        {"iss": "https://id.example.com"},
        {"aud": f"{CA_URL}.evil.example"},
    ]
    for change in changes:
        assert not jobs.recognises(minted(op, **change))


# -- what a role makes of it --------------------------------------------------------------------------------------


def decided(op: Op, **claims: Any) -> tuple[str, ...]:
    deploy = RoleSection(
        name="deploy",
        provider="jobs",
        hosts=["*"],
        claims={"repository_id": ["74"], "ref": ["refs/heads/main"]},
        accounts=["deploy"],
    )
    policy = Policy(config(roles=[deploy], workloads=[table(op)]))
    proof = show(made(op), minted(op, **claims))
    view = View(None, None, None, policy.hash, NOW)
    return policy.decide(proof, Request(type=CertType.USER, keys=(KEY,)), view, NOW).principals


@pytest.mark.parametrize(
    "claims",
    [
        FORK,
        {**MAIN, "repository_id": "75"},  # the fork's own run, under whatever name
        {**MAIN, "ref": ["refs/heads/main", 7]},
        {**MAIN, "ref": "refs/heads/main\n"},
        {**MAIN, "ref": "refs/heads/Main"},
    ],
    ids=["pull request of a fork", "fork", "no list of texts", "line", "capital"],
)
def test_a_deploy_role_of_the_main_branch_is_for_no_other(op: Op, claims: dict[str, Any]) -> None:
    assert decided(op) == ("role:deploy",)
    with pytest.raises(Denied, match="deploy"):
        decided(op, **claims)


# -- where keys come from ----------------------------------------------------------------------------------------


def test_keys_from_a_file_ask_nobody_and_a_new_file_counts_at_once(op: Op, tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [op.key.jwk]}))
    before, jobs = op.hits.copy(), made(op, jwks_file=str(file))
    assert show(jobs, minted(op)) and op.hits == before
    file.write_text('{"keys": []}')
    assert refusal(jobs, minted(op)) == "oidc.key"


@pytest.mark.parametrize("content", [None, "{", '{"keys": 7}', "[]", " " * 300_000])
def test_without_a_good_file_it_is_unavailable_and_says_which(op: Op, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "jwks.json"
    if content is not None:
        file.write_text(content)
    jobs = made(op, jwks_file=str(file))
    with pytest.raises(Unavailable, match=r"jwks\.json") as away:
        show(jobs, minted(op))
    assert away.value.hint
    assert [each.ok for each in RUNNER.run(jobs.test())] == [False]
    file.write_text(json.dumps({"keys": [op.key.jwk]}))
    assert show(jobs, minted(op))


def test_keys_from_the_address_in_the_table_need_no_discovery(op: Op) -> None:
    op.answers["/.well-known/openid-configuration"] = Answer(404, b"")
    assert show(made(op, jwks_uri=f"{op.issuer}{JWKS}"), minted(op))
    op.answers.clear()


def test_roots_that_can_not_be_read_are_said_at_once(op: Op, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="roots"):
        made(op, roots_file=str(tmp_path / "none.pem"))
