"""A whole company, set up once per process by the commands that people type."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts.needs import need

from daypass.demo.company import Company, company


@pytest.fixture(scope="session")
def company_of_session() -> Iterator[Company]:
    for part in ("ssh", "sshd", "ssh-agent", "ssh-keygen"):
        need(part)
    with tempfile.TemporaryDirectory(prefix="daypass-e2e-") as home, company(Path(home)) as running:
        yield running


@pytest.fixture
def firm(company_of_session: Company) -> Iterator[Company]:
    """Everything runs, nobody is signed in, everybody is employed."""
    company_of_session.daypass("logout", "--all", check=False)
    yield company_of_session
    for name in ("alice", "bob"):
        company_of_session.idp.enable(name)
