"""The real parts as fixtures, dear ones once per process; and at the end of a run, which were missing."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser

from tests.parts.browser import run_browser
from tests.parts.certified_op import CertifiedOp, run_certified_op
from tests.parts.leftovers import left_running, mark_run
from tests.parts.listener import Listener, run_listener
from tests.parts.needs import NOT_RUN
from tests.parts.op import Op, run_op
from tests.parts.openssh import Accounts, Agent, make_accounts, run_agent
from tests.parts.postgres import Postgres, run_postgres
from tests.parts.processes import safe_directory

# No deadline: on a busy machine any example may take a second.
settings.register_profile(
    "daypass", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("daypass")

_LEFT = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Told to end, or left by its terminal, a run clears up as after Ctrl-C: machines would outlive it."""
    for each in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) is signal.SIG_DFL:  # not where nohup has it ignored
            signal.signal(each, signal.default_int_handler)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # by a script's `&`; what tests start would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if mark_run():
        config.stash[_LEFT] = []
    elif "OWN_COVERAGE" in os.environ:
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)  # by which programs that tests start would be measured too


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Once every process of the run has put away what it made for all its tests."""
    if _LEFT in session.config.stash:
        session.config.stash[_LEFT] = left_running()
        if session.config.stash[_LEFT] and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def safe_path() -> Iterator[Path]:
    """A folder that sshd's StrictModes accepts, unlike tmp_path."""
    with safe_directory() as directory:
        yield directory


@pytest.fixture(scope="session")
def accounts() -> Iterator[Accounts]:
    """alice, bob and deploy, for sshd (needs root)."""
    with safe_directory() as directory:
        yield make_accounts(directory)


@pytest.fixture
def agent() -> Iterator[Agent]:
    """An empty ssh-agent."""
    with run_agent() as running:
        yield running


@pytest.fixture
def op() -> Iterator[Op]:
    """The provider that does whatever the test tells it."""
    with run_op() as running:
        yield running


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Where a provider sends its answers, when no daypass is there to take them."""
    with run_listener() as running:
        yield running


@pytest.fixture(scope="session")
def certified_op() -> Iterator[CertifiedOp]:
    """npm's oidc-provider; enable again whom a test disables."""
    with run_certified_op() as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A cluster; take a database of your own by `fresh_url()`."""
    with run_postgres() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. A module that uses it can't call asyncio.run itself."""
    with run_browser() as running:
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for each in terminalreporter.config.stash.get(_LEFT, []):
        terminalreporter.write_line(f"left running: {each}", red=True)
    missing: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
        _, found, part = reason.partition(NOT_RUN)
        missing[part] += bool(found)
    for part, count in sorted(missing.items()):
        if count:
            terminalreporter.write_line(f"{NOT_RUN}{part} ({count} test{'s' if count > 1 else ''})", yellow=True)
