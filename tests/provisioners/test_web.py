"""The CA as a web client: what it sends people to, what it believes of an answer, how it redeems a code."""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from tests.parts.op import DISCOVERY, DOWN, Answer, Op, redirect, slow
from tests.provisioners.desk import NONCE, TRUST_STORE, StillClock, open_desk, section_for

from daypass.errors import DaypassError, Denied, Misconfigured, Unauthenticated, Unavailable
from daypass.provisioners import discovery
from daypass.provisioners.web import WebClient

REDIRECT = "https://ca.example.com/device/callback"
TOKEN = "/token"
T = TypeVar("T")


@dataclass(slots=True)
class Web:
    op: Op
    client: WebClient
    clock: StillClock
    runner: asyncio.Runner

    def url(self) -> str:
        return self.runner.run(self.client.url(NONCE, "the-state", "the-challenge", REDIRECT))

    def redeem(self, code: str = "the-code") -> str:
        return self.runner.run(self.client.redeem(code, "the-verifier", REDIRECT)).id_token.reveal()

    def answers(self, value: object, status: int = 200) -> None:
        self.op.answers[TOKEN] = Answer(status=status, body=json.dumps(value).encode())


Open = Callable[..., Web]


@pytest.fixture
def web(op: Op) -> Iterator[Open]:
    """Changes are of the provider's section."""
    with asyncio.Runner() as runner:
        http, clock = httpx2.AsyncClient(verify=TRUST_STORE), StillClock()
        yield lambda **change: Web(op, WebClient(section_for(op, **change), clock, http), clock, runner)
        runner.run(http.aclose())


def failure(kind: type[DaypassError], act: Callable[[], object]) -> DaypassError:
    with pytest.raises(kind) as caught:
        act()
    assert caught.value.hint
    return caught.value


# -- where people are sent ------------------------------------------------------------------------------------


def test_people_are_sent_to_sign_in_for_one_key_with_pkce(web: Open) -> None:
    asked = web(scopes=["email", "openid"])
    url = urlsplit(asked.url())
    assert url._replace(query="").geturl() == f"{asked.op.issuer}/authorize"
    assert dict(parse_qsl(url.query)) == {
        "response_type": "code", "client_id": "daypass", "redirect_uri": REDIRECT, "scope": "openid email",
        "state": "the-state", "nonce": NONCE, "code_challenge": "the-challenge", "code_challenge_method": "S256",
        "max_age": "3600",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ("daypass", "3600")),
        ({"web_client_id": "pages"}, ("pages", "3600")),
        ({"max_age": ""}, ("daypass", None)),
    ],
)
def test_the_pages_may_be_a_client_of_their_own(
    web: Open, change: dict[str, str], said: tuple[str, str | None]
) -> None:
    query = dict(parse_qsl(urlsplit(web(**change).url()).query))
    assert (query["client_id"], query.get("max_age")) == said


def test_how_strong_the_sign_in_is_to_be_is_asked_for(web: Open) -> None:
    query = dict(parse_qsl(urlsplit(web(acr_values=["urn:mfa", "phr"]).url()).query))
    assert query["acr_values"] == "urn:mfa phr"


@pytest.mark.parametrize(("max_age", "said"), [("1h", "3600"), ("", None)])
def test_who_signs_in_anew_shows_no_session(web: Open, max_age: str, said: str | None) -> None:
    asked = web(max_age=max_age)
    made = asked.runner.run(asked.client.url(NONCE, "the-state", "the-challenge", REDIRECT, fresh=True))
    query = dict(parse_qsl(urlsplit(made).query))
    assert (query["prompt"], query.get("max_age")) == ("login", said)


def test_an_endpoint_keeps_the_query_it_has(web: Open) -> None:
    asked = web()
    asked.op.metadata["authorization_endpoint"] = f"{asked.op.issuer}/authorize?policy=mfa"
    assert "/authorize?policy=mfa&response_type=code" in asked.url()


def test_people_are_told_the_providers_host_by_its_name(web: Open) -> None:
    assert (web().client.host, web().client.name) == ("127.0.0.1", "corp")
    assert web(issuer="https://login.microsoftonline.com/{tenantid}/v2.0").client.host == "login.microsoftonline.com"


# -- endpoints ------------------------------------------------------------------------------------------------


def test_endpoints_are_asked_for_once_in_a_few_minutes(web: Open) -> None:
    asked = web()
    for _ in range(3):
        asked.url()
    assert asked.op.hits == {DISCOVERY: 1}
    asked.clock.ticks += discovery.SHORTEST
    asked.url()
    assert asked.op.hits == {DISCOVERY: 2}


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint"])
@pytest.mark.parametrize(
    "value", [None, 7, "", "http://id.example.com/x", "javascript:alert(1)", "https://u@id.example.com", "//x/y"]
)
def test_an_endpoint_without_tls_is_not_used(web: Open, endpoint: str, value: object) -> None:
    asked = web()
    asked.op.metadata[endpoint] = value
    assert failure(Misconfigured, asked.url).code == "provider.address"
    assert failure(Misconfigured, asked.redeem).code == "provider.address"


BROKEN = {
    "down": DOWN,
    "an error": Answer(status=500, body=b"{}"),
    "elsewhere": redirect("http://127.0.0.1/"),
    "not JSON": Answer(body=b"<html>"),
    "without end": Answer(body=b'{"a": "' + b"x" * discovery.MAX_ANSWER + b'"}'),
    "packed": Answer(body=b"x", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_provider_that_can_not_be_asked_is_told_apart_from_a_refusal(web: Open, answer: Answer) -> None:
    asked = web()
    asked.op.answers[DISCOVERY] = answer
    assert failure(Unavailable, asked.url).code == "oidc.provider"
    del asked.op.answers[DISCOVERY]
    assert asked.url()


def test_a_provider_that_calls_itself_something_else_is_not_used(web: Open) -> None:
    asked = web()
    asked.op.metadata["issuer"] = "https://evil.example"
    failure(Unavailable, asked.url)


def test_a_slow_provider_is_given_up(web: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.provisioners.web.TOTAL_TIMEOUT", 0.05)
    asked = web()
    asked.op.answers[DISCOVERY] = slow(0.5)
    failure(Unavailable, asked.url)


# -- whose answer it is ---------------------------------------------------------------------------------------

ISSUERS = [
    (True, "ours", True),
    (True, None, False),
    (True, "https://evil.example", False),
    (True, "", False),
    (False, "ours", True),
    (False, None, True),
    (False, "https://evil.example", False),
    ("true", None, True),  # only a true that is one promises anything
]


@pytest.mark.parametrize(("promised", "said", "good"), ISSUERS)
def test_an_answer_names_the_provider_that_was_asked(
    web: Open, promised: object, said: str | None, good: bool
) -> None:
    """Mix-up (RFC 9207 section 2.4)."""
    asked = web()
    asked.op.metadata["authorization_response_iss_parameter_supported"] = promised
    check: Awaitable[None] = asked.client.check_issuer(asked.op.issuer if said == "ours" else said)

    def act() -> None:
        asked.runner.run(check)  # type: ignore[arg-type]

    if good:
        act()
    else:
        assert failure(Unauthenticated, act).code == "provider.issuer"


# -- redeeming ------------------------------------------------------------------------------------------------


def test_a_code_is_redeemed_for_the_id_token(web: Open) -> None:
    asked = web()
    token = asked.op.mint(nonce=NONCE)
    asked.answers({"id_token": token, "access_token": "a", "token_type": "Bearer"})
    assert asked.redeem() == token
    (sent,) = asked.op.asked[TOKEN]
    assert sent.form == {
        "grant_type": "authorization_code", "code": "the-code", "code_verifier": "the-verifier",
        "redirect_uri": REDIRECT, "client_id": "daypass",
    }  # fmt: skip
    assert "authorization" not in sent.headers


@pytest.mark.parametrize(("groups_from", "kept"), [("token", False), ("userinfo", True)])
def test_the_access_token_is_kept_where_groups_are_asked_for(web: Open, groups_from: str, kept: bool) -> None:
    asked = web(groups_from=groups_from)
    asked.answers({"id_token": asked.op.mint(nonce=NONCE), "access_token": "its-access"})
    redeemed = asked.runner.run(asked.client.redeem("the-code", "the-verifier", REDIRECT))
    assert (redeemed.access_token.reveal() if redeemed.access_token else None) == ("its-access" if kept else None)
    assert "its-access" not in repr(redeemed)


def test_a_token_full_of_groups_is_told_as_one(web: Open) -> None:
    asked = web()
    asked.answers({"id_token": asked.op.mint(groups=[f"g-{n:05d}" for n in range(10_000)])})
    assert failure(Misconfigured, asked.redeem).code == "token.size"


PAIR = {"web_client_id": "pa:ges", "web_client_secret": "s&c/ret"}


@pytest.mark.parametrize(
    ("change", "methods", "basic", "form"),
    [
        (PAIR, None, "pa%3Ages:s%26c%2Fret", {}),
        (PAIR, ["client_secret_basic", "client_secret_post"], "pa%3Ages:s%26c%2Fret", {}),
        (PAIR, ["client_secret_post"], None, {"client_id": "pa:ges", "client_secret": "s&c/ret"}),
        ({"client_secret": "own"}, None, "daypass:own", {}),
        ({"client_secret": "own", "web_client_id": "pages"}, None, None, {"client_id": "pages"}),
    ],
)
def test_the_ca_shows_its_secret_as_the_provider_takes_it(
    web: Open, change: dict[str, str], methods: list[str] | None, basic: str | None, form: dict[str, str]
) -> None:
    """RFC 6749 section 2.3.1; OpenID Connect Core 1.0 section 9: basic is the default."""
    asked = web(**change)
    if methods is not None:
        asked.op.metadata["token_endpoint_auth_methods_supported"] = methods
    asked.answers({"id_token": asked.op.mint()})
    asked.redeem()
    (sent,) = asked.op.asked[TOKEN]
    shown = sent.headers.get("authorization", "").removeprefix("Basic ")
    assert (b64decode(shown).decode() or None) == basic
    assert {name: sent.form[name] for name in ("client_id", "client_secret") if name in sent.form} == form


REFUSALS = [
    ({"error": "invalid_grant"}, 400, Denied, "provider.invalid_grant"),
    ({"error": "invalid_client"}, 401, Misconfigured, "provider.refused"),
    ({"error": ["x"]}, 400, Misconfigured, "provider.refused"),
    ("nothing", 400, Misconfigured, "provider.refused"),
    ({"id_token": "a.b.c"}, 302, Misconfigured, "provider.refused"),
    ({}, 500, Unavailable, "provider.down"),
    ({"error": "slow_down"}, 429, Unavailable, "provider.down"),
    ({}, 200, Unauthenticated, "provider.no-id-token"),
    ([], 200, Unauthenticated, "provider.no-id-token"),
    ({"id_token": None}, 200, Unauthenticated, "provider.no-id-token"),
    ({"id_token": "x"}, 200, Unauthenticated, "provider.no-id-token"),
    ({"id_token": "a.b.c"}, 200, Unauthenticated, "provider.no-id-token"),
]


@pytest.mark.parametrize(("answer", "status", "kind", "code"), REFUSALS)
def test_what_the_token_endpoint_says_instead(
    web: Open, answer: object, status: int, kind: type[DaypassError], code: str
) -> None:
    asked = web()
    asked.answers(answer, status)
    assert failure(kind, asked.redeem).code == code


def test_a_token_of_another_issuer_is_not_passed_on(web: Open) -> None:
    """One provider of several can't bring what another one has signed."""
    asked = web()
    asked.answers({"id_token": asked.op.mint(iss="https://other.example")})
    assert failure(Unauthenticated, asked.redeem).code == "provider.no-id-token"


def test_a_token_endpoint_is_where_it_says_it_is(web: Open) -> None:
    asked = web()
    asked.op.answers[TOKEN] = redirect(f"{asked.op.issuer}/elsewhere")
    failure(Misconfigured, asked.redeem)
    assert "/elsewhere" not in asked.op.hits


@pytest.mark.parametrize("name", ["down", "without end", "packed"])
def test_a_token_endpoint_that_does_not_answer_is_unavailable(web: Open, name: str) -> None:
    asked = web()
    asked.op.answers[TOKEN] = BROKEN[name]
    assert failure(Unavailable, asked.redeem).code == "oidc.provider"


def test_no_code_verifier_secret_or_token_is_in_any_log_or_error(web: Open, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpx2")  # a CA that served in this process has quietened it
    asked = web(web_client_id="pages", web_client_secret="the-secret")
    token = asked.op.mint(nonce=NONCE)
    asked.answers({"id_token": token})
    asked.redeem()
    said = []
    for answer, status, kind, _ in REFUSALS:
        asked.answers({**answer, "error_description": "the-secret"} if isinstance(answer, dict) else answer, status)
        error = failure(kind, asked.redeem)
        said.append(f"{error.message} {error.hint}")
    asked.op.answers[TOKEN] = DOWN
    failure(Unavailable, asked.redeem)
    assert any(record.name.startswith("http") for record in caplog.records)
    said += [f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records]
    basic = "cGFnZXM6dGhlLXNlY3JldA"  # pages:the-secret
    for secret in ("the-code", "the-verifier", "the-secret", basic, token, token.rpartition(".")[2]):
        assert secret not in "\n".join(said)


# -- the tokens that come of it -------------------------------------------------------------------------------


def test_a_token_for_the_pages_client_is_taken_where_it_is_bound(op: Op) -> None:
    with open_desk(op, web_client_id="pages") as desk:
        for audience in ("pages", ["pages"], "daypass"):
            assert desk.provisioner.recognises(desk.token(aud=audience))
            assert desk.show(desk.token(aud=audience, azp=desk_azp(audience))).bound
        for audience in (["pages", "daypass"], ["pages", "other"], "other"):
            with pytest.raises(Unauthenticated) as caught:
                desk.show(desk.token(aud=audience))
            assert caught.value.code == "oidc.audience"


def desk_azp(audience: str | list[str]) -> str:
    return audience if isinstance(audience, str) else audience[0]


def test_a_token_for_the_pages_client_is_never_taken_unbound(op: Op) -> None:
    with open_desk(op, web_client_id="pages", allow_unbound=True) as desk:
        assert not desk.show(desk.token(nonce="step"), salt=None).bound
        with pytest.raises(Unauthenticated) as caught:
            desk.show(desk.token(aud="pages", nonce="step"), salt=None)
        assert caught.value.code == "oidc.unbound"
        with pytest.raises(Unauthenticated) as caught:
            desk.show(desk.token(aud="pages", azp="daypass"))
        assert caught.value.code == "oidc.azp"


def test_without_a_pages_client_nothing_more_is_taken(op: Op) -> None:
    with open_desk(op, allow_unbound=True) as desk:
        assert not desk.provisioner.recognises(desk.token(aud="pages"))
        assert not desk.provisioner.recognises(desk.token(aud=""))
        assert not desk.show(desk.token(nonce="step"), salt=None).bound
