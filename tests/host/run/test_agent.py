"""The agent and the CA itself: what is published arrives, what ends is renewed, and whatever breaks heals."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from tests.host.box import Box
from tests.host.real_ca import RealCa, ended, run_real_ca
from tests.host.run.agents import RunningAgent, run_agent
from tests.parts.processes import wait_until

ROLES = """
[[roles]]
name = "dev"
hosts = ["*"]
groups = ["dev"]
accounts = ["{login}", "deploy"]
"""
OPS = """
[[roles]]
name = "ops"
hosts = ["*"]
groups = ["ops"]
accounts = ["root"]
"""


@pytest.fixture(scope="module")
def real_ca() -> Iterator[RealCa]:
    with run_real_ca(ROLES) as ca:
        yield ca


def enrolled(box: Box, ca: RealCa, name: str) -> None:
    (box.root / "token").write_text(ca.token(name))
    ended("host", "enroll", "--root", box.root, "--sshd-config", box.config, "--token-file", box.root / "token")


@pytest.fixture
def agent(box: Box, real_ca: RealCa, request: pytest.FixtureRequest) -> Iterator[RunningAgent]:
    with box.running():
        enrolled(box, real_ca, f"{request.node.name.replace('_', '-')[:40]}.example.com")
        with run_agent(box.paths) as running:
            yield running


def test_what_is_published_arrives_by_itself(agent: RunningAgent, real_ca: RealCa) -> None:
    wait_until(lambda: agent.state().synced_at > 0, "the first word of the CA")
    real_ca.publish(ROLES + OPS)
    try:
        wait_until((agent.paths.principals / "root").exists, "the new role")
        assert "principals/root changed" in agent.said()
    finally:
        real_ca.publish(ROLES + OPS.replace("*", "db-*"))
    wait_until(lambda: not (agent.paths.principals / "root").exists(), "the role to go")


def test_it_ends_at_once_when_it_is_told_to(agent: RunningAgent) -> None:
    wait_until(lambda: agent.state().synced_at > 0, "the first word of the CA")
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(5) == 0
