"""What a whole `daypass login` takes beyond the person's own time, and the least it could take.

The person's time is from the moment their browser is called until it comes back with the provider's answer. The
floor is Python's start and one request over TLS to each of CA and provider, by the standard library.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx2

from bench.measure import run_cpu
from daypass.demo import person
from daypass.demo.company import Company, company

RUNS = 40
FLOOR = """
import ssl, sys, http.client
context = ssl.create_default_context(cafile=sys.argv[2])
ca = http.client.HTTPSConnection("localhost", int(sys.argv[1]), context=context)
ca.request("GET", "/v1/ca")
ca.getresponse().read()
idp = http.client.HTTPConnection("127.0.0.1", int(sys.argv[3]))
idp.request("GET", "/.well-known/openid-configuration")
idp.getresponse().read()
"""


def measure(quick: bool) -> dict[str, float]:
    runs = RUNS // 10 if quick else RUNS
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as home, company(Path(home)) as demo:
        browser = _Browser(Path(home))
        _login(demo, browser)  # after it everything is compiled, as pip does it
        walls, floors = [], []
        for _ in range(runs):  # in turn, so that a noisy minute hits both alike
            walls.append(_login(demo, browser))
            floors.append(_floor(demo))
    wall, floor = median(walls), median(floors)
    return {
        "login_wall_ms": wall * 1000,
        "login_floor_ms": floor * 1000,
        "login_wall_over_floor": wall / floor,
    }


class _Browser:
    """BROWSER: a program that hands the address over; we are the person, and keep the time."""

    def __init__(self, folder: Path) -> None:
        self.opened, program = folder / "opened", folder / "browser"
        os.mkfifo(self.opened)
        program.write_text(f"#!/bin/sh\nprintf %s \"$1\" >'{self.opened}'\n")
        program.chmod(0o700)
        self.command = f"{program} %s"


def _login(demo: Company, browser: _Browser) -> float:
    """Seconds of one `daypass login --force` that are not the person's."""
    command = [str(Path(sys.executable).with_name("daypass")), "login", "--force"]
    env = os.environ | demo.env | {"BROWSER": browser.command, "PYTHONPYCACHEPREFIX": str(demo.home / "compiled")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    url = browser.opened.read_text()
    opened = time.perf_counter()
    with _told_of_return() as returned:
        person.sign_in(url, "alice", "alice")
    _, told = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"bench: daypass login failed: {told.decode()}")
    return time.perf_counter() - start - (returned[0] - opened)


@contextmanager
def _told_of_return() -> Iterator[list[float]]:
    """When the person's browser goes back to the client, on `perf_counter`."""
    returned: list[float] = []
    send = httpx2.HTTPTransport.handle_request

    def watch(self: httpx2.HTTPTransport, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/callback":
            returned.append(time.perf_counter())
        return send(self, request)

    httpx2.HTTPTransport.handle_request = watch  # type: ignore[method-assign]
    try:
        yield returned
    finally:
        httpx2.HTTPTransport.handle_request = send  # type: ignore[method-assign]


def _floor(demo: Company) -> float:
    root = next(demo.ca_root.rglob("keys/*.crt"))
    issuer_port = demo.idp.issuer.rpartition(":")[2]
    return run_cpu([sys.executable, "-c", FLOOR, str(demo.ca_port), str(root), issuer_port])[1]
