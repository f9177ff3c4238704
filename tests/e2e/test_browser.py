"""The whole login through a real browser, at a certified OpenID Provider, with our own pages looked at."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from tests.parts.browser import fill_in, screenshot
from tests.parts.certified_op import CertifiedOp

from daypass.demo.company import Company, company

# Stands where a person's browser stands: hands the address it is given to the test, which holds the browser.
OPENER = "import os, sys; open(os.environ['OPENED'] + '.part', 'w').write(sys.argv[1]); "
OPENER += "os.rename(os.environ['OPENED'] + '.part', os.environ['OPENED'])"


@pytest.fixture(scope="module")
def firm(certified_op: CertifiedOp) -> Iterator[Company]:
    with tempfile.TemporaryDirectory(prefix="daypass-e2e-") as home, company(Path(home), certified_op) as running:
        yield running


class Login:
    """`daypass login --force` on its way, and the address it opened."""

    def __init__(self, firm: Company, folder: Path) -> None:
        opener, opened = folder / "opener.py", folder / "opened"
        opener.write_text(OPENER)
        env = firm.env | {"BROWSER": f"{sys.executable} {opener} %s", "OPENED": str(opened)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daypass.cli.main", "login", "--force"],
            env=os.environ | env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        end = time.monotonic() + 20
        while not opened.exists():
            assert time.monotonic() < end and self.process.poll() is None, self.process.communicate()
            time.sleep(0.02)
        self.url = opened.read_text()

    def end(self) -> tuple[int, str]:
        _, told = self.process.communicate(timeout=20)
        return self.process.returncode, told


def visit(browser: Browser, url: str, person: str) -> Page:
    page = browser.new_page()
    page.goto(url)
    fill_in(page, person, person)
    page.wait_for_url("http://127.0.0.1:*/**")
    page.wait_for_load_state()
    return page


def test_alice_signs_in_with_her_browser_and_ssh_works(firm: Company, browser: Browser, tmp_path: Path) -> None:
    login = Login(firm, tmp_path)
    page = visit(browser, login.url, "alice")
    page.get_by_text("signed in").first.wait_for()
    screenshot(page, "signed-in")
    code, told = login.end()
    assert code == 0 and "signed in as alice@example.com" in told
    assert "code=" not in page.url and "code=" not in page.content()
    assert firm.ssh(firm.host, "true").returncode == 0


def test_somebody_disabled_sees_a_page_and_a_message_that_say_so(
    firm: Company, browser: Browser, tmp_path: Path
) -> None:
    login = Login(firm, tmp_path)
    page = visit(browser, login.url, "carol")
    page.get_by_text("disabled").first.wait_for()
    screenshot(page, "failed")
    code, told = login.end()
    assert code not in (0, 70) and "disabled" in told and "Traceback" not in told


def test_our_page_runs_no_script_whatever_the_provider_says(firm: Company, browser: Browser, tmp_path: Path) -> None:
    """CVE-2026-33758: what a provider sends is text."""
    login = Login(firm, tmp_path)
    page = browser.new_page()
    page.goto(login.url)
    query = dict(part.split("=", 1) for part in login.url.split("?", 1)[1].split("&"))
    from urllib.parse import quote, unquote

    hostile = quote("<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">")
    answer = f"error=access_denied&error_description={hostile}&state={query['state']}&iss={quote(firm.idp.issuer)}"
    page.goto(f"{unquote(query['redirect_uri'])}?{answer}")
    assert page.title() != "owned" and page.locator("script, img").count() == 0
    login.end()
