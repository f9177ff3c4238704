"""Start and stop."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from tests.server.kit import Root, Running, read_answer, running

from daypass.server import serve


def test_the_url_that_is_told_is_the_one_that_answers(server: Running, web: httpx2.Client) -> None:
    assert re.fullmatch(r"https://127\.0\.0\.1:\d+", server.url)
    assert web.get("/health").json() == {"status": "ok"}


SERVER = """
import asyncio, sys
from pathlib import Path
from tests.server.kit import Double, Root, public_info
from daypass.server import app, serve

root, heart = Root(), Double()
async def slow(request, credential):
    print("in flight", file=sys.stderr, flush=True)
    await asyncio.sleep(1.0)
    return heart.granted(request)
heart.answer = slow
Path(sys.argv[1], "root.pem").write_text(root.pem)
serve.run(serve.serve(app.build(heart, public_info(root)), app.build_admin(heart), listen="127.0.0.1:0",
                      tls=root.leaf, admin_socket=Path(sys.argv[1], "admin.sock")))
print("ended well", file=sys.stderr)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_after_the_requests_in_flight(tmp_path: Path, number: signal.Signals) -> None:
    from tests.server.test_signing import STEP

    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert re.fullmatch(r"listening on https://127\.0\.0\.1:\d+\n", line)
        port = int(line.rpartition(":")[2])
        with Running(line.split()[2], tmp_path / "admin.sock", root_of(tmp_path), None, port).connect() as flying:  # type: ignore[arg-type]
            body = json.dumps(STEP).encode()
            flying.sendall(b"POST /ssh/sign HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert process.stderr.readline() == "in flight\n"
            started = time.monotonic()
            process.send_signal(number)
            assert flying.recv(4096).startswith(b"HTTP/1.1 201 ")
        assert process.wait(30) == 0
        assert time.monotonic() - started < 5
        assert process.stderr.read() == "ended well\n"
    assert not (tmp_path / "admin.sock").exists()


def root_of(directory: Path) -> Root:
    found = Root()
    found.pem = (directory / "root.pem").read_text()
    return found


def test_the_server_stops_at_once_though_clients_keep_their_connections(tmp_path: Path) -> None:
    with running(tmp_path / "s") as server:
        idle = server.connect()
        idle.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b'"ok"' in read_answer(idle)
        started = time.monotonic()
    assert time.monotonic() - started < serve.GRACE
    idle.close()
