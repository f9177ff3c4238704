"""What `daypass host run` holds of a host: memory after an hour of signs of life, and the CPU that hour costs.

The command itself, with a CA that says at once what it says in an hour: 144 signed signs of life, one every 25 s. The
floor is a Python that has loaded what it can't do without (ssl, cryptography, msgspec) and does nothing.
"""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.host.box import TOKEN, Box
from tests.host.fake_ca import FakeCa
from tests.parts.needs import need
from tests.parts.openssh import make_key
from tests.parts.processes import safe_directory, stop, wait_until
from tests.parts.x509 import make_leaf, make_root, pem

from daypass import api
from daypass.host.enrol import enrol, prepare
from daypass.model import HostRole

HOUR = 3600 // 25  # signs of life
LAST = HostRole("last", "restrict", accounts=("last",))
FLOOR = "import ssl, http.client, msgspec, cryptography.hazmat.primitives.asymmetric.ed25519, sys; sys.stdin.read()"


def measure(quick: bool) -> dict[str, float]:
    with safe_directory() as root:
        box = _box(root)
        with subprocess.Popen([sys.executable, "-c", FLOOR], stdin=subprocess.PIPE) as floor:
            wait_until(lambda: _rss(floor.pid) > 15, "the floor to load", seconds=30)
            least = _settled(floor.pid)
            floor.communicate(b"")
        memory, cpu = _hour(box, HOUR // 10 if quick else HOUR)
    return {"host_rss_mb": memory, "host_rss_floor_mb": least, "host_rss_over_floor": memory / least,
            "host_cpu_seconds_per_hour": cpu}  # fmt: skip


def _box(root: Path) -> Box:
    (root / "etc/ssh").mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nlast:x:5001:5001::/home/last:/bin/sh\n")
    (root / "sshd").mkdir()
    make_key(root / "sshd/ssh_host_ed25519_key")
    made = Box(root, FakeCa(), need("sshd"))
    made.write_config()
    return made


def _hour(box: Box, words: int) -> tuple[float, float]:
    """(MB, seconds of CPU from the first word to the last)."""
    server, root = _server(box, words)
    url, ca = f"https://127.0.0.1:{server.server_address[1]}", box.ca
    machine = prepare(box.paths, box.sshd, with_reload=False)
    roots = [root.public_bytes(Encoding.PEM).decode()]
    enrol(machine, ca, ca.ca_id, TOKEN, url=url, roots=roots, now=time.time(), with_reload=False)
    command = [sys.executable, "-m", "daypass.cli.main", "host", "run", "--root", str(box.root)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(box.paths.bundle.exists, "the first word", seconds=60)
        before = _cpu(process.pid)
        wait_until((box.paths.principals / "last").exists, "the last word", seconds=600)
        return _settled(process.pid), (_cpu(process.pid) - before) * HOUR / words
    finally:
        stop(process)
        server.shutdown()
        server.server_close()


def _server(box: Box, words: int) -> tuple[ThreadingHTTPServer, x509.Certificate]:
    ca = box.ca

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path != "/v1/host/stream":
                self.send_error(503)
                return
            asked = msgspec.json.decode(body, type=api.HostSyncRequest)
            self.send_response(200)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for number in range(words):
                self._say(ca.word(asked if number == 0 else msgspec.structs.replace(asked, digest="d")))
            box.change(roles=[LAST])
            self._say(ca.word(asked))
            time.sleep(600)

        def _say(self, answer: api.HostSyncResponse) -> None:
            line = msgspec.json.encode(answer) + b"\n"
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")

        def log_message(self, *_: object) -> None:
            pass

    root, key = make_root(ca_id=ca.ca_id)
    leaf, leaf_key = make_leaf(root, key)
    (box.root / "tls.pem").write_bytes(pem(leaf_key) + leaf.public_bytes(Encoding.PEM))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(box.root / "tls.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server, root


def _rss(pid: int) -> float:
    """Megabytes that the process holds, VmRSS of proc(5)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def _settled(pid: int) -> float:
    """Once it has gone back to waiting."""
    time.sleep(2)
    return _rss(pid)


def _cpu(pid: int) -> float:
    """Seconds of CPU so far, utime and stime of proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
