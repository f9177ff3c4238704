"""The OpenID relying party's negative list, and what binds a token to a key."""

from __future__ import annotations

import json
import logging
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.parts.jose import base64url, hs256_with_public_key, new_key, stranger, unsigned
from tests.parts.op import Op, run_op
from tests.provisioners.desk import KEY, NONCE, NOW, OTHER_KEY, SALT, Desk, open_desk

from daypass.errors import Misconfigured, Unauthenticated
from daypass.model import Credential, OnceId, Secret
from daypass.wire.binding import login_nonce

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture(scope="module")
def calm() -> Iterator[Desk]:
    """For tests that change nothing at the provider, and leave the clock alone."""
    with run_op() as op, open_desk(op) as desk:
        yield desk


def refusal(desk: Desk, token: str, **credential: object) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as refused:
        desk.show(token, **credential)
    assert refused.value.hint
    assert len(token) < 40 or token not in f"{refused.value.message}{refused.value.hint}"
    return refused.value


# -- what is accepted -----------------------------------------------------------------------------------------


def test_a_token_made_for_this_key_proves_who_holds_it(desk: Desk) -> None:
    proof = desk.show(desk.token(acr="urn:mfa", amr=["pwd", "otp"]))
    assert proof.bound
    assert proof.once == OnceId("corp", f"nonce:{NONCE}")
    assert (proof.issued_at, proof.expires_at) == (NOW, NOW + 360)
    assert (proof.identity.issuer, proof.identity.subject) == (desk.op.issuer, "alice-1")
    assert (proof.identity.auth_time, proof.identity.acr) == (NOW - 30, "urn:mfa")
    assert proof.identity.amr == ("pwd", "otp")
    assert desk.provisioner.name == proof.identity.provider == "corp"


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
@pytest.mark.filterwarnings("error::joserfc.errors.SecurityWarning")
def test_every_algorithm_of_the_section_is_verified(desk: Desk, alg: str) -> None:
    desk.op.rotate(alg)
    assert desk.show(desk.token()).bound


@pytest.mark.parametrize(
    "change",
    [
        {"aud": ["daypass"]},
        {"azp": "daypass"},
        {"nbf": NOW + 60},
        {"iat": NOW + 60},
        {"iat": NOW - 600},
        {"iat": NOW + 0.5, "exp": NOW + 300.5},  # RFC 7519 allows fractions
        {"exp": NOW - 59},
        {"auth_time": NOW + 60},
        {"auth_time": NOW - 3600 - 60},
        {"header": {"typ": None}},
        {"header": {"typ": "jwt"}},
        {"header": {"kid": None}},
        {"header": {"x5t": "thumbprint"}},
        {"typ": "ID"},
        {"token_use": "id"},
        {"sub": "s" * 255},
        {"groups": [f"group-{n}" for n in range(300)]},
    ],
    ids=str,
)
def test_honest_variety_is_accepted(calm: Desk, change: dict[str, object]) -> None:
    assert calm.show(calm.token(**change)).bound  # type: ignore[arg-type]


# -- OpenID Connect Core 3.1.3.7, step by step ----------------------------------------------------------------

CLAIMS = [
    ("issuer", {"iss": "https://evil.example.com"}),
    ("issuer", {"iss": ["ISSUER"]}),
    ("issuer", {"iss": None}),
    ("audience", {"aud": "other"}),
    ("audience", {"aud": ["daypass", "other"]}),
    ("audience", {"aud": ["daypass", "other"], "azp": "daypass"}),
    ("audience", {"aud": []}),
    ("audience", {"aud": [["daypass"]]}),
    ("audience", {"aud": {"daypass": 1}}),
    ("audience", {"aud": None}),
    ("audience", {"aud": "Daypass"}),
    ("azp", {"azp": "other"}),
    ("azp", {"azp": None}),
    ("expired", {"exp": NOW - 60}),
    ("expired", {"exp": 0}),
    ("expiry", {"exp": None}),
    ("claim", {"exp": True}),
    ("claim", {"exp": "1900000000"}),
    ("claim", {"exp": 10**30}),
    ("claim", {"exp": -1}),
    ("claim", {"exp": [NOW + 300]}),
    ("not-yet", {"nbf": NOW + 61}),
    ("claim", {"nbf": False}),
    ("not-yet", {"iat": NOW + 61}),
    ("old", {"iat": NOW - 601}),
    ("issued", {"iat": None}),
    ("claim", {"iat": True}),
    ("claim", {"iat": 1e300}),
    ("auth-time", {"auth_time": None}),
    ("auth-time", {"auth_time": NOW + 61}),
    ("auth-age", {"auth_time": NOW - 3600 - 61}),
    ("auth-age", {"auth_time": 0}),
    ("claim", {"auth_time": True}),
    ("claim", {"auth_time": "now"}),
    ("claim", {"acr": 1}),
    ("claim", {"acr": ["urn:mfa"]}),
    ("claim", {"amr": {"pwd": True}}),
    ("claim", {"amr": ["pwd", 1]}),
    ("subject", {"sub": None}),
    ("subject", {"sub": ""}),
    ("subject", {"sub": 1}),
    ("subject", {"sub": "s" * 256}),
    ("subject", {"sub": "ælice"}),
    ("subject", {"sub": "alice\n"}),
    ("subject", {"sub": "al\0ice"}),
    ("unbound", {"nonce": None}),
    ("unbound", {"nonce": "n-0S6_WzA2Mj"}),
    ("nonce", {"nonce": NONCE[:-1] + "x"}),
    ("nonce", {"nonce": "dp1."}),
    ("claim", {"nonce": ""}),
    ("claim", {"nonce": 1}),
    ("claim", {"nonce": [NONCE]}),
    ("claim", {"jti": 1}),
    ("claim", {"nonce": "n" * 513}),
    # other kinds of token from the same issuer, for the same audience (Teleport 11.3.25)
    ("kind", {"header": {"typ": "at+jwt"}}),
    ("kind", {"header": {"typ": "application/at+jwt"}}),
    ("kind", {"header": {"typ": "logout+jwt"}}),
    ("kind", {"header": {"typ": "secevent+jwt"}}),
    ("kind", {"scope": "openid"}),
    ("kind", {"scp": ["openid"]}),
    ("kind", {"client_id": "daypass"}),
    ("kind", {"typ": "Bearer"}),
    ("kind", {"token_use": "access"}),
    ("kind", {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
]


@pytest.mark.parametrize(("code", "change"), CLAIMS, ids=str)
def test_a_token_that_fails_one_check_is_refused(calm: Desk, code: str, change: dict[str, object]) -> None:
    """A claim of None is left out, but for azp: null is not our client."""
    left_out = tuple(name for name, value in change.items() if value is None and name != "azp")
    salt = None if code == "unbound" else SALT
    assert refusal(calm, calm.token(without=left_out, **change), salt=salt).code == f"oidc.{code}"


def test_only_google_has_two_names(calm: Desk) -> None:
    assert refusal(calm, calm.token(iss="accounts.google.com")).code == "oidc.issuer"


def test_a_token_for_others_too_is_refused_and_says_what_to_change(calm: Desk) -> None:
    refused = refusal(calm, calm.token(aud=["daypass", "other"], azp="daypass"))
    assert (refused.code, "for other applications, too" in refused.message) == ("oidc.audience", True)
    assert "aud" in (refused.hint or "")


def test_a_clock_that_is_off_is_named(calm: Desk) -> None:
    assert "clock" in str(refusal(calm, calm.token(iat=NOW + 600)).hint)


@pytest.mark.parametrize(("seconds", "accepted"), [(0, True), (360 - 1, True), (360, False), (601, False)])
def test_expiry_is_looked_at_when_the_token_is_used(desk: Desk, seconds: int, accepted: bool) -> None:
    """CVE-2026-115362: expiry that only a cleaning job enforced."""
    token = desk.token()
    desk.clock.time += seconds
    if accepted:
        assert desk.show(token).expires_at > desk.clock.now()
    else:
        refusal(desk, token)


def test_who_opts_out_of_auth_time_may_be_without(op: Op) -> None:
    with open_desk(op, require_auth_time=False, max_age="") as desk:
        assert desk.show(desk.token(without=("auth_time",))).identity.auth_time is None
        assert desk.show(desk.token(auth_time=1)).identity.auth_time == 1
    with open_desk(op, require_auth_time=False) as desk:
        assert refusal(desk, desk.token(without=("auth_time",))).code == "oidc.auth-time"


# -- signatures and forms -------------------------------------------------------------------------------------


def _parts(desk: Desk) -> list[str]:
    return desk.token().split(".")


def _flattened(desk: Desk) -> str:
    protected, payload, signature = _parts(desk)
    return json.dumps({"protected": protected, "payload": payload, "signature": signature})


def _general(desk: Desk) -> str:
    protected, payload, signature = _parts(desk)
    return json.dumps({"payload": payload, "signatures": [{"protected": protected, "signature": signature}]})


def _with_header(**fields: object) -> Callable[[Desk], str]:
    return lambda desk: desk.token(header=fields)


def _hs(desk: Desk) -> str:
    return desk.token(key=hs256_with_public_key(desk.op.key), header={"kid": desk.op.key.kid})


def _payload_of_another(desk: Desk) -> str:
    header, _, signature = _parts(desk)
    return f"{header}.{desk.token(sub='mallory').split('.')[1]}.{signature}"


def _stray_bits(desk: Desk) -> str:
    """256 bytes of signature leave four unused bits in the last character."""
    token = desk.token()
    return token[:-1] + chr(ord(token[-1]) + 1)


FORMS: list[tuple[str, str, Callable[[Desk], str]]] = [
    ("empty", "token", lambda _: ""),
    ("two parts", "token", lambda d: ".".join(_parts(d)[:2])),
    ("no signature", "token", lambda d: ".".join(_parts(d)[:2]) + "."),
    ("no payload (RFC 7797)", "token", lambda d: _parts(d)[0] + ".." + _parts(d)[2]),
    ("four parts", "token", lambda d: d.token() + ".AAAA"),
    ("five parts, as JWE", "token", lambda d: d.token() + ".AAAA.AAAA"),
    ("flattened JSON (CVE-2025-4658)", "token", _flattened),
    ("general JSON, one signature (CVE-2025-4658)", "token", _general),
    ("padding", "token", lambda d: d.token() + "=="),
    ("stray bits", "token", _stray_bits),
    ("line break", "token", lambda d: d.token() + "\n"),
    ("blank inside", "token", lambda d: d.token().replace(".", ". ", 1)),
    ("base64 instead of base64url", "token", lambda d: d.token()[:-2] + "+/"),
    ("not ASCII", "token", lambda d: d.token()[:-2] + "éé"),
    ("too large", "token", lambda d: d.token(note="x" * 16384)),
    ("none (CVE-2015-2951)", "algorithm", lambda d: d.token(key=unsigned(), header={"kid": d.op.key.kid}) + "AAAA"),
    ("none, empty signature", "token", lambda d: d.token(key=unsigned())),
    ("nOnE", "algorithm", lambda d: d.token(key=unsigned("nOnE")) + "AAAA"),
    ("HS256 with the public key (CVE-2015-9235)", "algorithm", _hs),
    ("RS512, not pinned", "algorithm", _with_header(alg="RS512")),
    ("ES256 on an RSA key", "key", _with_header(alg="ES256")),
    ("no alg", "token", _with_header(alg=None)),
    ("alg is a list", "token", _with_header(alg=["RS256"])),
    ("kid is a number", "token", _with_header(kid=1)),
    ("typ is a number", "token", _with_header(typ=1)),
    ("kid unknown", "key", _with_header(kid="unheard-of")),
    ("kid empty", "key", _with_header(kid="")),
    ("crit", "token", _with_header(crit=["exp"], exp=1)),
    ("b64 (RFC 7797)", "token", _with_header(b64=False)),
    ("jwk (CVE-2018-0114)", "token", lambda d: d.token(key=(k := new_key("ES256")), header={"jwk": dict(k.jwk)})),
    ("jku", "token", _with_header(jku="https://evil.example.com/jwks")),
    ("x5u", "token", _with_header(x5u="https://evil.example.com/cert")),
    ("x5c", "token", _with_header(x5c=["MIIB"])),
    ("forged by another key", "signature", lambda d: d.token(key=stranger(), header={"kid": d.op.key.kid})),
    ("payload of another token", "signature", _payload_of_another),
    ("signature of nothing", "signature", lambda d: ".".join([*_parts(d)[:2], "A" * 342])),
    ("header is a list", "token", lambda d: d.written("{}", "[]")),
    ("payload is a list", "token", lambda d: d.written("[]")),
    ("payload is not JSON", "token", lambda d: d.written("sub=alice")),
    ("payload is not UTF-8", "token", lambda d: d.written("\udcff")),
    ("member named twice", "token", lambda d: d.written('{"sub":"alice","sub":"mallory"}')),
    ("member named twice, deep", "token", lambda d: d.written('{"a":{"b":1,"b":2}}')),
    ("member named twice, once by escapes", "token", lambda d: d.written('{"sub":"alice","\\u0073ub":"mallory"}')),
    ("header member named twice", "token", lambda d: d.written("{}", '{"alg":"RS256","alg":"none"}')),
    ("NaN", "token", lambda d: d.written('{"exp":NaN}')),
    ("Infinity", "token", lambda d: d.written('{"exp":Infinity}')),
    ("half a surrogate pair", "token", lambda d: d.written('{"sub":"\\ud800"}')),
    ("a number of 5000 digits", "token", lambda d: d.written('{"exp":' + "9" * 5000 + "}")),
    ("nested too deep", "token", lambda d: d.written("[" * 11000)),
]  # fmt: skip


@pytest.mark.parametrize(("code", "make"), [case[1:] for case in FORMS], ids=[case[0] for case in FORMS])
def test_what_is_no_well_signed_compact_token_is_refused(calm: Desk, code: str, make: Callable[[Desk], str]) -> None:
    assert refusal(calm, make(calm)).code == f"oidc.{code}"


def test_a_number_beyond_all_floats_is_no_expiry(calm: Desk) -> None:
    payload = json.loads(urlsafe_b64decode(calm.token().split(".")[1] + "=="))
    text = json.dumps(payload).replace(str(NOW + 300), "1e999")
    assert refusal(calm, calm.written(text)).code == "oidc.token"


def test_a_token_with_several_signatures_is_refused_though_each_holds(calm: Desk) -> None:
    """CVE-2025-4658."""
    _, payload, _ = _parts(calm)
    signatures = [{"protected": p, "signature": s} for p, _, s in (_parts(calm), _parts(calm))]
    refusal(calm, json.dumps({"payload": payload, "signatures": signatures}))


def test_a_malleated_es256_token_is_the_same_credential(desk: Desk) -> None:
    """(r, n-s) verifies too. Were the id made of the token, it could be spent twice (trust 3.2)."""
    desk.op.rotate("ES256")
    with open_desk(desk.op, allow_unbound=True) as desk:
        for change in ({}, {"without": ("nonce",)}, {"without": ("nonce",), "jti": "j-1"}):
            token = desk.token(**change)
            signed, _, signature = token.rpartition(".")
            raw = urlsafe_b64decode(signature + "==")
            other = raw[:32] + (P256_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
            salt = None if change else SALT
            twin = f"{signed}.{base64url(other)}"
            assert twin != token
            assert desk.show(twin, salt=salt).once == desk.show(token, salt=salt).once


@pytest.mark.parametrize(
    ("change", "once"),
    [
        ({"nonce": "n-1", "jti": "j-1"}, "nonce:n-1"),
        ({"jti": "j-1"}, "jti:j-1"),
        ({"jti": "nonce:n-1"}, "jti:nonce:n-1"),
    ],
)
def test_the_one_time_id_is_the_nonce_else_the_jti(op: Op, change: dict[str, object], once: str) -> None:
    with open_desk(op, allow_unbound=True) as desk:
        token = desk.token(without=("nonce",) if "nonce" not in change else (), **change)
        proof = desk.show(token, salt=None)
    assert (proof.once, proof.bound) == (OnceId("corp", once), False)


def test_without_nonce_and_jti_the_one_time_id_is_of_what_was_signed(op: Op) -> None:
    with open_desk(op, allow_unbound=True) as desk:
        ids = {desk.show(desk.token(without=("nonce",), n=n), salt=None).once.id for n in (1, 1, 2)}
    assert len(ids) == 2
    assert all(each.startswith("sha256:") for each in ids)


# -- binding (trust 3.1) --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("nonce", {"keys": (OTHER_KEY,)}),
        ("nonce", {"keys": ()}),
        ("nonce", {"keys": (KEY, OTHER_KEY)}),
        ("nonce", {"keys": (KEY, KEY)}),
        ("nonce", {"act": b"approve"}),
        ("nonce", {"act": b""}),
        ("nonce", {"salt": b"x" * 32}),
        ("salt", {"salt": None}),
        ("salt", {"salt": b""}),
        ("salt", {"salt": b"S" * 31}),
        ("salt", {"salt": b"S" * 33}),
    ],
)
@pytest.mark.parametrize("allow_unbound", [False, True])
def test_a_bound_token_is_good_for_nothing_else(
    op: Op, code: str, change: dict[str, object], allow_unbound: bool
) -> None:
    with open_desk(op, allow_unbound=allow_unbound) as desk:
        assert refusal(desk, desk.token(), **change).code == f"oidc.{code}"


def test_a_token_bound_at_another_ca_is_refused(calm: Desk) -> None:
    elsewhere = login_nonce(b"D" * 32, KEY.blob, b"login", SALT)
    assert refusal(calm, calm.token(nonce=elsewhere)).code == "oidc.nonce"


def test_a_salt_with_an_unbound_token_is_refused_even_where_unbound_ones_are_let_in(op: Op) -> None:
    with open_desk(op, allow_unbound=True) as desk:
        assert refusal(desk, desk.token(nonce="n-1")).code == "oidc.nonce"
        assert refusal(desk, desk.token(without=("nonce",))).code == "oidc.nonce"


# -- two clients of one provider (RFC 8628 is the second's) -------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "remote"),
    [
        ({"aud": "daypass"}, False),
        ({"aud": "daypass", "azp": "daypass"}, False),
        ({"aud": "tv"}, True),
        ({"aud": ["tv"], "azp": "tv"}, True),
        ({"aud": ["tv", "tv"]}, True),
        ({"aud": ["daypass", "tv"]}, "audience"),
        ({"aud": ["tv", "daypass"], "azp": "daypass"}, "audience"),
        ({"aud": ["tv", "other"]}, "audience"),
        ({"aud": "tv", "azp": "daypass"}, "azp"),
        ({"aud": "daypass", "azp": "tv"}, "azp"),
        ({"aud": ""}, "audience"),
        ({"aud": "TV"}, "audience"),
        ({"aud": "tv", "nonce": "n-1"}, "nonce"),
        ({"aud": "tv", "nonce": None}, "nonce"),
    ],
    ids=str,
)
def test_the_client_a_token_was_made_for_says_how_the_person_signed_in(
    op: Op, claims: dict[str, object], remote: bool | str
) -> None:
    left_out = tuple(name for name, value in claims.items() if value is None)
    with open_desk(op, device_client_id="tv") as desk:
        token = desk.token(without=left_out, **claims)
        if isinstance(remote, str):
            assert refusal(desk, token).code == f"oidc.{remote}"
        else:
            assert desk.provisioner.recognises(token)
            assert (desk.show(token).remote, desk.show(token).bound) == (remote, True)


def test_while_the_device_grant_is_off_its_client_is_a_stranger(calm: Desk) -> None:
    assert not calm.provisioner.recognises(calm.token(aud="tv"))
    assert refusal(calm, calm.token(aud="tv")).code == "oidc.audience"
    assert refusal(calm, calm.token(aud="")).code == "oidc.audience"


@pytest.mark.parametrize(("allow_unbound", "passes"), [(False, False), (True, True)])
def test_an_unbound_token_of_the_device_grant_needs_allow_unbound(op: Op, allow_unbound: bool, passes: bool) -> None:
    """Providers carry no nonce through RFC 8628 unless they want to (trust 3.1)."""
    with open_desk(op, device_client_id="tv", allow_unbound=allow_unbound) as desk:
        token = desk.token(without=("nonce",), aud="tv")
        if passes:
            assert (desk.show(token, salt=None).remote, desk.show(token, salt=None).bound) == (True, False)
        else:
            assert refusal(desk, token, salt=None).code == "oidc.unbound"


def test_one_client_can_not_be_both(op: Op) -> None:
    with pytest.raises(Misconfigured, match="device_client_id"), open_desk(op, device_client_id="daypass"):
        pass


# -- routing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "ours"),
    [
        ({}, True),
        ({"aud": ["other", "daypass"]}, True),  # ours to refuse
        ({"exp": 1}, True),
        ({"iss": "https://evil.example.com"}, False),
        ({"aud": "other"}, False),
        ({"aud": 1}, False),
        ({"iss": None}, False),
    ],
)
def test_a_token_finds_its_provider_by_issuer_and_client(desk: Desk, change: dict[str, object], ours: bool) -> None:
    assert desk.provisioner.recognises(desk.token(**change)) is ours  # type: ignore[arg-type]
    assert desk.op.hits.total() == 0


DEEP = b'{"x":' + b"[" * 9000  # fits a token, and no stack


@pytest.mark.parametrize(
    "text",
    ["", "..", "a.b.c", "dpj1.AAAA", "\udcff.\udcff.\udcff", "." * 20000, '{"payload":""}', f"a.{base64url(DEEP)}.b"],
    ids=range(8),
)
def test_what_is_no_token_belongs_to_nobody(calm: Desk, text: str) -> None:
    assert not calm.provisioner.recognises(text)


# -- at large -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def valid(calm: Desk) -> str:
    token = calm.token()
    assert calm.show(token).bound
    return token


_CHARACTER = st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é")


@given(st.data())
@settings(max_examples=300)
def test_no_change_to_a_valid_token_is_accepted(calm: Desk, valid: str, data: st.DataObject) -> None:
    token = valid
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(len(token), start + 8)))
    changed = token[:start] + data.draw(st.text(_CHARACTER, max_size=8)) + token[end:]
    if changed != token:
        refusal(calm, changed)


@given(st.text(max_size=200) | st.tuples(*[st.binary(max_size=60).map(base64url)] * 3).map(".".join))
@settings(max_examples=200)
def test_no_text_does_anything_but_be_refused(calm: Desk, text: str) -> None:
    assert not calm.provisioner.recognises(text)
    refusal(calm, text)


def test_with_keys_at_hand_nothing_is_awaited(desk: Desk) -> None:
    desk.show(desk.token())
    coroutine = desk.provisioner.authenticate(Credential(Secret(desk.token(sub="bob-1")), (KEY,), salt=SALT))
    with pytest.raises(StopIteration) as done:  # the first step is the last
        coroutine.send(None)
    assert done.value.value.identity.subject == "bob-1"


def test_no_token_is_in_any_log_at_any_level(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Bearer tokens in logs: step-ca, BLESS, sigstore."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpx2")  # a CA that served in this process has quietened it
    tokens = [desk.token(), desk.token(exp=1), desk.token(key=stranger()), "x." + desk.token()]
    for number, token in enumerate(tokens):
        if number:
            refusal(desk, token)
        else:
            desk.show(token)
    assert any(record.name.startswith("http") for record in caplog.records)
    said = "\n".join(f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records)
    for part in {part for token in tokens for part in token.split(".") if len(part) > 40} | {NONCE}:
        assert part not in said


def test_a_refusal_keeps_no_token_in_its_chain(calm: Desk) -> None:
    """Whoever logs a traceback prints its causes as well."""
    token = calm.token(key=stranger(), header={"kid": calm.op.key.kid})
    error: BaseException | None = refusal(calm, token)
    while error is not None:
        assert token not in repr(error)
        error = error.__cause__ or error.__context__


# -- the section ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"issuer": "http://idp.example.com"}, "https"),
        ({"issuer": "https://user@idp.example.com"}, "https"),
        ({"issuer": "idp.example.com"}, "https"),
        ({"client_id": ""}, "client_id"),
        ({"algorithms": []}, "algorithms"),
        ({"algorithms": ["RS256", "none"]}, "algorithms"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"}, "tenants"),
        ({"issuer": "https://login.microsoftonline.com/common/v2.0"}, "tenants"),
        ({"issuer": "https://accounts.google.com"}, "Google"),
    ],
)
def test_a_section_that_could_let_anyone_in_is_refused(op: Op, change: dict[str, object], said: str) -> None:
    with pytest.raises(Misconfigured, match=said), open_desk(op, **change):
        pass
