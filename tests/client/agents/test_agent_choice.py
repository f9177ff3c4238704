"""Which agent a day pass goes into, with every kind of agent there is (trust 8.3, tests/parts/agents.py)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.client.agents import asking, kinds, transport
from daypass.client.agents.agent import Agent
from daypass.client.agents.choice import add, choose, within_reach
from daypass.client.agents.ownagent import own_agent
from daypass.client.settings import Settings
from daypass.errors import Invalid, Misconfigured
from daypass.wire import PublicKey
from tests.client.mini_ca import MiniCa
from tests.parts import agents
from tests.parts.agents import CASES, Case, run_played
from tests.parts.needs import need
from tests.parts.openssh import Agent as Part
from tests.parts.openssh import make_key


def reached(settings: Settings, path: object, **more: str) -> Settings:
    """The same person, with that SSH_AUTH_SOCK."""
    return Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(path), **more})


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_an_agent_that_fails_the_test_is_named_and_not_used(
    case: Case, home: Path, settings: Settings, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = own_agent(settings)  # started with all the time it needs
    monkeypatch.setattr(transport, "SECONDS", 0.3 if case.manner in (agents.says_nothing, agents.dribbles) else 5.0)
    with run_played(home / case.where, case.manner) as played:
        assert choose(reached(settings, played.path), said.append) == own
    assert len(said) == 1
    assert case.says in said[0]
    assert said[0].endswith("; using OpenSSH's own ssh-agent instead")


def test_what_an_agent_made_of_the_test_is_taken_out_again(home: Path, settings: Settings, said: list[str]) -> None:
    with run_played(home / "agent.sock", agents.keeps_the_plain_key) as played:
        choose(reached(settings, played.path), said.append)
        assert played.held == []


def test_openssh_s_agent_passes_and_keeps_nothing_of_the_test(agent: Part, settings: Settings) -> None:
    assert choose(reached(settings, agent.socket), pytest.fail).path == str(agent.socket)
    assert agent.public_keys() == []


@pytest.mark.parametrize(("others", "force", "used"), [(3, False, True), (4, False, False), (4, True, True)])
def test_an_agent_is_used_while_it_holds_few_other_keys(
    others: int, force: bool, used: bool, agent: Part, settings: Settings, said: list[str], tmp_path: Path
) -> None:
    """ssh would offer them before the day pass, and sshd give up."""
    for number in range(others):
        agent.add(make_key(tmp_path / str(number)))
    found = choose(reached(settings, agent.socket), said.append, force=force)
    assert (found.path == str(agent.socket)) is used
    assert any("holds 4 other keys" in line for line in said) is not used
    assert len(agent.public_keys()) == others


def test_a_locked_agent_of_openssh_is_not_used_and_how_to_unlock_it_is_said(
    agent: Part, settings: Settings, said: list[str], tmp_path: Path
) -> None:
    agent.add(make_key(tmp_path / "id"))
    lock(agent)
    assert choose(reached(settings, agent.socket), said.append).path == str(settings.agent_socket)
    assert "if it is locked: ssh-add -X" in said[0]


def test_our_own_agent_locked_is_an_error_that_says_how_to_unlock_it(settings: Settings) -> None:
    own = choose(settings, pytest.fail)
    lock(Part(Path(own.path)))
    with pytest.raises(Misconfigured, match="locked") as caught:
        choose(settings, pytest.fail)
    assert "ssh-add -X" in (caught.value.hint or "")


def lock(agent: Part) -> None:
    """As `ssh-add -x` with the passphrase x, which it only takes from a terminal or SSH_ASKPASS."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(agent.socket))
        connection.sendall(b"\0\0\0\x06\x16\0\0\0\1x")
        assert connection.recv(5)[4:] == agents.SUCCESS


# gpg-agent and GNOME's, as they are here.


def test_gpg_agent_is_known_before_it_can_ask_for_a_passphrase(settings: Settings, said: list[str]) -> None:
    with agents.real_gpg_agent() as (path, folder, asked):
        before = sorted(folder.rglob("*"))
        assert choose(reached(settings, path), said.append).path == str(settings.agent_socket)
        assert not asked.exists()
        assert sorted(folder.rglob("*")) == before
    assert said == [
        "gpg-agent asks for a passphrase with every key, and keeps keys on disk;"
        " using OpenSSH's own ssh-agent instead"
    ]


def test_gpg_agent_is_known_through_a_link(settings: Settings, home: Path, said: list[str]) -> None:
    with agents.real_gpg_agent() as (path, _, asked):
        (home / "link").symlink_to(path)
        choose(reached(settings, home / "link"), said.append)
        assert not asked.exists()
    assert said[0].startswith("gpg-agent ")


def test_gpg_agent_would_ask_for_a_passphrase_for_the_test_itself() -> None:
    """Why it is told by its name: the day this fails, it may be tried like any other."""
    with agents.real_gpg_agent() as (path, _, asked):
        with pytest.raises(Invalid):
            Agent(str(path)).probe()
        assert asked.exists()


@pytest.mark.parametrize("program", ["gcr-ssh-agent", "gnome-keyring-daemon"])
def test_gnome_s_agents_of_today_pass_since_they_wrap_openssh_s(
    program: str, settings: Settings, said: list[str]
) -> None:
    with agents.real_gnome(program) as path:
        assert choose(reached(settings, path), said.append, confirm=True).path == str(path)
        assert Agent(str(path)).identities() == ()
        assert "GNOME" in kinds.kind(str(path)).name
    assert said == []


# No agent where one should be.


def nobody_listens(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(folder / "agent.sock"))
    return folder / "agent.sock"


def an_ordinary_file(folder: Path) -> Path:
    (folder / "agent.sock").write_text("not a socket")
    return folder / "agent.sock"


def a_link_to_nowhere(folder: Path) -> Path:
    (folder / "tmux.sock").symlink_to(folder / "ended" / "agent.1")
    return folder / "tmux.sock"


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (nobody_listens, "does not answer"),
        (an_ordinary_file, "is no socket"),
        (a_link_to_nowhere, "is gone"),
        (lambda folder: folder / "gone", "is gone"),
        (lambda folder: folder, "is no socket"),
    ],
)
def test_a_stale_ssh_auth_sock_is_said_and_our_own_used(
    made: Callable[[Path], Path], says: str, home: Path, settings: Settings, said: list[str]
) -> None:
    assert choose(reached(settings, made(home)), said.append).path == str(settings.agent_socket)
    assert len(said) == 1
    assert says in said[0]


def test_without_an_agent_ours_is_used_without_a_word(settings: Settings) -> None:
    assert choose(settings, pytest.fail).path == str(settings.agent_socket)
    assert choose(reached(settings, settings.agent_socket), pytest.fail).path == str(settings.agent_socket)


def test_an_agent_of_another_account_hears_nothing_of_us(home: Path, settings: Settings, said: list[str]) -> None:
    need("root")
    with run_played(home / "agent.sock", agents.honest) as played:
        os.chown(played.path, 12345, -1)
        assert choose(reached(settings, played.path), said.append).path == str(settings.agent_socket)
        assert played.asked == []
    assert "belongs to another account" in said[0]


_TAKES_THE_PLACE = """
import os, socket, sys
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    os.setuid(65534)
    listener.listen()
    print("listening", flush=True)
    while True:
        heard = listener.accept()[0].recv(100)
        if heard: print(heard, flush=True)
"""


def test_who_listens_counts_and_not_only_whose_file_it_is(home: Path, settings: Settings, said: list[str]) -> None:
    """Between the look at the file and the connection another may have taken its place."""
    need("root")
    command = [sys.executable, "-c", _TAKES_THE_PLACE, str(home / "agent.sock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"listening\n"
        assert choose(reached(settings, home / "agent.sock"), said.append).path == str(settings.agent_socket)
        process.terminate()
        assert process.stdout.read() == b""
    assert "belongs to another account" in said[0]


@pytest.mark.parametrize("name", ["a%d", 'a"b', "$a", "a\nb"])
def test_an_agent_whose_path_ssh_can_t_be_told_is_not_used(
    name: str, agent: Part, settings: Settings, home: Path, said: list[str]
) -> None:
    (home / name).symlink_to(agent.socket)
    assert choose(reached(settings, home / name), said.append).path == str(settings.agent_socket)
    assert "path" in said[0]


# Forwarded ones.


@pytest.mark.parametrize(
    ("path", "environ", "forwarded"),
    [
        ("/tmp/ssh-XXXXabcdef/agent.4711", {"SSH_CONNECTION": "1"}, True),
        ("/home/a/.ssh/agent/s.abc.sshd.def", {"SSH_CONNECTION": "1"}, True),
        ("/tmp/vscode-ssh-auth-1234.sock", {}, True),
        ("/run/user/1000/vscode-ssh-auth-sock-12", {}, True),
        ("/home/a/.ssh/agent/s.abc.agent.def", {"SSH_CONNECTION": "1"}, False),
        ("/tmp/ssh-XXXXabcdef/agent.4711", {}, False),
        ("/run/user/1000/keyring/ssh", {"SSH_CONNECTION": "1"}, False),
    ],
)
def test_a_forwarded_agent_is_known_by_its_name(path: str, environ: dict[str, str], forwarded: bool) -> None:
    assert kinds.is_forwarded(path, environ) is forwarded


def test_a_local_agent_with_a_forwarded_one_s_name_is_told_by_who_listens(agent: Part) -> None:
    """ssh-agent and sshd name their sockets alike; over ssh one may well start an agent of one's own."""
    folder = Path("/tmp/ssh-dptest")
    folder.mkdir(mode=0o700)
    alias = folder / "agent.1"
    try:
        alias.symlink_to(agent.socket)
        assert not kinds.is_forwarded(str(alias), {"SSH_CONNECTION": "1"})
    finally:
        alias.unlink()
        folder.rmdir()


def test_a_forwarded_agent_is_not_used_unless_forced_and_never_swept(
    agent: Part, settings: Settings, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "is_forwarded", lambda *_: True)
    forwarded = reached(settings, agent.socket)
    assert choose(forwarded, said.append).path == str(settings.agent_socket)
    assert "--force" in said[0]
    assert [each.path for each in within_reach(forwarded)] == [str(settings.agent_socket)]
    assert choose(forwarded, said.append, force=True).path == str(agent.socket)


# --confirm, and failures after the choice.


@pytest.mark.parametrize(
    ("environ", "can"),
    [({"SSH_ASKPASS": "/bin/true"}, True), ({"SSH_ASKPASS": "/nowhere"}, False), ({}, False)],
)
def test_whether_anything_can_ask_is_told_by_what_is_installed(
    environ: dict[str, str], can: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_PLACES", ())
    assert asking.can_ask(environ) is can


def test_an_agent_that_can_t_ask_is_not_used_with_confirm(home: Path, settings: Settings, said: list[str]) -> None:
    with run_played(home / "agent.sock", agents.PASSING["no confirm"]) as played:
        with_agent = reached(settings, played.path, SSH_ASKPASS="/bin/true")
        assert choose(with_agent, pytest.fail).path == str(played.path)
        assert choose(with_agent, said.append, confirm=True).path == str(settings.agent_socket)
    assert "can't ask you before each use" in said[0]


def test_our_own_agent_is_not_used_with_confirm_where_nothing_can_ask(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_PLACES", ())
    with pytest.raises(Misconfigured, match="no program to ask you") as caught:
        choose(settings, pytest.fail, confirm=True)
    assert "ssh-askpass" in (caught.value.hint or "")


def test_that_the_person_s_agent_may_be_unable_to_ask_is_said(
    agent: Part, settings: Settings, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_PLACES", ())
    assert choose(reached(settings, agent.socket), said.append, confirm=True).path == str(agent.socket)
    assert "ssh-askpass" in said[0]


def test_an_agent_that_dies_after_the_test_costs_nobody_their_sign_in(
    home: Path, settings: Settings, said: list[str]
) -> None:
    with run_played(home / "agent.sock", agents.PASSING["dies later"]) as played:
        found = choose(reached(settings, played.path), pytest.fail)
        key, certificate = throwaway()
        assert add(found, settings, said.append, key, certificate, 60, "x").path == str(settings.agent_socket)
    assert Agent(str(settings.agent_socket)).holds(certificate)
    assert "does not answer any more" in said[0]


def throwaway() -> tuple[Ed25519PrivateKey, bytes]:
    key = Ed25519PrivateKey.generate()
    return key, MiniCa().certify(PublicKey.from_cryptography(key.public_key()))
