"""A person's laptop: a home folder short enough for sockets, a company to join, a browser that signs in by itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from daypass import api
from daypass.client import marker, trust
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership
from tests.client.mini_ca import MiniCa, run_mini_ca
from tests.parts.op import Op
from tests.parts.processes import wait_until


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty home folder; the ssh-agent that was started in it ends with the test."""
    folder = Path(tempfile.mkdtemp(prefix="dp-"))
    try:
        yield folder
    finally:
        for context in (folder / ".local/share/daypass/contexts").glob("*"):
            marker.forget(str(context))  # it lies in memory, not below the folder
        _end_agent(folder / ".local/share/daypass/agent.sock")
        shutil.rmtree(folder)


@pytest.fixture
def settings(home: Path) -> Settings:
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700)
    return Settings.load("", {"HOME": str(home), "SHELL": "/bin/sh", "XDG_RUNTIME_DIR": str(runtime)})


@pytest.fixture
def ca() -> Iterator[MiniCa]:
    with run_mini_ca() as running:
        yield running


@pytest.fixture
def company(ca: MiniCa, op: Op) -> MiniCa:
    """The CA, with a provider where signing in needs nobody."""
    ca.providers = [api.OidcLogin(name="op", issuer=op.issuer, client_id=op.client_id)]
    return ca


@pytest.fixture
def joined(company: MiniCa, settings: Settings) -> Membership:
    return trust.bootstrap(settings, company.url, company.fingerprint)


@pytest.fixture
def other_ca(op: Op) -> Iterator[MiniCa]:
    """That of another company."""
    with run_mini_ca() as running:
        running.host_patterns, running.enrolled = ["*.other.test"], []
        running.providers = [api.OidcLogin(name="op", issuer=op.issuer, client_id=op.client_id)]
        yield running


@pytest.fixture
def other(joined: Membership, other_ca: MiniCa, settings: Settings) -> Membership:
    return trust.bootstrap(settings, other_ca.url, other_ca.fingerprint, "other")


def at(settings: Settings, name: str) -> Settings:
    """As with `--context NAME`."""
    return replace(settings, wanted=name)


@pytest.fixture
def said() -> list[str]:
    """What the person was told on the way."""
    return []


@pytest.fixture
def sign_in(joined: Membership, settings: Settings, said: list[str]) -> Callable[..., Login]:
    """A login whose browser follows every redirect."""

    def make(**options: object) -> Login:
        given = {"settings": settings, "say": said.append, "open_browser": follow, **options}
        return Login(**given)  # type: ignore[arg-type]

    return make


def follow(url: str) -> None:
    httpx2.get(url, follow_redirects=True, trust_env=False)


def shells_that_wait(certificate: Path) -> dict[int, list[str]]:
    """Those that wait for this file (client.signin.notify), by process, with their arguments; not what they fork."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            arguments = (process / "cmdline").read_bytes().decode().split("\0")
            leads = os.getsid(int(process.name)) == int(process.name)
            if leads and "daypass-notify" in arguments and str(certificate) in arguments:
                found[int(process.name)] = arguments
    return found


def _end_agent(path: Path) -> None:
    """End the ssh-agent that was started for this socket, if any, and see it go."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cmdline").read_bytes().startswith(b"\0".join([b"ssh-agent", b"-a", bytes(path), b""])):
                os.kill(int(process.name), signal.SIGTERM)
                wait_until(lambda: not path.exists(), "ssh-agent end")
