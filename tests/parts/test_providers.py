"""Both providers with a login form, through Chromium: the certified one and the demo's."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from playwright.sync_api import Browser, Page
from tests.parts.browser import fill_in, screenshot
from tests.parts.certified_op import CertifiedOp
from tests.parts.listener import Listener

from daypass.demo.idp import run_idp


@dataclass(slots=True)
class Provider:
    name: str
    issuer: str
    disable: Callable[[str], None]
    enable: Callable[[str], None]
    callback: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def metadata(self) -> dict[str, str]:
        found = httpx2.get(f"{self.issuer}/.well-known/openid-configuration", trust_env=False)
        return dict(found.json())

    def authorize_url(self, **change: str) -> str:
        challenge = urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": "daypass",
            "redirect_uri": self.callback,
            "response_type": "code",
            "scope": "openid email",
            "state": "state-1",
            "nonce": "dp1.abc",
            "max_age": "3600",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        wanted = {name: value for name, value in {**query, **change}.items() if value}
        return f"{self.metadata()['authorization_endpoint']}?{urlencode(wanted)}"

    def redeem(self, code: str) -> httpx2.Response:
        form = {
            "grant_type": "authorization_code",
            "client_id": "daypass",
            "redirect_uri": self.callback,
            "code": code,
            "code_verifier": self.verifier,
        }
        return httpx2.post(self.metadata()["token_endpoint"], data=form, trust_env=False)

    def claims(self, token: str) -> dict[str, object]:
        keys = KeySet.import_key_set(httpx2.get(self.metadata()["jwks_uri"], trust_env=False).json())
        return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)


@pytest.fixture(params=["certified", "demo"])
def provider(request: pytest.FixtureRequest, listener: Listener) -> Iterator[Provider]:
    if request.param == "demo":
        with run_idp() as idp:
            yield Provider("demo", idp.issuer, idp.disable, idp.enable, listener.uri)
        return
    op: CertifiedOp = request.getfixturevalue("certified_op")
    yield Provider("certified", op.issuer, op.disable, op.enable, listener.uri)
    for name in ("alice", "bob"):
        op.enable(name)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A person without cookies."""
    with browser.new_context() as person:
        yield person.new_page()


def answer_on(page: Page) -> dict[str, str]:
    page.wait_for_url("**/callback?**")
    return dict(parse_qsl(urlsplit(page.url).query))


def test_the_whole_code_flow_through_the_login_form(provider: Provider, page: Page) -> None:
    page.goto(provider.authorize_url())
    fill_in(page, "alice", "alice")
    answer = answer_on(page)
    assert (answer["state"], answer["iss"]) == ("state-1", provider.issuer)
    token = provider.redeem(answer["code"]).json()["id_token"]
    claims = provider.claims(token)
    assert isinstance(claims["auth_time"], int)
    assert {name: claims[name] for name in ("iss", "aud", "nonce", "amr", "acr", "email", "email_verified")} == {
        "iss": provider.issuer,
        "aud": "daypass",
        "nonce": "dp1.abc",
        "amr": ["pwd"],
        "acr": "urn:example:password",
        "email": "alice@example.com",
        "email_verified": True,
    }
    assert (claims["groups"], claims["preferred_username"]) == (["engineers", "oncall"], "alice")
    assert provider.redeem(answer["code"]).json()["error"] == "invalid_grant"  # a code is good once


def test_a_second_request_needs_no_form_and_prompt_login_does(provider: Provider, page: Page) -> None:
    page.goto(provider.authorize_url())
    fill_in(page, "alice", "alice")
    first = answer_on(page)
    page.goto("about:blank")
    page.goto(provider.authorize_url())
    assert answer_on(page)["code"] != first["code"]
    page.goto(provider.authorize_url(prompt="login"))
    assert page.get_by_label("Password").is_visible()


@pytest.mark.parametrize(
    "change", [{"code_challenge": "", "code_challenge_method": ""}, {"code_challenge_method": "plain"}]
)
def test_a_request_without_pkce_is_refused(provider: Provider, page: Page, change: dict[str, str]) -> None:
    page.goto(provider.authorize_url(**change))
    assert answer_on(page)["error"] == "invalid_request"


def test_a_wrong_password_stays_at_the_form(provider: Provider, page: Page) -> None:
    page.goto(provider.authorize_url())
    fill_in(page, "alice", "bob")
    assert page.get_by_label("Password").is_visible()
    assert page.url.startswith(provider.issuer)


@pytest.mark.parametrize("name", ["carol", "bob"])
def test_a_disabled_person_comes_back_without_a_code(provider: Provider, page: Page, name: str) -> None:
    provider.disable(name)
    page.goto(provider.authorize_url())
    fill_in(page, name, name)
    if provider.name == "demo":
        assert page.get_by_role("heading").text_content() == "This account is disabled"
        page.get_by_role("link").click()
    assert answer_on(page)["error"] == "access_denied"


def test_the_pages_of_the_demo_provider_fit_a_desk_and_a_phone(page: Page, listener: Listener) -> None:
    with run_idp() as idp:
        provider = Provider("demo", idp.issuer, idp.disable, idp.enable, listener.uri)
        page.goto(provider.authorize_url())
        screenshot(page, "demo-login")
        assert fits(page)
        fill_in(page, "alice", "wrong")
        assert page.get_by_role("alert").text_content() == "User name or password is wrong."
        screenshot(page, "demo-wrong-password")
        fill_in(page, "carol", "carol")
        page.get_by_role("heading", name="This account is disabled").wait_for()
        screenshot(page, "demo-disabled")
        assert fits(page)
        page.goto(provider.authorize_url(client_id="somebody-else"))
        screenshot(page, "demo-refused")


def fits(page: Page) -> bool:
    """No sideways scrolling; the style sheet was let through by the page's own policy."""
    narrow = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    styled = page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth")
    return bool(narrow and styled == "400px")
