"""Agents in use: a real sshd that gives up early, several terminals, forwarding, and an agent that asks."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.client.agents.agent import Agent
from daypass.client.agents.ownagent import own_agent
from daypass.client.logout import logout
from daypass.client.openssh import sshsetup
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership
from daypass.wire import PublicKey
from tests.client.mini_ca import MiniCa
from tests.parts import agents
from tests.parts.openssh import Agent as Part
from tests.parts.openssh import Sshd, make_key, run_agent, run_sshd

HOST = "web-9.corp.test"
SignIn = Callable[..., Login]
# Leads a name to the test's sshd and leaves the name as it was typed (ssh_config(5), ProxyUseFdpass).
_LEAD = """import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as there, socket.socket(fileno=1) as ssh:
    socket.send_fds(ssh, [b"x"], [there.fileno()])
"""


@pytest.fixture
def sshd(company: MiniCa, safe_path: Path) -> Iterator[Sshd]:
    """Trusts the company's user CA, and gives up at the second failure. Accepts the key `old`, too."""
    (safe_path / "user_ca.pub").write_text(PublicKey.from_cryptography(company.user_ca.public_key()).line() + "\n")
    (safe_path / "lead.py").write_text(_LEAD)
    make_key(safe_path / "old")
    lines = [f"TrustedUserCAKeys {safe_path}/user_ca.pub", f"AuthorizedKeysFile {safe_path}/old.pub"]
    company.principals, company.enrolled = (getpass.getuser(),), []
    with run_sshd(safe_path, [*lines, "StrictModes no", "MaxAuthTries 2"]) as running:
        yield running


@pytest.fixture
def set_up(joined: Membership, settings: Settings) -> Settings:
    sshsetup.apply(settings, sshsetup.plan(settings))
    return settings


def terminal(settings: Settings, sock: object = None) -> Settings:
    """The same person in another terminal."""
    return Settings.load("", {**settings.environ, **({"SSH_AUTH_SOCK": str(sock)} if sock else {})})


def run(settings: Settings, *command: str) -> subprocess.CompletedProcess[str]:
    """As typed in that terminal."""
    kept = {name: os.environ[name] for name in ("PATH", "COVERAGE_PROCESS_CONFIG") if name in os.environ}
    environ = {**kept, **settings.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)


def ssh(settings: Settings, sshd: Sshd, *options: str, command: str = "echo in") -> subprocess.CompletedProcess[str]:
    lead = f"{sys.executable} {sshd.directory}/lead.py {sshd.port}"
    given = [f"ProxyCommand={lead}", "ProxyUseFdpass=yes", "BatchMode=yes", "StrictHostKeyChecking=no"]
    words = [word for option in given for word in ("-o", option)]
    return run(settings, "ssh", "-T", "-F", str(settings.ssh_folder / "config"), *words, *options, HOST, command)


def status(settings: Settings) -> int:
    return run(settings, sys.executable, "-m", "daypass.cli.main", "status").returncode


def entries(*paths: object) -> list[int]:
    return [len(Agent(str(path)).identities()) for path in paths]


def test_ssh_makes_one_offer_however_full_the_agent_is(
    sshd: Sshd, set_up: Settings, sign_in: SignIn, agent: Part, tmp_path: Path, said: list[str]
) -> None:
    for number in range(50):
        agent.add(make_key(tmp_path / str(number)))
    here = terminal(set_up, agent.socket)
    assert sign_in(settings=here).run().agent.path == str(set_up.agent_socket)
    assert any("holds 50 other keys" in line for line in said)
    done = ssh(here, sshd, "-v")
    assert (done.stdout, done.returncode) == ("in\n", 0), done.stderr
    offers = [line for line in done.stderr.splitlines() if "Offering public key" in line]
    assert len(offers) == 1 and "ED25519-CERT" in offers[0]


def test_a_host_that_has_not_enrolled_still_asks_the_agent_with_the_keys_it_knows(
    sshd: Sshd, set_up: Settings, sign_in: SignIn, agent: Part, company: MiniCa, tmp_path: Path
) -> None:
    """Trust 8.1: migration locks nobody out, also where the pass had to go into another agent."""
    for path in (sshd.directory / "old", *(make_key(tmp_path / str(number)) for number in range(9))):
        agent.add(path)
    (sshd.directory / "old").unlink()  # from now on the agent alone has it
    here = terminal(set_up, agent.socket)
    company.principals = ("role:dev:alice",)  # which says nothing to a host that has not enrolled
    assert sign_in(settings=here).run().agent.path == str(set_up.agent_socket)
    assert ssh(here, sshd).stdout == "in\n"


def test_the_few_other_keys_an_agent_may_hold_do_not_use_up_what_sshd_allows(
    sshd: Sshd, set_up: Settings, sign_in: SignIn, agent: Part, tmp_path: Path
) -> None:
    sshd.config.write_text(sshd.config.read_text().replace("MaxAuthTries 2", "MaxAuthTries 4"))
    sshd.reload()
    for number in range(3):
        agent.add(make_key(tmp_path / str(number)))
    here = terminal(set_up, agent.socket)
    assert sign_in(settings=here).run().agent.path == str(agent.socket)
    assert ssh(here, sshd).stdout == "in\n"


def test_one_login_serves_every_terminal_whatever_its_agent(
    sshd: Sshd, set_up: Settings, sign_in: SignIn, agent: Part, home: Path
) -> None:
    with run_agent() as second:
        stale = home / "tmux.sock"
        stale.symlink_to(home / "ended" / "agent.1")
        terminals = [terminal(set_up, sock) for sock in (None, agent.socket, second.socket, stale, home)]
        for number in (1, 2, 0):
            sign_in(settings=terminals[number]).run()
            done = [ssh(each, sshd) for each in terminals]
            assert [each.stdout for each in done] == ["in\n"] * len(terminals), done
            assert [status(each) for each in terminals] == [0] * len(terminals)
        logout(terminals[4])
        assert {status(each) for each in terminals} == {1}
        assert entries(agent.socket, second.socket, set_up.agent_socket) == [0, 0, 0]


def test_ten_logins_from_changing_terminals_leave_one_entry(set_up: Settings, sign_in: SignIn, agent: Part) -> None:
    with run_agent() as second:
        terminals = [terminal(set_up, sock) for sock in (agent.socket, None, second.socket)]
        for number in range(10):
            sign_in(settings=terminals[number % 3]).run()
        assert entries(agent.socket, set_up.agent_socket, second.socket) == [1, 0, 0]


def test_the_terminal_s_agent_ends_and_status_says_so_everywhere(
    sshd: Sshd, set_up: Settings, sign_in: SignIn
) -> None:
    with run_agent() as first:
        sign_in(settings=terminal(set_up, first.socket)).run()
        assert status(set_up) == 0
    assert status(set_up) == 1
    sign_in().run()
    assert status(terminal(set_up, first.socket)) == 0
    assert ssh(terminal(set_up, first.socket), sshd).stdout == "in\n"


@pytest.mark.parametrize("left", [-30, 3600])
def test_what_a_forgetful_agent_still_holds_is_taken_out_at_login(
    left: int, set_up: Settings, sign_in: SignIn, company: MiniCa, home: Path
) -> None:
    """It accepts lifetimes and forgets them; ours are known by who signed them, expired or not."""
    key = PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key())
    with agents.run_played(home / "agent.sock", agents.honest) as played:
        played.held = [company.certify(key, left), b"another's"]
        held = sign_in(settings=terminal(set_up, played.path)).run()
        assert held.agent.path == str(played.path)
        assert played.held == [b"another's", held.certificate.encode()]


def test_a_login_sweeps_our_own_agent_too_though_no_note_names_it(
    set_up: Settings, sign_in: SignIn, company: MiniCa, agent: Part
) -> None:
    key = Ed25519PrivateKey.generate()
    left = company.certify(PublicKey.from_cryptography(key.public_key()))
    own_agent(set_up).add(key, left, 3600, "from an earlier day")
    sign_in(settings=terminal(set_up, agent.socket)).run()
    assert entries(agent.socket, set_up.agent_socket) == [1, 0]


def test_an_agent_that_dies_in_the_middle_of_a_login_costs_nobody_their_sign_in(
    sshd: Sshd, set_up: Settings, sign_in: SignIn, home: Path, said: list[str]
) -> None:
    with agents.run_played(home / "agent.sock", agents.dies_after_the_test) as played:
        held = sign_in(settings=terminal(set_up, played.path)).run()
    assert held.agent.path == str(set_up.agent_socket)
    assert any("does not answer any more" in line for line in said)
    assert ssh(set_up, sshd).stdout == "in\n"


_FAR = """
import os
from daypass.client.agents import choice, kinds
from daypass.client.settings import Settings
settings = Settings.load()
print(kinds.is_forwarded(os.environ["SSH_AUTH_SOCK"], os.environ))
print(choice.choose(settings, print).path == str(settings.agent_socket))
print([each.path for each in choice.within_reach(settings)] == [str(settings.agent_socket)])
from daypass.client.agents.ownagent import end_own_agent
end_own_agent(settings)
"""


def test_a_really_forwarded_agent_is_known_at_the_far_end_and_left_alone(
    sshd: Sshd, set_up: Settings, sign_in: SignIn, agent: Part, home: Path
) -> None:
    agent.add(sshd.directory / "old")
    here = terminal(set_up, agent.socket)
    sign_in(settings=here).run()
    (home / "far.py").write_text(_FAR)
    path = ":".join(sys.path)
    far = f"HOME={home}/far DAYPASS_HOME={home}/far PYTHONPATH={path} {sys.executable} {home}/far.py"
    done = ssh(here, sshd, "-A", "-F", "none", "-o", "UserKnownHostsFile=/dev/null", command=far)
    forwarded, says, own, reach = done.stdout.splitlines() or [done.stderr] * 4
    assert (forwarded, own, reach) == ("True", "True", "True")
    assert "forwarded from another machine (--force" in says
    assert entries(agent.socket) == [2]


@pytest.fixture
def asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SSH_ASKPASS is a script; it writes down what it was asked and answers as the file `answer` says."""
    script, log = home / "askpass", home / "asked"
    script.write_text(f'#!/bin/sh\necho "$1" >> {log}\nexit $(cat {home}/answer)\n')
    script.chmod(0o700)
    for name, value in (("SSH_ASKPASS", str(script)), ("SSH_ASKPASS_REQUIRE", "force"), ("DISPLAY", ":99")):
        monkeypatch.setenv(name, value)
    return log


@pytest.mark.parametrize("own", [False, True], ids=["the person's agent", "ours"])
def test_with_confirm_the_agent_asks_at_each_use_and_not_before(
    own: bool, sshd: Sshd, set_up: Settings, sign_in: SignIn, asked: Path, home: Path, said: list[str]
) -> None:
    asking = {name: os.environ[name] for name in ("SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY")}
    with run_agent() as agent:
        sock = {} if own else {"SSH_AUTH_SOCK": str(agent.socket)}
        here = Settings.load("", {**set_up.environ, **asking, **sock})
        held = sign_in(settings=here, confirm=True).run()
        assert held.agent.path == str(set_up.agent_socket if own else agent.socket)
        assert not asked.exists()
        (home / "answer").write_text("0")
        assert ssh(set_up, sshd).stdout == "in\n"
        assert asked.read_text().count("Allow use of key daypass:") == 1
        (home / "answer").write_text("1")
        assert "Permission denied" in ssh(set_up, sshd).stderr
    assert not [line for line in said if "agent" in line]
