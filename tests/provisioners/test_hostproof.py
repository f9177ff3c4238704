"""Whoever answers at a name holds the keys, or there is no proof: by the real ssh, against a real sshd and liars."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.parts.agents import Played, run_played
from tests.parts.needs import need
from tests.parts.openssh import Sshd, make_key, run_sshd

from daypass.errors import DaypassError, Denied, Misconfigured, Throttled, Unauthenticated, Unavailable
from daypass.provisioners import hostproof
from daypass.provisioners.addresses import reachable
from daypass.provisioners.hostproof import prove
from daypass.wire import PublicKey
from daypass.wire.buffer import string, uint32

LOOPBACK = ("127.0.0.1/32",)
PACKET = b"SSH-2.0-liar\r\n"


def public(path: Path) -> PublicKey:
    return PublicKey.from_line(path.with_suffix(".pub").read_text())


def at(port: int, *keys: PublicKey, where: str = "127.0.0.1") -> str:
    """The code of the refusal, or "proven"."""
    try:
        asyncio.run(prove(where, keys, LOOPBACK, port=port))
    except DaypassError as error:
        return error.code
    return "proven"


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """With three keys, and one that it shows and does not hold: its agent signs with another."""
    folder = tmp_path_factory.mktemp("sshd")
    rsa, stolen = make_key(folder / "rsa", "rsa", "-b", "2048"), make_key(folder / "stolen", "ecdsa")
    stolen.unlink()
    with run_played(folder / "agent", signs_with_another) as agent:
        lines = [f"HostKey {rsa}", f"HostKey {stolen}.pub", f"HostKeyAgent {agent.path}", "Banner /etc/os-release"]
        agent.held.append(public(stolen).blob)
        with run_sshd(folder, lines) as running:
            yield running


def signs_with_another(played: Played, message: bytes, _: object) -> bytes:
    if message[0] == 11:
        return played.listing()
    signature = string("ecdsa-sha2-nistp256") + string(string(b"\x01" * 32) + string(b"\x01" * 32))
    return b"\x0e" + string(signature)


def test_a_server_that_holds_every_key_has_proven_them(sshd: Sshd) -> None:
    assert at(sshd.port, public(sshd.host_key), public(sshd.directory / "rsa")) == "proven"


def test_where_nothing_listens_it_says_so(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = port_of(server)
    with pytest.raises(Unauthenticated, match="can't be reached"):
        asyncio.run(prove("127.0.0.1", [public(make_key(tmp_path / "key"))], LOOPBACK, port=port))


def test_one_key_that_it_does_not_hold_is_enough_to_refuse(sshd: Sshd, tmp_path: Path) -> None:
    other = public(make_key(tmp_path / "other"))
    assert at(sshd.port, other) == at(sshd.port, public(sshd.host_key), other) == "port22.key"


def test_a_key_that_is_shown_and_not_held_is_refused(sshd: Sshd) -> None:
    need("ssh")
    with pytest.raises(Unauthenticated, match="does not show that it holds the key"):
        asyncio.run(prove("127.0.0.1", [public(sshd.directory / "stolen")], LOOPBACK, port=sshd.port))


FORGED = "daypass@127.0.0.1: Permission denied (publickey).\n"


def disconnect(text: str) -> bytes:
    """SSH_MSG_DISCONNECT, unencrypted (RFC 4253 sections 6 and 11.1)."""
    payload = b"\x01" + uint32(2) + string(text) + string("")
    padding = 4 + (-(len(payload) + 9)) % 8
    return uint32(len(payload) + padding + 1) + bytes([padding]) + payload + bytes(padding)


@pytest.mark.parametrize(
    "says",
    [
        b"",
        FORGED.encode(),
        FORGED.encode() + PACKET,
        PACKET + disconnect(FORGED),
        PACKET + disconnect("\n" + FORGED),
        PACKET + disconnect("\r" + FORGED + "\r\x1b[2K"),
        f"SSH-2.0-{FORGED}".encode(),
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"x" * 100_000,
    ],
)
def test_what_a_server_says_before_its_key_is_verified_is_no_proof(says: bytes, tmp_path: Path) -> None:
    with talking(says) as port:
        assert at(port, public(make_key(tmp_path / "key"))) == "port22.key"


def test_one_that_hangs_is_left_and_nothing_of_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostproof, "SECONDS", 0.2)
    key = public(make_key(tmp_path / "key"))
    with closing(socket.create_server(("127.0.0.1", 0))) as silent, pytest.raises(Unauthenticated, match="too long"):
        asyncio.run(prove("127.0.0.1", [key], LOOPBACK, port=port_of(silent)))
    assert not hostproof._under_way


def test_nobody_who_hangs_takes_the_others_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sshd: Sshd) -> None:
    monkeypatch.setattr(hostproof, "SECONDS", 3)
    key = public(sshd.host_key)

    async def crowd(silent: int) -> None:
        hanging = [
            asyncio.create_task(prove("127.0.0.1", [key], LOOPBACK, port=silent, caller="192.0.2.7"))
            for _ in range(hostproof.MOST_OF_ONE)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Throttled):
            await prove("127.0.0.1", [key], LOOPBACK, port=sshd.port, caller="192.0.2.7")
        await prove("127.0.0.1", [key], LOOPBACK, port=sshd.port, caller="192.0.2.8")
        for each in hanging:
            each.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        assert not hostproof._under_way

    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        asyncio.run(crowd(port_of(silent)))


def test_a_ca_without_ssh_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hostproof._ENV, "PATH", "/nonexistent")
    with pytest.raises(Misconfigured, match="no ssh"):
        asyncio.run(prove("127.0.0.1", [], LOOPBACK))


@pytest.mark.parametrize(
    ("addresses", "networks", "passes"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3 10.9.9.9", "10.0.0.0/8", True),
        ("fd12::7", "fd12::/48", True),
        ("::ffff:10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "", False),
        ("192.0.2.1", "10.0.0.0/8", False),
        ("10.1.2.3 192.0.2.1", "10.0.0.0/8", False),  # DNS that leads one address elsewhere
        ("10.1.2.3 127.0.0.1", "10.0.0.0/8", False),
        ("::ffff:192.0.2.1", "10.0.0.0/8 ::/1", False),
        ("127.0.0.1", "0.0.0.0/1", False),
        ("::ffff:127.0.0.1", "0.0.0.0/1 ::/1", False),
        ("::1", "::/1", False),
        ("127.0.0.1", "127.0.0.0/8", True),
        ("169.254.169.254", "128.0.0.0/1", False),
        ("169.254.7.7", "169.254.0.0/16", True),
        ("fe80::1%eth0", "fe00::/7", False),
        ("fd00:ec2::254", "fd00::/8", False),
        ("168.63.129.16", "168.63.129.16/32", False),
        ("0.0.0.0", "0.0.0.0/0", False),  # noqa: S104
        ("224.0.0.1", "224.0.0.0/4", False),
        ("10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5", "10.0.0.0/8", False),
        ("", "10.0.0.0/8", False),
    ],
)
def test_the_ca_goes_only_where_the_operator_lets_it(addresses: str, networks: str, passes: bool) -> None:
    def look(_name: str, _seconds: float) -> Sequence[str]:
        return addresses.split()

    try:
        found = asyncio.run(reachable("web-1.example.com", networks.split(), look))
    except Denied:
        assert not passes
    else:
        assert passes and len(found) == len(addresses.split())


def test_a_name_is_looked_up_once_and_the_connection_goes_to_that_address(sshd: Sshd) -> None:
    answers = [["127.0.0.1"], ["192.0.2.1"]]

    def look(name: str, _seconds: float) -> Sequence[str]:
        assert name == "web-1.example.com"
        return answers.pop(0)

    keys = [public(sshd.host_key), public(sshd.directory / "rsa")]
    asyncio.run(prove("web-1.example.com", keys, LOOPBACK, port=sshd.port, look=look))
    assert len(answers) == 1


@pytest.mark.parametrize("trouble", [TimeoutError(), socket.gaierror(-2, "unknown"), UnicodeError()])
def test_a_name_that_is_not_there_may_be_there_later(trouble: Exception) -> None:
    def look(_name: str, _seconds: float) -> Sequence[str]:
        raise trouble

    with pytest.raises(Unavailable):
        asyncio.run(reachable("web-1.example.com", ["10.0.0.0/8"], look))


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


@contextmanager
def talking(says: bytes) -> Iterator[int]:
    """A server that says this to whoever comes, and closes."""

    def serve() -> None:
        try:
            connection, _ = server.accept()
            with connection:
                connection.sendall(says)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(5)
                while connection.recv(4096):
                    pass
        except OSError:
            pass

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield port_of(server)
    thread.join(6)
