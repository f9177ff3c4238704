"""A deploy job from its platform's token to a certificate for minutes, on a real CA: as a workflow's lines run it."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_administration import Firm
from tests.parts.op import Answer, Op, run_op
from tests.provisioners.jobs import FORK, MAIN

from daypass.cli.exits import Exit
from daypass.demo.idp import run_idp

JOBS = """
[[workloads]]
name = "jobs"
type = "github"
issuer = "{issuer}"

[[roles]]
name = "deploy"
provider = "jobs"
hosts = ["*"]
claims = {{ repository_id = ["74"], ref = ["refs/heads/main"] }}
accounts = ["deploy"]
"""


class Platform(Op):
    """GitHub's token endpoint as a job sees it: a token for any audience, about the job that runs."""

    def ordinary(self, path: str, query: dict[str, str], form: dict[str, str]) -> Answer:
        if path != "/idtoken":
            return super().ordinary(path, query, form)
        token = self.mint(aud=query["audience"], without=("auth_time",))
        return Answer(body=json.dumps({"count": 1, "value": token}).encode())


class Yard(Firm):
    platform: Op

    def found_ca(self) -> None:
        super(Firm, self).found_ca()
        text = re.sub(r"^\[\[roles\]\]$", '[[roles]]\nprovider = "demo"', self.config.read_text(), flags=re.MULTILINE)
        self.config.write_text(text + JOBS.format(issuer=self.platform.issuer))
        self.daypass("ca", "reload", "--root", str(self.ca_root))

    def job(self, *arguments: str, check: bool = True, **claims: Any) -> tuple[int, str, str]:
        """A command as a line of a workflow of the repository with the id 74."""
        self.platform.claims = {"iss": self.platform.issuer, **MAIN, **claims}
        env = {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.platform.issuer}/idtoken?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-this-run",
            "BROWSER": f"{sys.executable} -c 'raise SystemExit(1)' %s",
            "NO_PROXY": "*",
        }
        done = self.daypass(*arguments, check=check, env=env)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def yard() -> Iterator[Yard]:
    with (
        tempfile.TemporaryDirectory(prefix="daypass-jobs-") as home,
        run_idp() as idp,
        run_op(kind=Platform) as platform,
    ):
        built = Yard(Path(home), idp)
        built.platform = platform
        try:
            for step in (built.found_ca, built.start_ca, built.join):
                step()
            yield built
        finally:
            built.close()


def test_a_job_signs_in_by_itself_and_a_fork_s_pull_request_gets_nothing_and_takes_nothing(yard: Yard) -> None:
    held = json.loads(yard.job("login", "--json")[1])
    assert (held["key_id"], held["principals"], held["login"]) == ("jobs:74", ["role:deploy"], "jobs:74")
    assert 0 < held["seconds_left"] <= 600
    code, out, err = yard.job("login", "--force", check=False, **FORK)
    assert (code, out) == (Exit.DENIED, "") and "hint:" in err
    shown = json.loads(yard.here("person", "show", "jobs:74", "--json"))
    assert held["serial"] in [each["serial"] for each in shown["certificates"]]


def test_a_job_without_an_agent_takes_key_files(yard: Yard) -> None:
    _, _, err = yard.job("certificate", "deploy", str(yard.home / "id"), "--no-password", "--provider", "jobs")
    assert "wrote" in err and (yard.home / "id-cert.pub").exists()


def test_operators_see_jobs_and_keep_them_out_by_their_subject(yard: Yard) -> None:
    serial = json.loads(yard.job("login", "--force", "--json")[1])["serial"]
    line = next(each for each in yard.here("person", "list").splitlines() if "jobs:74" in each)
    assert "(no login)" in line
    revoked = json.loads(yard.here("revoke", "jobs:74", "--reason", "a leak", "--json"))["certificates"]
    assert serial in [each["serial"] for each in revoked]
    assert "jobs:74" in yard.here("lock", "jobs:74", "--reason", "its runner was broken into")
    code, _, err = yard.job("login", "--force", check=False)
    assert code == Exit.DENIED and "jobs:74 is locked" in err
    assert "LOCKED" not in yard.here("unlock", "jobs:74", "--reason", "rebuilt")


def test_the_table_is_tried_from_the_operator_s_chair(yard: Yard) -> None:
    assert "jobs" in yard.here("ca", "provisioner", "list")
    assert yard.platform.issuer in yard.here("ca", "provisioner", "test", "jobs")
