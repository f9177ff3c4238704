"""One server for all tests of HTTP; its double forgets between tests."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.server.company import Company, run_company
from tests.server.devices import PagesServer, run_pages
from tests.server.kit import Double, Running, running


@pytest.fixture(scope="session")
def server_of_session() -> Iterator[Running]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory) / "admin.sock") as server:
        yield server


@pytest.fixture
def server(server_of_session: Running) -> Running:
    fresh = Double()
    vars(server_of_session.heart).update(vars(fresh))
    return server_of_session


@pytest.fixture(scope="session")
def company() -> Iterator[Company]:
    with run_company() as built:
        yield built


@pytest.fixture
def web(server: Running) -> Iterator[httpx2.Client]:
    """A client of the TLS port."""
    context = ssl.create_default_context(cadata=server.root.pem)
    with httpx2.Client(base_url=server.url, verify=context, trust_env=False, timeout=15) as client:
        yield client


@pytest.fixture
def local(server: Running) -> Iterator[httpx2.Client]:
    """A client of the administration socket."""
    transport = httpx2.HTTPTransport(uds=str(server.admin_socket))
    with httpx2.Client(base_url="http://localhost", transport=transport, trust_env=False, timeout=15) as client:
        yield client


@pytest.fixture(scope="module")
def pages() -> Iterator[PagesServer]:
    """The CA's own pages; a sign-in on another device is played. A proxy on loopback is trusted."""
    with run_pages(proxies=("127.0.0.0/8",)) as running:
        yield running


@pytest.fixture
def guest(pages: PagesServer) -> Iterator[httpx2.Client]:
    """A browser's requests at the pages, by hand."""
    pages.play()
    context = ssl.create_default_context(cadata=pages.server.root.pem)
    with httpx2.Client(base_url=pages.url, verify=context, trust_env=False, timeout=15) as client:
        yield client
