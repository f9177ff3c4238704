"""The agent and the CA itself: what is published arrives, what ends is renewed, and whatever breaks heals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.kit import converse, on_terminal
from tests.host.box import Box
from tests.host.real_ca import RealCa, ended, run_real_ca
from tests.host.run.agents import RunningAgent, run_agent
from tests.parts.needs import need
from tests.parts.processes import wait_until

from daypass.host import reload
from daypass.host.closing import is_closed
from daypass.wire import Certificate

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
CLOSING = """
[[hosts.fail_closed]]
hosts = ["*"]
after = "1h"
"""
CONFLICT, MISCONFIGURED = 7, 10


@pytest.fixture(scope="module")
def real_ca() -> Iterator[RealCa]:
    with run_real_ca(ROLES) as ca:
        yield ca


@pytest.fixture
def host(box: Box, real_ca: RealCa, request: pytest.FixtureRequest) -> Iterator[Box]:
    """Enrolled, with a sshd that runs."""
    name = f"{request.node.name.replace('_', '-')[5:45]}.example.com"
    with box.running():
        enrol(box, real_ca.token(name))
        yield box


@pytest.fixture
def agent(host: Box) -> Iterator[RunningAgent]:
    with run_agent(host.paths) as running:
        in_touch(running)
        yield running


def enrol(box: Box, token: str) -> None:
    (box.root / "token").write_text(token)
    ended("host", "enroll", "--root", box.root, "--sshd-config", box.config, "--token-file", box.root / "token")


def in_touch(agent: RunningAgent) -> None:
    wait_until(lambda: agent.state().synced_at > 0, f"the first word of the CA: {agent.said()}", seconds=30)


def certificate(agent: RunningAgent) -> Certificate:
    return Certificate.from_line(Path(agent.state().certificates[0].path).read_text())


def ahead(days: int) -> dict[str, str]:
    """A clock that is so many days ahead, and goes on as it does. faketime itself, before a process, would keep
    signals from it."""
    command: list[str | Path] = [need("faketime"), "-f", f"+{days}d", "env"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = dict(line.split("=", 1) for line in shown.splitlines() if line.startswith(("LD_PRELOAD=", "FAKETIME=")))
    assert len(found) == 2
    return found


def test_on_a_terminal_it_says_what_it_does(host: Box) -> None:
    process, terminal = on_terminal("host", "run", "--root", str(host.root))
    shown = converse(process, terminal, {}, until="until Ctrl-C")
    assert "on-a-terminal" in shown and "https://" in shown
    assert process.wait(20) == 0


def test_what_is_published_arrives_by_itself(agent: RunningAgent, real_ca: RealCa) -> None:
    real_ca.publish(ROLES + OPS)
    wait_until((agent.paths.principals / "root").exists, "the new role", seconds=30)
    agent.wait_for("principals/root changed")
    real_ca.publish(ROLES + OPS.replace("*", "db-*"))
    wait_until(lambda: not (agent.paths.principals / "root").exists(), "the role to go", seconds=30)


def test_it_ends_at_once_when_it_is_told_to(agent: RunningAgent) -> None:
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(30) == 0


def test_a_second_one_is_one_too_many(agent: RunningAgent) -> None:
    refused = ended("host", "run", "--root", agent.paths.root, code=CONFLICT)
    assert "another daypass host run is at work" in refused.stderr


def test_a_machine_that_is_not_enrolled_has_nothing_to_run(box: Box) -> None:
    assert "not enrolled" in ended("host", "run", "--root", box.root, code=MISCONFIGURED).stderr


def test_neither_click_nor_an_http_library_with_asyncio_is_loaded_by_it(tmp_path: Path) -> None:
    code = (
        "import sys; from daypass.cli.main import main; main(['host', 'run', '--root', sys.argv[1]]);"
        "import daypass.host.run.agent; print({'click', 'httpx2', 'asyncio', 'sqlalchemy'} & {*sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    assert ran.stdout == "set()\n", ran.stderr


def test_a_ca_that_was_killed_is_found_again(agent: RunningAgent, real_ca: RealCa) -> None:
    real_ca.stop(kill=True)
    try:
        agent.wait_for("nothing answers at")
    finally:
        real_ca.start()
    agent.wait_for("in touch with https://localhost")
    assert agent.said().count("nothing answers at") == 1


def test_an_enrolment_beside_it_is_met_with_the_next_word(agent: RunningAgent, host: Box, real_ca: RealCa) -> None:
    before = agent.state()
    enrol(host, real_ca.token(before.name, "tier=web"))
    real_ca.publish(ROLES + OPS.replace("root", "bob"))
    wait_until(lambda: agent.state().synced_at > before.synced_at, "the next word", seconds=60)
    assert agent.state().certificates[0].serial > before.certificates[0].serial


def test_a_host_that_is_to_fail_closed_does_so_by_itself_and_opens_with_the_next_word(
    host: Box, real_ca: RealCa
) -> None:
    real_ca.publish(ROLES + CLOSING)
    ended("host", "sync", "--root", host.root)
    before = host.paths.krl.read_bytes()
    real_ca.stop()
    try:
        with run_agent(host.paths, env=ahead(1)) as agent:
            agent.wait_for("certificates are refused here now")
        assert is_closed(host.paths.krl)
    finally:
        real_ca.start()
    with run_agent(host.paths):
        wait_until(lambda: host.paths.krl.read_bytes() == before, "the CA's own list")


def test_certificates_are_renewed_when_two_thirds_are_over(box: Box) -> None:
    with run_real_ca(ROLES) as ca, box.running():
        enrol(box, ca.token("later.example.com"))
        ca.stop()
        ca.start(ahead(22))
        with run_agent(box.paths, env=ahead(22)) as agent:
            before = certificate(agent)
            agent.wait_for("new certificates until")
        assert "sshd presents them" in agent.said()
        after = certificate(agent)
        assert after.public_key == before.public_key
        assert after.valid_before > before.valid_before
        assert agent.state().certificates[0].serial == after.serial
        reload.prove([after], box.sshd.effective())


def test_new_keys_are_shown_and_the_old_certificate_is_revoked(host: Box, real_ca: RealCa) -> None:
    """On the word of the old key, once sshd has shown the new ones; the agent beside it goes on with them."""
    with run_agent(host.paths) as agent:
        in_touch(agent)
        before = certificate(agent)
        made = json.loads(ended("host", "rekey", "--root", host.root, "--json").stdout)
        after = certificate(agent)
        assert (made["proven"], made["serials"]) == (True, [after.serial])
        assert after.public_key != before.public_key
        reload.prove([after], host.sshd.effective())
        assert not host.paths.given_up.exists()
        revoked = [json.loads(line) for line in real_ca.run("ledger", "show", "--json").splitlines()]
        assert [each for each in revoked if str(before.serial) in json.dumps(each) and "revoke" in json.dumps(each)]
    ended("host", "sync", "--root", host.root)
