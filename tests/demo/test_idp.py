"""The demo's identity provider, over real HTTP with the person played by `sign_in`."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from tests.parts.listener import Listener

from daypass.demo.idp import Idp, run_idp, sign_in
from daypass.errors import Unauthenticated

VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass(slots=True)
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def running(clock: Clock) -> Iterator[Idp]:
    with run_idp(clock=clock) as idp:
        yield idp


@pytest.fixture
def idp(running: Idp) -> Iterator[Idp]:
    yield running
    running.enable("alice")
    running.enable("bob")


def authorize_url(idp: Idp, redirect_uri: str, **change: str | None) -> str:
    query = {
        "client_id": idp.client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "openid email",
        "state": "s1",
        "nonce": "dp1.+/= exact",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    wanted = {name: value for name, value in {**query, **change}.items() if value is not None}
    return f"{idp.issuer}/authorize?{urlencode(wanted)}"


def redeem(idp: Idp, redirect_uri: str, code: str, /, **change: str) -> httpx2.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": idp.client_id,
        "redirect_uri": redirect_uri,
        "code": code,
        "code_verifier": VERIFIER,
    }
    return httpx2.post(f"{idp.issuer}/token", data={**form, **change}, trust_env=False)


def claims_of(idp: Idp, token: str) -> dict[str, object]:
    keys = KeySet.import_key_set(httpx2.get(f"{idp.issuer}/jwks", trust_env=False).json())
    return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)


def test_a_sign_in_yields_a_token_with_every_claim(idp: Idp, listener: Listener, clock: Clock) -> None:
    sign_in(authorize_url(idp, listener.uri), "alice", "alice")
    (answer,) = listener.answers
    assert (answer["state"], answer["iss"]) == ("s1", idp.issuer)
    body = redeem(idp, listener.uri, answer["code"]).json()
    claims = claims_of(idp, body["id_token"])
    assert len(str(claims.pop("sub"))) == 24
    assert claims == {
        "iss": idp.issuer,
        "aud": "daypass",
        "iat": int(clock.now),
        "exp": int(clock.now) + 300,
        "auth_time": int(clock.now),
        "amr": ["pwd"],
        "acr": "urn:example:password",
        "nonce": "dp1.+/= exact",
        "email": "alice@example.com",
        "email_verified": True,
        "groups": ["engineers", "oncall"],
        "preferred_username": "alice",
    }
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    userinfo = httpx2.get(f"{idp.issuer}/userinfo", headers=bearer, trust_env=False).json()
    assert userinfo["email"] == "alice@example.com"


def test_the_subject_stays_the_same_over_a_restart(listener: Listener) -> None:
    seen = set()
    for _ in range(2):
        with run_idp() as idp:
            sign_in(authorize_url(idp, listener.uri), "alice", "alice")
            token = redeem(idp, listener.uri, listener.answers[-1]["code"]).json()["id_token"]
            seen.add(claims_of(idp, token)["sub"])
    assert len(seen) == 1


def test_a_wrong_password_leads_nowhere(idp: Idp, listener: Listener) -> None:
    with pytest.raises(Unauthenticated):
        sign_in(authorize_url(idp, listener.uri), "alice", "wrong")
    assert listener.answers == []


def test_a_disabled_person_gets_no_code_and_the_client_hears_of_it(idp: Idp, listener: Listener) -> None:
    sign_in(authorize_url(idp, listener.uri), "carol", "carol")
    (answer,) = listener.answers
    assert answer["error"] == "access_denied"
    assert "code" not in answer


def test_disabling_ends_a_code_that_is_out_already_and_enabling_helps_again(idp: Idp, listener: Listener) -> None:
    sign_in(authorize_url(idp, listener.uri), "bob", "bob")
    idp.disable("bob")
    assert redeem(idp, listener.uri, listener.answers[0]["code"]).json() == {"error": "invalid_grant"}
    sign_in(authorize_url(idp, listener.uri), "bob", "bob")
    assert listener.answers[1]["error"] == "access_denied"
    idp.enable("bob")
    sign_in(authorize_url(idp, listener.uri), "bob", "bob")
    assert redeem(idp, listener.uri, listener.answers[2]["code"]).status_code == 200


def test_a_code_is_good_for_one_attempt(idp: Idp, listener: Listener) -> None:
    sign_in(authorize_url(idp, listener.uri), "alice", "alice")
    code = listener.answers[0]["code"]
    assert redeem(idp, listener.uri, code).status_code == 200
    assert redeem(idp, listener.uri, code).json() == {"error": "invalid_grant"}


def test_a_code_ends_after_a_minute(idp: Idp, listener: Listener, clock: Clock) -> None:
    sign_in(authorize_url(idp, listener.uri), "alice", "alice")
    clock.now += 61
    assert redeem(idp, listener.uri, listener.answers[0]["code"]).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "change",
    [
        {"code_verifier": "w" * 43},
        {"client_id": "other"},
        {"redirect_uri": "http://127.0.0.1:1/callback"},
        {"grant_type": "password"},
    ],
)
def test_a_code_is_bound_to_its_request(idp: Idp, listener: Listener, change: dict[str, str]) -> None:
    sign_in(authorize_url(idp, listener.uri), "alice", "alice")
    assert redeem(idp, listener.uri, listener.answers[0]["code"], **change).status_code == 400


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_request_without_what_it_needs_is_sent_back(
    idp: Idp, listener: Listener, change: dict[str, str | None], error: str
) -> None:
    httpx2.get(authorize_url(idp, listener.uri, **change), follow_redirects=True, trust_env=False)
    (answer,) = listener.answers
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "s1", idp.issuer)


def test_the_pages_of_a_ca_on_this_machine_are_registered_too(idp: Idp) -> None:
    """`make demo KEEP=1`, and then `daypass login --device`."""
    page = httpx2.get(authorize_url(idp, "https://localhost:8443/device/callback"), trust_env=False)
    assert page.status_code == 200 and "User name" in page.text


@pytest.mark.parametrize(
    ("client_id", "redirect_uri"),
    [
        ("other", "http://127.0.0.1:9/callback"),
        ("daypass", "http://127.0.0.1:9/other"),
        ("daypass", "http://127.0.0.1:9/callback?x=1"),
        ("daypass", "http://127.0.0.1:9@evil.example/callback"),
        ("daypass", "http://127.0.0.1.evil.example:9/callback"),
        ("daypass", "https://127.0.0.1:9/callback"),
        ("daypass", "http://localhost:9/callback"),
        ("daypass", "https://localhost:9/device/callback?x=1"),
        ("daypass", "https://localhost:9@evil.example/device/callback"),
        ("daypass", ""),
    ],
)
def test_nothing_is_ever_sent_to_an_address_that_is_not_registered(
    idp: Idp, client_id: str, redirect_uri: str
) -> None:
    page = httpx2.get(authorize_url(idp, redirect_uri, client_id=client_id), trust_env=False)
    assert (page.status_code, "location" in page.headers) == (400, False)


@pytest.mark.parametrize(
    ("later", "change", "asks"),
    [
        (0, {}, False),
        (0, {"prompt": "login"}, True),
        (0, {"max_age": "60"}, False),
        (61, {"max_age": "60"}, True),
        (1, {"max_age": "0"}, True),
        (61, {"prompt": "none"}, False),
    ],
)
def test_a_session_spares_the_form_unless_the_request_wants_a_fresh_sign_in(
    idp: Idp, listener: Listener, clock: Clock, later: int, change: dict[str, str], asks: bool
) -> None:
    with httpx2.Client(follow_redirects=True, trust_env=False) as browser:
        person = {"username": "alice", "password": "alice"}
        browser.post(authorize_url(idp, listener.uri), data=person)
        signed_in_at, clock.now = int(clock.now), clock.now + later
        page = browser.get(authorize_url(idp, listener.uri, **change))
    assert ("<form" in page.text) == asks
    if not asks:
        token = redeem(idp, listener.uri, listener.answers[-1]["code"]).json()["id_token"]
        assert claims_of(idp, token)["auth_time"] == signed_in_at


def test_a_session_of_a_disabled_person_is_worth_nothing(idp: Idp, listener: Listener) -> None:
    with httpx2.Client(follow_redirects=True, trust_env=False) as browser:
        browser.post(authorize_url(idp, listener.uri), data={"username": "alice", "password": "alice"})
        idp.disable("alice")
        page = browser.get(authorize_url(idp, listener.uri))
    assert (page.status_code, len(listener.answers)) == (403, 1)
    assert "This account is disabled" in page.text


def test_what_a_request_says_is_escaped_on_the_page(idp: Idp, listener: Listener) -> None:
    url = authorize_url(idp, listener.uri, login_hint='"><script>x</script>', state="'\"><script>")
    page = httpx2.get(url, trust_env=False)
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
