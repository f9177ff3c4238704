"""Signing in on another device, whole: `daypass login --device` here, Chromium there, real CA, certified provider."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize
from tests.parts.browser import OUTPUT, fill_in, run_browser, screenshot
from tests.parts.certified_op import CertifiedOp
from tests.parts.x509 import make_leaf, make_root, pem

from daypass.demo.company import Company

HOST = "ca.example.com"  # what the provider knows the pages as
PAGES = f"https://{HOST}"
SIZES: dict[str, ViewportSize] = {"wide": {"width": 1280, "height": 800}, "phone": {"width": 360, "height": 740}}


@pytest.fixture(scope="module")
def firm(certified_op: CertifiedOp) -> Iterator[Company]:
    """A company whose pages have a name and a certificate of their own, on the CA's one port."""
    with tempfile.TemporaryDirectory(prefix="daypass-e2e-") as home:
        built = Company(Path(home), certified_op)
        try:
            built.found_ca()
            put_up_pages(built, certified_op)
            for step in (built.start_ca, built.start_sshd, built.enrol_host, built.join):
                step()
            yield built
        finally:
            built.close()


def put_up_pages(firm: Company, op: CertifiedOp) -> None:
    root, root_key = make_root("Public root")
    leaf, key = make_leaf(root, root_key, (HOST,))
    etc = firm.ca_root / "etc/daypass"
    (etc / "pages.crt").write_bytes(leaf.public_bytes(Encoding.PEM))
    (etc / "pages.key").write_bytes(pem(key))
    client, secret = op.pages
    files = 'certificate = "/etc/daypass/pages.crt"\nkey = "/etc/daypass/pages.key"\n'
    text = firm.config.read_text()
    before, pages, after = text.partition("[pages]\n")
    after = re.sub(r'^url = ".*"\n', f'url = "{PAGES}"\n{files}', after, count=1, flags=re.MULTILINE)
    after = after.replace(
        '\nclient_id = "daypass"\n',
        f'\nclient_id = "daypass"\nweb_client_id = "{client}"\nweb_client_secret = "{secret}"\n',
    )
    firm.config.write_text(before + pages + after)
    firm.daypass("ca", "reload", "--root", str(firm.ca_root))


@pytest.fixture(scope="module")
def browser(firm: Company) -> Iterator[Browser]:
    rules = f"--host-resolver-rules=MAP {HOST}:443 127.0.0.1:{firm.ca_port}"
    # Elsewhere the CA has no loopback address, which Chromium keeps other sites' frames from by itself.
    with run_browser(rules, "--disable-features=LocalNetworkAccessChecks") as running:
        yield running


@pytest.fixture
def person(browser: Browser) -> Iterator[BrowserContext]:
    """Somebody's browser elsewhere. No script of ours is missed where none may run."""
    context = browser.new_context(ignore_https_errors=True)
    yield context
    context.close()


class Terminal:
    """`daypass login --device --force` on its way: what it shows, and how it ends."""

    def __init__(self, firm: Company) -> None:
        self._said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daypass.cli.main", "login", "--force", "--device"],
            env=os.environ | firm.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    def read(self) -> None:
        """What the person copies and compares."""
        self.code = self.find(r"\s([A-Z]{4}-[A-Z]{4})\s")
        self.fingerprint = self.find(r"(SHA256:[A-Za-z0-9+/]{43})")
        assert self.find(r"(https://\S+)") == f"{PAGES}/device"

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._said.append(line)

    @property
    def told(self) -> str:
        return "".join(self._said)

    def find(self, pattern: str, seconds: float = 20) -> str:
        end = time.monotonic() + seconds
        while (found := re.search(pattern, self.told)) is None:
            assert time.monotonic() < end and self.process.poll() is None, self.told
            time.sleep(0.02)
        return found[1]

    def end(self) -> tuple[int, str]:
        code = self.process.wait(30)
        time.sleep(0.1)  # for the reader's last line
        return code, self.told


@contextmanager
def waiting(firm: Company) -> Iterator[Terminal]:
    running = Terminal(firm)
    try:
        running.read()
        yield running
    finally:
        running.process.kill()
        running.process.wait()


@pytest.fixture
def terminal(firm: Company) -> Iterator[Terminal]:
    with waiting(firm) as running:
        yield running


def type_code(page: Page, code: str) -> None:
    page.goto(f"{PAGES}/device")
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Continue").click()


def say(page: Page, answer: str) -> None:
    page.get_by_role("button", name=answer).click()


def shows(page: Page, heading: str) -> None:
    page.get_by_role("heading", name=heading).wait_for()


def press(page: Page, button: str) -> None:
    """The browser's own button, as a script of the page would press it: to the debugger a page that is just being
    changed for another is "not attached"."""
    page.evaluate(f"setTimeout(() => history.{button}(), 0)")


def sign_in(page: Page, name: str) -> None:
    """From the provider's form back to the CA's last page."""
    page.get_by_label("User name").wait_for()
    fill_in(page, name, name)
    page.wait_for_url(f"{PAGES}/device/done")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "phone"])
def test_a_person_elsewhere_signs_in_and_ssh_works_here(
    firm: Company, browser: Browser, terminal: Terminal, size: str, scheme: str
) -> None:
    complaints: list[str] = []
    context = browser.new_context(
        ignore_https_errors=True,
        java_script_enabled=False,
        viewport=SIZES[size],
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text) if PAGES in said.location["url"] else None)
    page.goto(f"{PAGES}/device?code={terminal.code}&user_code={terminal.code}")
    assert page.get_by_label("Code").input_value() == ""  # no code comes by a link
    narrow(page, f"device-code-{scheme}", size)
    type_code(page, terminal.code.lower().replace("-", " "))
    shows(page, "Did you start this?")
    shown = page.get_by_role("main").inner_text()
    assert terminal.fingerprint in shown.replace("\n", "") and "127.0.0.1" in shown
    narrow(page, f"device-ask-{scheme}", size)
    say(page, "Yes")
    sign_in(page, "alice")
    shows(page, "Signed in as alice")
    assert page.url == f"{PAGES}/device/done" and "code=" not in page.content()
    narrow(page, f"device-done-{scheme}", size)
    code, told = terminal.end()
    assert code == 0 and "signed in as alice@example.com" in told, told
    assert firm.ssh(firm.host, "true").returncode == 0
    assert complaints == []
    context.close()


def narrow(page: Page, name: str, size: str) -> None:
    """A picture to be looked at; nothing sticks out at the sides."""
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / f"{name}-{size}.png", full_page=True)
    box = page.get_by_role("main").bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= SIZES[size]["width"]


def test_a_no_is_told_on_both_sides(person: BrowserContext, terminal: Terminal) -> None:
    page = person.new_page()
    type_code(page, terminal.code)
    say(page, "No")
    shows(page, "You are not signed in")
    assert page.url == f"{PAGES}/device/done"
    screenshot(page, "device-no")
    code, told = terminal.end()
    assert code not in (0, 70) and "said no" in told, told


def test_whom_the_provider_refuses_reads_why_on_both_sides(person: BrowserContext, terminal: Terminal) -> None:
    page = person.new_page()
    type_code(page, terminal.code)
    say(page, "Yes")
    page.get_by_label("User name").wait_for()
    fill_in(page, "carol", "carol")
    page.wait_for_url(f"{PAGES}/device/done")
    shows(page, "You are not signed in")
    assert "disabled" in page.content()
    screenshot(page, "device-refused")
    code, told = terminal.end()
    assert code not in (0, 70) and "disabled" in told and "Traceback" not in told


def test_whom_no_role_is_for_reads_that_on_both_sides(person: BrowserContext, terminal: Terminal) -> None:
    page = person.new_page()
    type_code(page, terminal.code)
    say(page, "Yes")
    sign_in(page, "bob")
    assert "No role is for bob@example.com" in page.content()
    code, told = terminal.end()
    assert code not in (0, 70) and "no role is for bob@example.com" in told


def test_after_a_wrong_code_the_right_one_still_works(person: BrowserContext, terminal: Terminal) -> None:
    page = person.new_page()
    type_code(page, "ZZZZ-ZZZZ")
    page.get_by_role("alert").wait_for()
    assert page.get_by_label("Code").input_value() == ""
    screenshot(page, "device-wrong")
    page.get_by_label("Code").fill(terminal.code)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Did you start this?").wait_for()


def test_each_of_two_tabs_answers_for_what_it_shows(
    firm: Company, person: BrowserContext, terminal: Terminal
) -> None:
    """The first tab's request must not be allowed by a yes that was meant for the other's."""
    with waiting(firm) as second:
        one, two = person.new_page(), person.new_page()
        type_code(one, terminal.code)
        type_code(two, second.code)
        say(one, "Yes")
        shows(one, "That did not work")
        assert "typed last" in one.content()
        screenshot(one, "device-stale")
        say(two, "Yes")
        sign_in(two, "alice")
        assert second.end()[0] == 0
        assert terminal.process.poll() is None  # the first still waits


def test_the_back_button_leads_back_and_does_nothing_twice(person: BrowserContext, terminal: Terminal) -> None:
    page = person.new_page()
    type_code(page, terminal.code)
    shows(page, "Did you start this?")
    press(page, "back")
    page.get_by_label("Code").fill(terminal.code)  # typed once more in the same browser
    say(page, "Continue")
    shows(page, "Did you start this?")
    say(page, "Yes")
    page.get_by_label("User name").wait_for()
    press(page, "back")
    shows(page, "Did you start this?")
    press(page, "forward")
    sign_in(page, "alice")
    assert terminal.end()[0] == 0
    page.reload()
    shows(page, "Signed in as alice")


def come_back(page: Page, name: str) -> str:
    """Signs in; gives the address that the provider sent the browser to."""
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url) if "/device/callback?" in request.url else None)
    sign_in(page, name)
    return seen[-1]


def test_the_provider_s_answer_is_good_once_and_in_one_browser(
    browser: Browser, person: BrowserContext, terminal: Terminal
) -> None:
    page = person.new_page()
    type_code(page, terminal.code)
    say(page, "Yes")
    answer = come_back(page, "alice")
    assert terminal.end()[0] == 0
    page.goto(answer)  # the same page again is told the same
    shows(page, "Signed in as alice")
    assert page.url == f"{PAGES}/device/done"
    stranger = browser.new_context(ignore_https_errors=True).new_page()
    stranger.goto(answer)
    shows(stranger, "You are not signed in")
    assert "another browser" in stranger.content()
    assert "code=" not in stranger.url
    screenshot(stranger, "device-stranger")


@pytest.mark.parametrize(
    "query", ["code=stolen&state=wrong", "code=stolen", "", "code=a&code=b&state=x", "error=access_denied&state=x"]
)
def test_an_answer_with_the_wrong_state_changes_nothing(
    person: BrowserContext, terminal: Terminal, query: str
) -> None:
    page = person.new_page()
    type_code(page, terminal.code)
    say(page, "Yes")
    page.get_by_label("User name").wait_for()
    other = person.new_page()
    other.goto(f"{PAGES}/device/callback?{query}")
    shows(other, "You are not signed in")
    assert other.url == f"{PAGES}/device/done"
    assert "terminal is told" not in other.content()
    sign_in(page, "alice")  # and the honest one goes on
    assert terminal.end()[0] == 0


def test_an_answer_of_another_issuer_is_refused_on_both_sides(person: BrowserContext, terminal: Terminal) -> None:
    """RFC 9207: a provider mixed up with another."""
    page, sent = person.new_page(), list[str]()
    page.on("request", lambda request: sent.append(request.url) if "state=" in request.url else None)
    type_code(page, terminal.code)
    say(page, "Yes")
    page.get_by_label("User name").wait_for()
    state = re.search(r"[?&]state=([A-Za-z0-9_-]+)", sent[0])
    assert state
    page.goto(f"{PAGES}/device/callback?code=x&state={state[1]}&iss=https://evil.example.com")
    shows(page, "You are not signed in")
    code, told = terminal.end()
    assert (code not in (0, 70) and "issuer" in told) or "provider" in told, told


def test_another_site_can_not_type_a_code_for_anybody(person: BrowserContext, terminal: Terminal) -> None:
    page = person.new_page()
    page.goto(f"{PAGES}/device")  # the cookie is there
    page.goto("about:blank")
    page.set_content(
        f'<form method="post" action="{PAGES}/device"><input name="code" value="{terminal.code}"></form>'
    )
    with page.expect_navigation():
        page.evaluate("document.forms[0].submit()")
    shows(page, "That did not work")
    assert "not sent from" in page.content()
    screenshot(page, "device-forged")


def test_no_other_page_can_frame_ours(person: BrowserContext) -> None:
    page = person.new_page()
    page.goto("about:blank")
    with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
        page.set_content(f'<iframe src="{PAGES}/device"></iframe>')
    assert page.frames[-1].get_by_label("Code").count() == 0
