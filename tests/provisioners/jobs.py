"""A platform that signs for jobs: the scriptable provider with GitHub's claims, and the table that believes it."""

from __future__ import annotations

from typing import Any

import httpx2
from tests.ca.samples import config
from tests.parts.op import Op
from tests.provisioners.desk import KEY, NOW, TRUST_STORE, StillClock

from daypass.config import WorkloadSection
from daypass.provisioners.workload import WorkloadProvisioner
from daypass.wire.workload import audience_for

CA_URL = "https://ca.example.com"
BOUND = audience_for(CA_URL, KEY.fingerprint)
MAIN = {
    "sub": "repo:acme/shop:ref:refs/heads/main",
    "repository": "acme/shop",
    "repository_id": "74",
    "repository_owner_id": "7",
    "ref": "refs/heads/main",
    "event_name": "push",
}
FORK = {
    "sub": "repo:acme/shop:pull_request",
    "ref": "refs/pull/9/merge",
    "event_name": "pull_request",
    "head_ref": "main",
    "actor": "mallory",
}


def a_platform(op: Op) -> None:
    """Of its people's claims nothing is left."""
    op.claims = {"iss": op.issuer, "aud": BOUND, **MAIN}


def table(op: Op, **change: Any) -> WorkloadSection:
    return WorkloadSection(**{"name": "jobs", "type": "github", "issuer": op.issuer, **change})


def provisioner(section: WorkloadSection, clock: StillClock, http: httpx2.AsyncClient) -> WorkloadProvisioner:
    return WorkloadProvisioner(section, config(), clock, http)


def client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(verify=TRUST_STORE)


def minted(op: Op, *, at: int = NOW, life: int = 300, **change: Any) -> str:
    return op.mint(**{"iat": at, "exp": at + life, "without": ("auth_time",), **change})
