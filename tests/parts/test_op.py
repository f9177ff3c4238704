"""The scriptable provider: honest tokens verify, and what a test breaks is broken."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from tests.parts.jose import hs256_with_public_key, stranger, unsigned
from tests.parts.op import DISCOVERY, DOWN, JWKS, Answer, Op, redirect, slow


def get(op: Op, path: str, seconds: float = 5.0) -> httpx2.Response:
    return httpx2.get(op.issuer + path, trust_env=False, timeout=seconds)


def claims_of(op: Op, token: str) -> dict[str, object]:
    keys = KeySet.import_key_set(get(op, JWKS).json())
    return dict(jwt.decode(token, keys, algorithms=["RS256", "ES256", "EdDSA"]).claims)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_an_honest_token_verifies_under_the_published_keys(op: Op, alg: str) -> None:
    op.rotate(alg)
    claims = claims_of(op, op.mint(nonce="n", without=("groups",)))
    assert (claims["nonce"], claims["sub"], "groups" in claims) == ("n", "alice-1", False)


def test_a_dishonest_token_does_not(op: Op) -> None:
    liars = [stranger(), hs256_with_public_key(op.key), unsigned(), unsigned("nOnE")]
    for token in [op.mint(key=key, header={"kid": op.key.kid}) for key in liars]:
        with pytest.raises((JoseError, ValueError)):
            claims_of(op, token)


def test_the_code_flow_gives_back_the_nonce_once(op: Op) -> None:
    query = urlencode({"redirect_uri": "http://127.0.0.1:9/callback", "state": "s", "nonce": "dp1.x"})
    answer = parse_qs(urlsplit(get(op, f"/authorize?{query}").headers["location"]).query)
    form = {"code": answer["code"][0]}
    token = httpx2.post(f"{op.issuer}/token", data=form, trust_env=False).json()["id_token"]
    assert (claims_of(op, token)["nonce"], answer["iss"], answer["state"]) == ("dp1.x", [op.issuer], ["s"])
    assert httpx2.post(f"{op.issuer}/token", data=form, trust_env=False).status_code == 400


def test_an_answer_can_be_replaced_while_it_runs(op: Op) -> None:
    op.answers[JWKS] = Answer(500, b"broken")
    assert (get(op, JWKS).status_code, get(op, DISCOVERY).json()["issuer"]) == (500, op.issuer)
    op.answers[JWKS] = redirect("http://127.0.0.1:9/")
    assert get(op, JWKS).status_code == 302
    op.answers[JWKS] = DOWN
    with pytest.raises(httpx2.TransportError):
        get(op, JWKS)
    op.answers[JWKS] = slow(0.5)
    with pytest.raises(httpx2.TimeoutException):
        get(op, JWKS, seconds=0.1)
    del op.answers[JWKS]
    op.metadata["issuer"] = "https://evil.example"
    assert get(op, DISCOVERY).json()["issuer"] == "https://evil.example"
    assert (op.hits[JWKS], op.hits[DISCOVERY]) == (4, 2)
