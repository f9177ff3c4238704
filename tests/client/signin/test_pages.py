"""The two pages a person sees, in a real browser, wide and on a phone: tests/output/ holds the pictures."""

from __future__ import annotations

import httpx2
import pytest
from playwright.sync_api import Browser, Page

from daypass.client.signin import pages
from daypass.client.signin.browser import Listener
from tests.parts.browser import screenshot

ISSUER = "https://idp.example.com"
LONG = "account-" + "x" * 60 + "@subsidiary.example.com is disabled since 2026-11-02; ticket HELPDESK-4711"
SIGNED_IN = pages.signed_in("alice", "Mon 21:04 CET", "Example Corp")
FAILED = pages.failed(
    "the identity provider did not sign you in: this account is disabled",
    "if your account should work, ask whoever looks after it there",
    "Example Corp",
)


def visit(browser: Browser, shown: pages.Page, scheme: str = "light") -> tuple[Page, list[str]]:
    """The page as it stands after the redirect, and what the browser complained of."""
    complaints: list[str] = []
    page = browser.new_context(color_scheme=scheme).new_page()  # type: ignore[arg-type]
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    with Listener(state="s", issuer=ISSUER, require_issuer=False) as listener:
        httpx2.get(f"{listener.redirect_uri}?code=the-code&state=s", trust_env=False)
        listener.finish(shown, seconds=0)
        page.goto(f"http://{listener.authority}/done")
    return page, complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "shown", "heading"),
    [
        ("signed-in", SIGNED_IN, "Signed in as alice"),
        ("failed", FAILED, "You are not signed in"),
        ("failed-long", pages.failed(LONG, LONG, LONG), "You are not signed in"),
    ],
)
def test_a_page_says_how_it_went_and_loads_nothing(
    browser: Browser, name: str, shown: pages.Page, heading: str, scheme: str
) -> None:
    page, complaints = visit(browser, shown, scheme)
    assert page.get_by_role("heading").inner_text() == heading
    assert [each for each in complaints if "403" not in each] == []
    screenshot(page, f"client-{name}-{scheme}")
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_script_from_the_provider_does_not_run(browser: Browser) -> None:
    hostile = pages.failed(
        "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">", None, ""
    )
    page, _ = visit(browser, hostile)
    assert page.title() == "Not signed in · daypass"
    assert page.evaluate("document.scripts.length") == 0


def test_neither_code_nor_state_stays_in_the_address_or_the_history(browser: Browser) -> None:
    with Listener(state="the-state", issuer=ISSUER, require_issuer=False) as listener:
        page = browser.new_page()
        listener.finish(SIGNED_IN, seconds=0)
        page.goto(f"{listener.redirect_uri}?code=the-code&state=the-state")
        assert page.url == f"http://{listener.authority}/done"
        assert "the-code" not in page.content()
        assert page.evaluate("document.referrer") == ""
