"""A person without a browser: fetches the provider's form, fills it in, and follows the redirects.

Every step is a real HTTP exchange, the last one with the client's own loopback listener.
"""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx2

from daypass.errors import Unauthenticated

__all__ = ["read", "sign_in"]


def sign_in(authorize_url: str, username: str, password: str, *, seconds: float = 10.0) -> None:
    """Do at `authorize_url` what a person would; return when the client's listener has its answer.

    A page that only leads back to the client (a disabled account) is followed, so the client hears of it.
    Raises Unauthenticated where the form is shown again, and httpx2.HTTPError where nothing answers.
    """
    # Cookies live as long as this call, and no proxy stands before a provider on loopback.
    with httpx2.Client(follow_redirects=True, timeout=seconds, trust_env=False) as browser:
        page = browser.get(authorize_url)
        form = read(page)
        if form.action is not None:
            fields = {**form.fields, "username": username, "password": password}
            page = browser.post(urljoin(str(page.url), form.action), data=fields)
            form = read(page)
        if form.action is not None:
            raise Unauthenticated(
                f"the identity provider did not accept the password of {username}",
                hint="in the demo the password is the name",
            )
        if form.back is not None:
            browser.get(form.back)


class _Page(HTMLParser):
    """What a person sees on a page: a form to fill in, or a way back."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.back: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given.get("action", "")
        elif tag == "input" and "name" in given:
            self.fields[given["name"]] = given.get("value", "")
        elif tag == "a" and given.get("rel") == "return":
            self.back = given.get("href")


def read(page: httpx2.Response) -> _Page:
    """The form of a page, if it is one with a form."""
    reader = _Page()
    if page.headers.get("content-type", "").startswith("text/html"):
        reader.feed(page.text)
    return reader
