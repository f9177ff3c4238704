"""Agents good and bad: OpenSSH's own, and one that refuses, drops, forgets or hangs (trust 8.3)."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.client import agent
from daypass.client.agent import Agent, choose, is_forwarded, own_agent
from daypass.client.settings import Settings
from daypass.errors import DaypassError, Invalid, Misconfigured, Unavailable
from daypass.wire import PublicKey
from daypass.wire import agent as wire
from daypass.wire.buffer import Reader, string, uint32
from tests.client.mini_ca import MiniCa
from tests.parts.openssh import Agent as Part
from tests.parts.openssh import make_key

SUCCESS, FAILURE = b"\x06", b"\x05"
EMPTY = b"\x0c" + uint32(0)


@contextmanager
def bad_agent(folder: Path, manner: str) -> Iterator[str]:
    """A faulty agent: `refuses` lifetimes, `drops` certificates, `keeps` what is removed, `hangs`, `babbles`."""
    path = str(folder / "bad.sock")
    held: list[bytes] = []

    def answer(message: bytes) -> bytes:
        if message[0] == 11:
            return b"\x0c" + uint32(len(held)) + b"".join(string(blob) + string("x") for blob in held)
        if message[0] == 25:
            reader = Reader(message[1:])
            reader.string()
            if manner != "drops":
                held.append(reader.string())
            return FAILURE if manner == "refuses" else SUCCESS
        return SUCCESS

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                message = connection.recv(65536)
                if manner == "hangs":
                    time.sleep(0.5)
                elif manner == "babbles":
                    connection.sendall(b"\xff\xff\xff\xffHTTP/1.1 200 OK")
                elif len(message) > 4:
                    connection.sendall(string(answer(message[4:])))

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield path
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("manner", ["refuses", "drops", "keeps", "hangs", "babbles"])
def test_a_bad_agent_is_not_used_and_our_own_is_started(
    manner: str, home: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "_SECONDS", 0.2 if manner == "hangs" else 5.0)
    said: list[str] = []
    with bad_agent(home, manner) as path:
        with_agent = Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": path})
        found = choose(with_agent, said.append)
    assert found.path == str(settings.agent_socket)
    assert any("ssh-agent" in line for line in said)


def test_a_bad_agent_fails_its_probe_with_an_error_of_ours(home: Path) -> None:
    with bad_agent(home, "refuses") as path, pytest.raises(Invalid) as caught:
        Agent(path).probe()
    assert caught.value.code == "agent-refused"


def test_openssh_s_agent_passes_and_keeps_nothing_of_the_probe(agent: Part, settings: Settings) -> None:
    with_agent = Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(agent.socket)})
    assert choose(with_agent, pytest.fail).path == str(agent.socket)
    assert agent.public_keys() == []


@pytest.mark.parametrize("name", ["a%d", 'a"b', "$a", "a\nb"])
def test_an_agent_whose_path_ssh_can_t_be_told_is_not_used(
    name: str, agent: Part, settings: Settings, home: Path
) -> None:
    (home / name).symlink_to(agent.socket)
    said: list[str] = []
    found = choose(Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(home / name)}), said.append)
    assert found.path == str(settings.agent_socket)
    assert "path" in said[0]


def test_our_own_agent_is_started_once_in_a_folder_of_the_person_s(settings: Settings) -> None:
    first = own_agent(settings)
    inode = settings.agent_socket.stat().st_ino
    assert own_agent(settings) == first
    assert settings.agent_socket.stat().st_ino == inode
    assert settings.home.stat().st_mode & 0o777 == 0o700
    assert settings.agent_socket.stat().st_mode & 0o077 == 0


def test_a_socket_that_nobody_listens_on_any_more_is_replaced(settings: Settings) -> None:
    settings.home.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(settings.agent_socket))
    assert own_agent(settings).identities() == ()


def test_a_path_too_long_for_a_socket_is_told_with_a_way_out(home: Path) -> None:
    long = Settings.load("", {"HOME": str(home), "DAYPASS_HOME": str(home / ("x" * 90))})
    with pytest.raises(Misconfigured, match="too long") as caught:
        own_agent(long)
    assert "DAYPASS_HOME" in (caught.value.hint or "")


def test_a_certificate_leaves_the_agent_when_its_lifetime_is_over(agent: Part) -> None:
    key, ca = Ed25519PrivateKey.generate(), MiniCa()
    certificate = ca.certify(PublicKey.from_cryptography(key.public_key()))
    Agent(str(agent.socket)).add(key, certificate, 1, "short")
    assert Agent(str(agent.socket)).holds(certificate)
    deadline = time.monotonic() + 5
    while Agent(str(agent.socket)).holds(certificate):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_confirm_reaches_the_agent_that_asks_before_each_use(agent: Part) -> None:
    """Without a way to ask, OpenSSH's agent says no (ssh-agent(1), SSH_ASKPASS)."""
    key, ca, found = Ed25519PrivateKey.generate(), MiniCa(), Agent(str(agent.socket))
    certificate = ca.certify(PublicKey.from_cryptography(key.public_key()))
    found.probe(confirm=True)
    for confirm, signs in ((False, True), (True, False)):
        found.add(key, certificate, 60, "asks", confirm=confirm)
        answer = found._ask(wire.sign_request(certificate, b"data"))
        assert (answer[:1] != FAILURE) is signs
        found.remove(certificate)


def test_ours_are_told_by_their_signature_and_others_stay(agent: Part, tmp_path: Path) -> None:
    """Comments prove nothing: anyone can write `daypass` into one."""
    found, ca, other = Agent(str(agent.socket)), MiniCa(), MiniCa()
    ours, theirs = ([], [])  # type: tuple[list[bytes], list[bytes]]
    for issuer, blobs in ((ca, ours), (other, theirs)):
        for _ in range(3):
            key = Ed25519PrivateKey.generate()
            blobs.append(issuer.certify(PublicKey.from_cryptography(key.public_key())))
            found.add(key, blobs[-1], 60, "daypass:somewhere")
    agent.add(make_key(tmp_path / "id"))
    trusted = [PublicKey.from_cryptography(ca.user_ca.public_key())]
    assert found.remove_certified_by(trusted, keep=ours[2]) == 2
    left = [identity.blob for identity in found.identities()]
    assert set(left) >= {*theirs, ours[2]}
    assert len(left) == 5


def test_nobody_at_the_socket_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Agent(str(tmp_path / "none")).identities()


@pytest.mark.parametrize(
    ("path", "environ", "forwarded"),
    [
        ("/tmp/ssh-XXXXabcdef/agent.4711", {"SSH_CONNECTION": "1"}, True),
        ("/home/a/.ssh/agent/s.abc.sshd.def", {"SSH_CONNECTION": "1"}, True),
        ("/home/a/.ssh/agent/s.abc.agent.def", {"SSH_CONNECTION": "1"}, False),
        ("/tmp/ssh-XXXXabcdef/agent.4711", {}, False),
        ("/run/user/1000/keyring/ssh", {"SSH_CONNECTION": "1"}, False),
    ],
)
def test_a_forwarded_agent_is_known_by_its_name(path: str, environ: dict[str, str], forwarded: bool) -> None:
    assert is_forwarded(path, environ) is forwarded


def test_a_local_agent_with_a_forwarded_one_s_name_is_told_by_who_listens(agent: Part) -> None:
    """ssh-agent and sshd name their sockets alike; over ssh one may well start an agent of one's own."""
    folder = Path("/tmp/ssh-dptest")
    folder.mkdir(mode=0o700)
    alias = folder / "agent.1"
    try:
        alias.symlink_to(agent.socket)
        assert not is_forwarded(str(alias), {"SSH_CONNECTION": "1"})
    finally:
        alias.unlink()
        folder.rmdir()


def test_a_forwarded_agent_is_not_used_unless_forced(
    agent: Part, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    import daypass.client.agent as module

    monkeypatch.setattr(module, "is_forwarded", lambda *_: True)
    with_agent = Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(agent.socket)})
    said: list[str] = []
    assert choose(with_agent, said.append).path == str(settings.agent_socket)
    assert "--force" in said[0]
    assert choose(with_agent, said.append, force=True).path == str(agent.socket)


def test_without_ssh_agent_installed_the_package_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(DaypassError, match="not installed") as caught:
        own_agent(settings)
    assert "openssh-client" in (caught.value.hint or "")
