"""The provider is down, slow, lying, or has new keys."""

from __future__ import annotations

import asyncio
import json
import logging

import httpx2
import pytest
from tests.parts.jose import SigningKey, new_key, stranger
from tests.parts.op import DISCOVERY, DOWN, JWKS, Answer, Op, redirect, slow
from tests.provisioners.desk import KEY, SALT, Desk, StillClock

from daypass.errors import Unauthenticated, Unavailable
from daypass.model import Credential, Secret, discovery_url
from daypass.provisioners import discovery
from daypass.provisioners.discovery import ProviderKeys, is_safe_url, provider_client

MINUTE, HOUR = 60, 3600
ALGORITHMS = ("RS256", "ES256", "EdDSA")


def unavailable(desk: Desk, token: str = "") -> Unavailable:
    with pytest.raises(Unavailable, match="corp") as down:
        desk.show(token or desk.token())
    assert down.value.hint
    return down.value


def refused(desk: Desk, token: str) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        desk.show(token)
    return refusal.value.code


# -- rotation -------------------------------------------------------------------------------------------------


def test_keys_are_fetched_once_and_kept(desk: Desk) -> None:
    for number in range(5):
        desk.show(desk.token(sub=f"person-{number}"))
    assert desk.op.hits == {DISCOVERY: 1, JWKS: 1}


def test_a_new_key_is_found_and_a_withdrawn_one_is_gone(desk: Desk) -> None:
    old = desk.token()
    desk.show(old)
    desk.op.rotate()
    desk.clock.ticks += discovery.PAUSE
    desk.show(desk.token())
    assert refused(desk, old) == "oidc.key"


def test_a_new_key_beside_the_old_one_leaves_both_good(desk: Desk) -> None:
    old = desk.token()
    desk.show(old)
    desk.op.rotate("ES256", keep_old=True)
    desk.clock.ticks += discovery.PAUSE
    desk.show(desk.token())
    desk.show(old)


def test_a_new_key_is_found_where_the_provider_gives_no_kids(desk: Desk) -> None:
    for _ in range(2):
        key = _without_kid(desk.op.rotate())
        desk.op.published = [key]
        desk.show(desk.token(header={"kid": None}))
        desk.clock.ticks += discovery.PAUSE
    assert desk.op.hits[JWKS] == 2


def _without_kid(key: SigningKey) -> SigningKey:
    jwk = {name: value for name, value in key.jwk.items() if name != "kid"}
    return SigningKey(key.alg, key.kid, jwk, key.sign, key.pem)


def test_without_a_kid_there_must_be_no_choice(desk: Desk) -> None:
    desk.op.published = [desk.op.key, stranger(), new_key("ES256")]
    assert refused(desk, desk.token(header={"kid": None})) == "oidc.key"
    desk.op.rotate("ES256")
    desk.op.published = [desk.op.key, stranger()]
    desk.clock.ticks += discovery.PAUSE
    desk.show(desk.token(header={"kid": None}))


def test_unknown_kids_ask_the_provider_twice_a_minute_at_most(desk: Desk) -> None:
    desk.show(desk.token())
    for second in range(120):
        desk.clock.ticks += 1
        assert refused(desk, desk.token(header={"kid": f"unheard-of-{second}"})) == "oidc.key"
    assert desk.op.hits[JWKS] == 1 + 120 // discovery.PAUSE


def test_a_hundred_unknown_kids_at_once_are_one_fetch(desk: Desk) -> None:
    desk.show(desk.token())
    desk.clock.ticks += discovery.PAUSE
    desk.op.answers[JWKS] = slow(0.1)
    tokens = [desk.token(header={"kid": f"unheard-of-{number}"}) for number in range(100)]

    async def all_at_once() -> list[object]:
        shown = [Credential(Secret(token), (KEY,), salt=SALT) for token in tokens]
        return await asyncio.gather(*map(desk.provisioner.authenticate, shown), return_exceptions=True)

    assert all(isinstance(answer, Unauthenticated) for answer in desk.runner.run(all_at_once()))
    assert desk.op.hits == {DISCOVERY: 2, JWKS: 2}


def test_one_who_hangs_up_does_not_stop_the_fetch_for_the_others(desk: Desk) -> None:
    desk.op.answers[JWKS] = slow(0.1)
    credential = Credential(Secret(desk.token()), (KEY,), salt=SALT)

    async def first_hangs_up() -> bool:
        first = asyncio.create_task(desk.provisioner.authenticate(credential))
        second = asyncio.create_task(desk.provisioner.authenticate(credential))
        await asyncio.sleep(0.02)
        first.cancel()
        return (await second).bound

    assert desk.runner.run(first_hangs_up())
    assert desk.op.hits[JWKS] == 1


@pytest.mark.parametrize(
    ("cache_control", "fresh"),
    [
        ("", 5 * MINUTE),
        ("no-store", 5 * MINUTE),
        ("public, max-age=1", 5 * MINUTE),
        ("public, max-age=3600, must-revalidate", HOUR),
        ("Max-Age=7200", 2 * HOUR),
        ("s-maxage=7200", 5 * MINUTE),
        ("max-age=999999999", 12 * HOUR),
        ("max-age=99999999999999999999", 12 * HOUR),
        ("max-age=soon", 5 * MINUTE),
    ],
)
def test_keys_are_fresh_for_as_long_as_the_provider_says_within_bounds(
    desk: Desk, cache_control: str, fresh: int
) -> None:
    body = json.dumps({"keys": [dict(desk.op.key.jwk)]}).encode()
    desk.op.answers[JWKS] = Answer(body=body, headers={"Cache-Control": cache_control})
    desk.show(desk.token())
    desk.clock.ticks += fresh - 1
    desk.show(desk.token())
    assert desk.op.hits[JWKS] == 1
    desk.clock.ticks += 1
    desk.show(desk.token())
    assert desk.op.hits[JWKS] == 2


# -- down -----------------------------------------------------------------------------------------------------


def test_a_provider_that_is_down_at_start_is_simply_asked_again(desk: Desk) -> None:
    """step-ca #2724: the provisioner stayed dead until a restart."""
    desk.op.answers[DISCOVERY] = DOWN
    assert unavailable(desk).retry_after == discovery.PAUSE_WITHOUT_KEYS
    desk.op.answers.clear()
    desk.clock.ticks += discovery.PAUSE_WITHOUT_KEYS
    assert desk.show(desk.token()).bound


def test_a_provider_that_is_down_is_not_asked_for_every_token(desk: Desk) -> None:
    desk.op.answers[DISCOVERY] = DOWN
    for _ in range(20):
        unavailable(desk)
    assert desk.op.hits[DISCOVERY] == 1


def test_known_keys_serve_for_a_day_while_the_provider_is_down(desk: Desk) -> None:
    desk.show(desk.token())
    desk.op.answers[JWKS] = DOWN
    desk.clock.ticks += 24 * HOUR - 1
    desk.show(desk.token())
    assert refused(desk, desk.token(key=stranger())) == "oidc.key"
    desk.clock.ticks += 1
    unavailable(desk)
    desk.op.answers.clear()
    desk.clock.ticks += discovery.PAUSE
    desk.show(desk.token())


@pytest.mark.parametrize("path", [DISCOVERY, JWKS])
def test_a_provider_that_stalls_is_given_up_on(desk: Desk, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "TOTAL_TIMEOUT", 0.05)
    desk.op.answers[path] = slow(0.3)
    unavailable(desk)


# -- lying ----------------------------------------------------------------------------------------------------

LIES: list[tuple[str, str, Answer]] = [
    ("status 500", DISCOVERY, Answer(500, b"{}")),
    ("status 404", JWKS, Answer(404, b"{}")),
    ("status 204", JWKS, Answer(204, b"")),
    ("a page", DISCOVERY, Answer(body=b"<html>welcome to our hotel's network</html>")),
    ("a list", JWKS, Answer(body=b"[]")),
    ("no keys", JWKS, Answer(body=b"{}")),
    ("keys that are no list", JWKS, Answer(body=b'{"keys": {}}')),
    ("too many keys", JWKS, Answer(body=json.dumps({"keys": [{}] * 101}).encode())),
    ("cut off", JWKS, Answer(body=b'{"keys": [', headers={"Content-Length": "5000"})),
    ("too large", JWKS, Answer(body=b'{"keys": [], "x": "' + b"x" * discovery.MAX_ANSWER + b'"}')),
    ("packed", JWKS, Answer(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})),
    ("issuer twice", DISCOVERY, Answer(body=b'{"issuer": "a", "issuer": "b"}')),
    ("nested too deep", DISCOVERY, Answer(body=b"[" * 100_000)),
]


@pytest.mark.parametrize(("path", "answer"), [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES])
def test_an_answer_that_makes_no_sense_is_no_answer(
    desk: Desk, path: str, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "TOTAL_TIMEOUT", 0.5)  # for the one that is cut off
    desk.op.answers[path] = answer
    unavailable(desk)


@pytest.mark.parametrize(
    ("status", "headers"), [(203, {}), (404, {}), (500, {}), (200, {"Content-Encoding": "gzip"})]
)
def test_the_right_keys_in_the_wrong_answer_are_no_keys(desk: Desk, status: int, headers: dict[str, str]) -> None:
    desk.op.answers[JWKS] = Answer(status, desk.op.ordinary(JWKS, {}, {}).body, headers)
    unavailable(desk)
    del desk.op.answers[JWKS]
    desk.clock.ticks += discovery.PAUSE_WITHOUT_KEYS
    desk.show(desk.token())


@pytest.mark.parametrize("path", [DISCOVERY, JWKS])
def test_a_redirect_is_not_followed(desk: Desk, path: str) -> None:
    desk.op.answers[path] = redirect("/elsewhere")
    unavailable(desk)
    assert desk.op.hits["/elsewhere"] == 0


@pytest.mark.parametrize(
    "issuer", ["https://evil.example.com", "ISSUER/", "", None, ["ISSUER"], "HTTP://127.0.0.1", "\ud800"]
)
def test_the_issuer_in_the_discovery_document_must_be_ours(desk: Desk, issuer: object) -> None:
    if isinstance(issuer, str):
        issuer = issuer.replace("ISSUER", desk.op.issuer)
    desk.op.metadata["issuer"] = issuer
    unavailable(desk)
    assert desk.op.hits[JWKS] == 0


@pytest.mark.parametrize(
    "uri",
    [
        None,
        1,
        "",
        "http://idp.example.com/jwks",
        "file:///etc/passwd",
        "//127.0.0.1/jwks",
        "https://",
        "https://user:secret@127.0.0.1/jwks",
        "https://[::1/jwks",
        "http://127.0.0.1:99999/jwks",
        "https://127.0.0.1:1/jwks#fragment",
        "https://127.0.0.1:1/jwks\n",
    ],
)
def test_keys_come_from_a_safe_address(desk: Desk, uri: object) -> None:
    desk.op.metadata["jwks_uri"] = uri
    unavailable(desk)


def test_a_certificate_that_the_system_does_not_trust_is_no_provider() -> None:
    async def look(keys: ProviderKeys) -> None:
        await keys.find("kid", "RS256")

    async def main(port: int) -> None:
        async with provider_client() as http:
            keys = ProviderKeys("corp", f"https://127.0.0.1:{port}", ALGORITHMS, StillClock(), http)
            await look(keys)

    async def serve_and_look() -> None:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        async with server:
            await main(server.sockets[0].getsockname()[1])

    with pytest.raises(Unavailable):
        asyncio.run(serve_and_look())


def test_the_log_says_what_was_wrong(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    desk.op.metadata["issuer"] = "https://evil.example.com"
    unavailable(desk)
    assert "corp" in caplog.text
    assert "evil.example.com" in caplog.text


# -- addresses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "loopback", "safe"),
    [
        ("https://idp.example.com", False, True),
        ("https://idp.example.com:8443/realms/corp", False, True),
        ("http://127.0.0.1:8080", True, True),
        ("http://localhost", True, True),
        ("http://[::1]:8080", True, True),
        ("http://127.0.0.1", False, False),
        ("http://localhost.evil.example.com", True, False),
        ("http://127.0.0.1.evil.example.com", True, False),
        ("http://10.0.0.1", True, False),
        ("https://idp.exämple.com", False, False),
        ("https://user@idp.example.com", False, False),
        ("ftp://127.0.0.1", True, False),
        ("idp.example.com", True, False),
        ("", True, False),
    ],
)
def test_plain_http_goes_to_this_machine_only(url: str, loopback: bool, safe: bool) -> None:
    assert is_safe_url(url, loopback=loopback) is safe


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://idp.example.com", "https://idp.example.com/.well-known/openid-configuration"),
        ("https://idp.example.com/", "https://idp.example.com/.well-known/openid-configuration"),
        (
            "https://idp.example.com/realms/corp",
            "https://idp.example.com/realms/corp/.well-known/openid-configuration",
        ),
        ("https://e/{tenantid}/v2.0", "https://e/organizations/v2.0/.well-known/openid-configuration"),
    ],
)
def test_the_discovery_document_is_below_the_issuer(issuer: str, url: str) -> None:
    """Discovery 1.0 section 4.1."""
    assert discovery_url(issuer) == url


# -- keys -----------------------------------------------------------------------------------------------------

RSA_KEY, EC_KEY, ED_KEY = (dict(new_key(alg).jwk) for alg in ALGORITHMS)
WEAK_RSA = {**RSA_KEY, "n": RSA_KEY["n"][:170] + "E"}  # 128 bytes, and odd: nothing but its size is wrong
JWKS_CASES = [
    ("as it is", RSA_KEY, True),
    ("P-256", EC_KEY, True),
    ("Ed25519", ED_KEY, True),
    ("no alg, no use", {name: RSA_KEY[name] for name in ("kty", "n", "e", "kid")}, True),
    ("key_ops verify", {**RSA_KEY, "key_ops": ["verify"]}, True),
    ("for encryption", {**RSA_KEY, "use": "enc"}, False),
    ("key_ops without verify", {**RSA_KEY, "key_ops": ["encrypt"]}, False),
    ("key_ops is text", {**RSA_KEY, "key_ops": "verify"}, False),
    ("another alg", {**RSA_KEY, "alg": "PS256"}, False),
    ("alg of another kty", {**RSA_KEY, "alg": "ES256"}, False),
    ("RSA-OAEP", {**RSA_KEY, "alg": "RSA-OAEP"}, False),
    ("RSA 1024", WEAK_RSA, False),
    ("exponent 1", {**RSA_KEY, "e": "AQ"}, False),
    ("exponent of 33 bytes (CVE-2026-39829)", {**RSA_KEY, "e": "Af" + "_" * 42}, False),
    ("modulus missing", {name: value for name, value in RSA_KEY.items() if name != "n"}, False),
    ("modulus is a number", {**RSA_KEY, "n": 5}, False),
    ("private half published", {**RSA_KEY, "d": RSA_KEY["n"]}, False),
    ("point not on the curve", {**EC_KEY, "x": EC_KEY["y"]}, False),
    ("P-256 said to be P-384", {**EC_KEY, "crv": "P-384", "alg": "ES384"}, False),
    ("secp256k1", {**EC_KEY, "crv": "secp256k1", "alg": "ES256K"}, False),
    ("X25519", {**ED_KEY, "crv": "X25519"}, False),
    ("symmetric", {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "key"}, False),
    ("kid is a number", {**RSA_KEY, "kid": 1}, False),
    ("kty is a list", {**RSA_KEY, "kty": ["RSA"]}, False),
    ("not an object", "key", False),
    ("nothing", None, False),
]


@pytest.mark.parametrize(("jwk", "usable"), [case[1:] for case in JWKS_CASES], ids=[case[0] for case in JWKS_CASES])
@pytest.mark.filterwarnings("error::joserfc.errors.SecurityWarning")
def test_a_published_key_is_usable_or_left_out(op: Op, jwk: object, usable: bool) -> None:
    beside = new_key("ES256")
    op.answers[JWKS] = Answer(body=json.dumps({"keys": [jwk, dict(beside.jwk)]}).encode())

    async def look() -> list[bool]:
        async with provider_client() as http:
            keys = ProviderKeys("corp", op.issuer, ALGORITHMS, StillClock(), http)
            kid = jwk.get("kid") if isinstance(jwk, dict) else "key"
            found = [await keys.find(str(kid), alg) for alg in (*ALGORITHMS, "PS256", "ES384", "HS256", "ES256K")]
            return [any(found), await keys.find(beside.kid, "ES256") is not None]

    assert asyncio.run(look()) == [usable, True]


def test_two_keys_under_one_kid_are_neither(desk: Desk) -> None:
    twin = stranger()
    desk.op.published = [desk.op.key, SigningKey("RS256", "", {**twin.jwk, "kid": desk.op.key.kid}, twin.sign)]
    assert refused(desk, desk.token()) == "oidc.key"


def test_the_client_follows_no_redirect_by_itself() -> None:
    async def client() -> httpx2.AsyncClient:
        async with provider_client() as http:
            return http

    http = asyncio.run(client())
    assert not http.follow_redirects
    assert http.trust_env
    assert (http.timeout.connect, http.timeout.read) == (5, 10)
