"""The sockets: who may use the one for administration, what is replaced and what is left alone."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts.needs import need
from tests.server.kit import Running, running

from daypass.errors import Conflict, Misconfigured
from daypass.server import sockets

JOIN = b'{"name":"web-1.example.com"}'


def as_uid(uid: int, path: Path) -> int:
    """The status that a process of that uid gets for making a join token."""
    if os.geteuid() != 0 and uid != os.geteuid():
        need("root")
    request = b"POST /v1/admin/join_token HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(JOIN) + JOIN
    program = (
        "import os,socket,sys;uid=int(sys.argv[1]);os.geteuid()==uid or (os.setgroups([]),os.setresuid(uid,uid,uid));"
        "s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[2]);s.sendall(sys.stdin.buffer.read());"
        "print(s.recv(4096).decode().split()[1])"
    )
    command = [sys.executable, "-S", "-c", program, str(uid), str(path)]
    done = subprocess.run(command, input=request, capture_output=True, timeout=60)
    return int(done.stdout) if done.returncode == 0 else 0


@pytest.fixture(scope="module")
def open_admin() -> Iterator[Running]:
    """A server of uid 1234, whose socket somebody opened to the world: the peer's uid alone decides."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        with running(Path(directory) / "admin.sock", own_uid=1234) as server:
            server.admin_socket.chmod(0o666)
            yield server


@pytest.mark.parametrize(("uid", "status"), [(0, 201), (1234, 201), (1235, 403), (65534, 403)])
def test_the_socket_serves_root_and_its_own_account_alone(open_admin: Running, uid: int, status: int) -> None:
    before = len(open_admin.heart.joined)
    assert as_uid(uid, open_admin.admin_socket) == status
    assert [actor for _, _, actor in open_admin.heart.joined[before:]] == ([f"uid:{uid}"] if status == 201 else [])


def test_the_socket_can_be_opened_by_its_owner_alone(server: Running) -> None:
    mode = server.admin_socket.stat().st_mode
    assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)


def test_a_socket_left_behind_is_replaced_and_taken_away_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "admin.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with running(path) as server:
        assert as_uid(os.geteuid(), server.admin_socket) == 201
    assert not path.exists()


def test_a_second_ca_on_the_same_socket_is_refused_and_harms_nothing(server: Running) -> None:
    with pytest.raises(Conflict, match="a CA is running already"):
        sockets.admin_listener(server.admin_socket)
    assert as_uid(os.geteuid(), server.admin_socket) == 201


def test_what_is_not_a_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    path.write_text("precious")
    with pytest.raises(Conflict, match="is not a socket"):
        sockets.admin_listener(path)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(Conflict, match="is not a socket"):
        sockets.admin_listener(tmp_path / "link")
    assert path.read_text() == "precious"


def test_a_path_too_long_for_a_socket_is_told_to_the_operator(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="can't make the administration socket"):
        sockets.admin_listener(tmp_path / ("x" * 110))


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:0", r"https://127\.0\.0\.1:\d+"),
        ("[::1]:0", r"https://\[::1\]:\d+"),
        (":0", r"https://\[::\]:\d+"),
    ],
)
def test_addresses_are_written_as_people_write_them(listen: str, url: str) -> None:
    try:
        with sockets.tcp_listener(listen) as listener:
            assert re.fullmatch(url, sockets.url_of(listener))
    except Misconfigured:
        assert not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists()


@pytest.mark.parametrize("listen", ["", "8443", "host", "1.2.3.4:x", "1.2.3.4:70000", "::1:8443", "192.0.2.1:8443"])
def test_an_address_that_can_not_be_is_told_to_the_operator(listen: str) -> None:
    with pytest.raises(Misconfigured):
        sockets.tcp_listener(listen)
