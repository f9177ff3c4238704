"""Debian's Chromium, headless, driven by Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from tests.parts.needs import need

__all__ = ["OUTPUT", "fill_in", "run_browser", "screenshot"]

OUTPUT = Path(__file__).parents[1] / "output"
_SIZES = {"wide": (1280, 800), "phone": (360, 740)}
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def run_browser(*flags: str) -> Iterator[Browser]:
    """A browser with an empty profile, 1.2 s. Each `new_page()` is a person without cookies.

    While it runs, Playwright's event loop counts as running in this thread: no `asyncio.run` beside it.
    """
    need("libatomic")
    binary = need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, headless=True, args=[*_FLAGS, *flags])
        try:
            yield browser
        finally:
            browser.close()


def fill_in(page: Page, username: str, password: str) -> None:
    """Sign in at a form that has a user name, a password and one button, by its labels as a person would."""
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button").click()


def screenshot(page: Page, name: str) -> None:
    """tests/output/NAME-wide.png and NAME-phone.png, to be looked at."""
    OUTPUT.mkdir(exist_ok=True)
    for size, (width, height) in _SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=OUTPUT / f"{name}-{size}.png")
