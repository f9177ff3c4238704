"""A person at a browser for any of the tests' providers: `python visitor.py PERSON URL`, what BROWSER can be.

Every step is a real HTTP exchange, the last one with the client's own loopback listener. What a form asks for is told
by its fields. OpenBao's page is a program that a browser takes seconds to start; here its calls are made.
"""

from __future__ import annotations

import json
import sys
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx2

from daypass.demo import person

_STEPS = 5
_ASKED = ("username", "user", "login", "password")  # the password is the name


def main(name: str, url: str) -> None:
    with httpx2.Client(follow_redirects=True, timeout=20, trust_env=False) as browser:
        if "/ui/vault/" in url:
            at_bao(browser, name, url)
        else:
            at_forms(browser, name, url)


def at_forms(browser: httpx2.Client, name: str, url: str) -> None:
    """Name and password, on one page or on two."""
    page = browser.get(url)
    for _ in range(_STEPS):
        form = person.read(page)
        if form.action is None:
            return
        given = {field: name if field in _ASKED else value for field, value in form.fields.items()}
        page = browser.post(urljoin(str(page.url), form.action or str(page.url)), data=given)


def at_bao(browser: httpx2.Client, name: str, url: str) -> None:
    """Log in, ask for the code with the token that gives, follow the answer."""
    parts = urlsplit(url)
    api, asked = f"{parts.scheme}://{parts.netloc}/v1", dict(parse_qsl(parts.query))
    login = browser.post(f"{api}/auth/userpass/login/{name}", content=json.dumps({"password": name})).json()
    provider = parts.path.removeprefix("/ui/vault/")
    headers = {"X-Vault-Token": login["auth"]["client_token"]}
    answer = browser.get(f"{api}/{provider}?{urlencode(asked)}", headers=headers).json()
    browser.get(f"{asked['redirect_uri']}?{urlencode({key: answer[key] for key in ('code', 'state')})}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
