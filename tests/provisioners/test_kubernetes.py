"""Service accounts of Kubernetes: bound tokens and no others, and the cluster's own word where it is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.parts.op import DOWN, Answer, Op, run_op
from tests.provisioners.jobs import CA_URL, minted
from tests.provisioners.test_workload import made, refusal, show

from daypass.errors import Unavailable

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCOUNT = {"name": "deploy", "uid": "6a1f-account"}
POD = {"name": "deploy-7d9", "uid": "99aa-pod"}
BOUND_TO = {"namespace": "shop", "serviceaccount": ACCOUNT, "pod": POD}
GOOD_USER = {"uid": ACCOUNT["uid"], "username": "system:serviceaccount:shop:deploy"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Op]:
    with run_op() as op:
        op.claims = {"iss": op.issuer, "aud": [CA_URL], "sub": "system:serviceaccount:shop:deploy"}
        op.claims["kubernetes.io"] = BOUND_TO
        yield op


def account(cluster: Op, **change: Any) -> Any:
    return made(cluster, type="kubernetes", **change)


def test_a_projected_token_is_its_service_account_s_uid(cluster: Op) -> None:
    proof = show(account(cluster), minted(cluster, life=3600))
    claims = proof.identity.claims
    assert proof.identity.subject == "6a1f-account"
    assert (claims["namespace"], claims["serviceaccount.name"], claims["pod.uid"]) == ("shop", "deploy", "99aa-pod")


def test_no_claim_of_the_token_passes_for_one_of_the_nested(cluster: Op) -> None:
    lies: dict[str, Any] = {"serviceaccount.uid": "another", "namespace": "kube-system"}
    token = minted(cluster, **lies)
    claims = show(account(cluster), token).identity.claims
    assert (claims["serviceaccount.uid"], claims["namespace"]) == ("6a1f-account", "shop")


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("workload.legacy", {"kubernetes.io": None}),
        ("workload.legacy", {"kubernetes.io/serviceaccount/namespace": "shop"}),
        ("workload.unbound", {"kubernetes.io": {"namespace": "shop", "serviceaccount": ACCOUNT}}),
        ("workload.unbound", {"kubernetes.io": {**BOUND_TO, "pod": "deploy-7d9"}}),
        ("workload.subject", {"kubernetes.io": {"namespace": "shop", "pod": POD}}),
        ("workload.audience", {"aud": ["https://kubernetes.default.svc"]}),
        ("workload.audience", {"aud": [CA_URL, "https://kubernetes.default.svc"]}),
        ("oidc.expiry", {"exp": None}),
    ],
    ids=str,
)
def test_a_token_that_is_good_for_others_or_for_ever_is_refused(cluster: Op, code: str, change: Any) -> None:
    assert refusal(account(cluster), minted(cluster, **change)) == code


# -- TokenReview ---------------------------------------------------------------------------------------------------


def answer(status: object, code: int = 201) -> Answer:
    return Answer(code, json.dumps({"kind": "TokenReview", "status": status}).encode())


@pytest.fixture
def reviewed(cluster: Op, tmp_path: Path) -> Iterator[Any]:
    bearer = tmp_path / "token"
    bearer.write_text("ca-s-own-token\n")
    yield account(cluster, review_url=cluster.issuer, review_token_file=str(bearer))
    cluster.answers.clear()


def test_a_token_that_the_cluster_stands_by_is_good(cluster: Op, reviewed: Any) -> None:
    cluster.answers[REVIEWS] = answer({"authenticated": True, "user": GOOD_USER, "audiences": [CA_URL]})
    assert show(reviewed, minted(cluster)).identity.subject == "6a1f-account"
    assert cluster.asked[REVIEWS][-1].headers["authorization"] == "Bearer ca-s-own-token"


@pytest.mark.parametrize(
    "status",
    [
        {"authenticated": False, "error": "pod deleted"},
        {"authenticated": "true", "user": GOOD_USER, "audiences": [CA_URL]},
        {"authenticated": True, "user": {"uid": "another"}, "audiences": [CA_URL]},
        {"authenticated": True, "user": GOOD_USER, "audiences": ["https://kubernetes.default.svc"]},
        {"authenticated": True, "user": GOOD_USER},
    ],
    ids=str,
)
def test_one_that_it_does_not_stand_by_is_refused(cluster: Op, reviewed: Any, status: object) -> None:
    cluster.answers[REVIEWS] = answer(status)
    assert refusal(reviewed, minted(cluster)) == "workload.review"


@pytest.mark.parametrize("said", [DOWN, answer({}, 403), Answer(200, b"[]"), Answer(200, b'{"status": 7}')])
def test_a_cluster_that_can_not_be_asked_is_unavailable_and_heals(cluster: Op, reviewed: Any, said: Answer) -> None:
    cluster.answers[REVIEWS] = said
    with pytest.raises(Unavailable, match="jobs") as away:
        show(reviewed, minted(cluster))
    assert away.value.hint
    cluster.answers[REVIEWS] = answer({"authenticated": True, "user": GOOD_USER, "audiences": [CA_URL]})
    assert show(reviewed, minted(cluster))
