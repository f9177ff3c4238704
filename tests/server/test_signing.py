"""/ssh/sign and /v1/ssh/sign and enrolment: from step's fields to a request, proofs verified on the way.

The heart is a double: what is asked of it is what is looked at.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from tests.server.kit import GOOD, HOST, Running, key, possession

from daypass.errors import Invalid
from daypass.model import MAX_PRINCIPALS, MAX_TOKEN
from daypass.when import parse_when
from daypass.wire import Certificate, CertType, string

PRIVATE, PUBLIC = key()
OTHER, OTHER_PUBLIC = key()
NOW = 1_800_000_000
# What `step ssh login` sends, field by field.
STEP = {
    "publicKey": b64encode(PUBLIC.blob).decode(),
    "ott": GOOD,
    "certType": "user",
    "keyID": "user@example.com",
    "principals": ["user@example.com"],
    "validAfter": "2026-09-30T10:00:00.123456789+02:00",
    "validBefore": "",
    "identityCSR": None,
}


def b64(data: bytes) -> str:
    return b64encode(data).decode()


@pytest.mark.parametrize("path", ["/ssh/sign", "/1.0/ssh/sign", "/sign-ssh", "/1.0/sign-ssh"])
def test_what_step_sends_reaches_the_authority_and_what_step_reads_comes_back(
    server: Running, web: httpx2.Client, path: str
) -> None:
    answer = web.post(path, json=STEP)
    assert (answer.status_code, answer.json()) == (201, {"crt": b64(b"crt" + PUBLIC.blob)})
    ((request, credential),) = server.heart.asked
    assert (request.type, request.keys) == (CertType.USER, (PUBLIC,))
    assert (request.key_id, request.principals) == ("", ())  # what step asks for decides nothing
    assert (request.valid_after, request.valid_before, request.lifetime) == (1790755200, None, None)
    assert (credential.token.reveal(), credential.keys, credential.act) == (GOOD, (PUBLIC,), b"login")
    assert (credential.salt, credential.possessed) == (None, False)


def test_a_role_alone_is_an_act_of_its_own(server: Running, web: httpx2.Client) -> None:
    assert web.post("/ssh/sign", json=STEP | {"role": "db-admin"}).status_code == 201
    ((request, credential),) = server.heart.asked
    assert (request.role, credential.act) == ("db-admin", b"login\0db-admin")


def test_an_access_token_is_a_secret_at_once(server: Running, web: httpx2.Client) -> None:
    assert web.post("/ssh/sign", json=STEP | {"access_token": "its-access"}).status_code == 201
    assert web.post("/ssh/sign", json=STEP).status_code == 201
    first, second = (credential for _, credential in server.heart.asked)
    assert first.access_token is not None and first.access_token.reveal() == "its-access"
    assert "its-access" not in repr(first)
    assert second.access_token is None


def test_a_token_full_of_groups_is_told_as_one(server: Running, web: httpx2.Client) -> None:
    answer = web.post("/ssh/sign", json=STEP | {"ott": "x" * (MAX_TOKEN + 1)})
    assert answer.status_code == 400
    assert (answer.json()["code"], "groups" in answer.json()["message"]) == ("token.size", True)
    assert server.heart.asked == []


def test_a_proof_of_possession_that_holds_is_noted(server: Running, web: httpx2.Client) -> None:
    shown = STEP | {"salt": b64(b"s" * 32), "proof": b64(possession(PRIVATE, GOOD))}
    assert web.post("/v1/ssh/sign", json=shown).status_code == 201
    assert web.post("/ssh/sign", json=shown).status_code == 201
    assert [(c.salt, c.possessed) for _, c in server.heart.asked] == [(b"s" * 32, True)] * 2
    assert [r.principals for r, _ in server.heart.asked] == [("user@example.com",), ()]


def test_the_role_that_is_asked_for_alone_is_passed_on(server: Running, web: httpx2.Client) -> None:
    for path in ("/v1/ssh/sign", "/ssh/sign"):
        web.post(path, json=STEP | {"role": "db-admin"})
    assert [request.role for request, _ in server.heart.asked] == ["db-admin"] * len(server.heart.asked)
    assert server.heart.asked


def test_people_are_told_their_roles_and_those_to_be_asked_for_alone(server: Running, web: httpx2.Client) -> None:
    server.heart.answer = lambda request, _: replace(server.heart.granted(request), roles=("eng",), narrow=("dba",))
    shown = STEP | {"salt": b64(b"s" * 32), "proof": b64(possession(PRIVATE, GOOD))}
    told = web.post("/v1/ssh/sign", json=shown).json()
    assert (told["roles"], told["narrow"]) == (["eng"], ["dba"])
    assert set(web.post("/ssh/sign", json=shown).json()) == {"crt"}


def test_laptops_get_their_bundle_with_a_person_s_certificate_and_nowhere_else(web: httpx2.Client) -> None:
    """It lists hosts, which is nobody's business who has not signed in; step's route stays as step knows it."""
    shown = STEP | {"salt": b64(b"s" * 32), "proof": b64(possession(PRIVATE, GOOD))}
    person = web.post("/v1/ssh/sign", json=shown).json()
    assert person["bundle"] == {"document": "{}", "signature": "for laptops"}
    assert set(web.post("/v1/ssh/sign", json=shown | {"certType": "host"}).json()) == {"crt"}
    for path in ("/ssh/sign", "/1.0/ssh/sign"):
        assert set(web.post(path, json=shown).json()) == {"crt"}
    stranger = web.post("/v1/ssh/sign", json=shown | {"ott": "x", "proof": b64(possession(PRIVATE, "x"))})
    assert (stranger.status_code, "bundle" in stranger.text) == (401, False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"certType": "x"}, "invalid certType 'x'"),
        ({"certType": "User\x1b[31m"}, r"invalid certType 'User\?\?31m'"),
        ({"publicKey": ""}, "missing or empty publicKey"),
        ({"publicKey": b64(b"ssh-ed25519 AAAA")}, "error parsing publicKey: .*"),
        ({"publicKey": b64(PUBLIC.blob + b"\0")}, "error parsing publicKey: .*"),
        ({"publicKey": b64(string("ssh-dss"))}, "error parsing publicKey: .*not accepted"),
        ({"ott": ""}, "missing or empty ott"),
        ({"addUserPublicKey": b64(b"no")}, "error parsing addUserPublicKey: .*"),
        ({"principals": [""]}, "principals cannot contain empty values"),  # CVE-2024-7594
        ({"principals": ["root", " "]}, "principals cannot contain empty values"),
        ({"principals": ["a"] * (MAX_PRINCIPALS + 1)}, "at most 256 principals fit a certificate"),
        ({"validAfter": "yesterday"}, "validAfter is neither a time nor a duration"),
        ({"validBefore": "16"}, "validBefore is neither a time nor a duration"),
        ({"validBefore": "1960-01-01T00:00:00Z"}, "a certificate can't name a time before 1970"),
        ({"salt": b64(b"s" * 31)}, "salt must have 32 bytes"),
        ({"salt": ""}, "salt must have 32 bytes"),
        ({"role": "db admin"}, "role is not the name of a role"),
        ({"role": "role:dba"}, "role is not the name of a role"),
    ],
)
def test_a_field_that_is_wrong_is_refused_before_the_authority_is_asked(
    server: Running, web: httpx2.Client, change: dict[str, Any], message: str
) -> None:
    answer = web.post("/ssh/sign", json=STEP | change)
    assert answer.status_code == 400
    assert re.fullmatch(message, answer.json()["message"]), answer.json()
    assert not server.heart.asked


def test_a_certificate_is_refused_as_subject_key(web: httpx2.Client) -> None:
    # CVE-2025-49825: a certificate inside a certificate got through unchecked
    nested = Certificate(b"n" * 32, PUBLIC, 1, CertType.USER, "k", ("root",), 0, 2**63, (), (), OTHER_PUBLIC)
    blob = nested.with_signature(string("ssh-ed25519") + string(b"s" * 64)).encode()
    answer = web.post("/ssh/sign", json=STEP | {"publicKey": b64(blob)})
    assert answer.status_code == 400
    assert "a certificate can't stand where a public key is expected" in answer.json()["message"]


@pytest.mark.parametrize(
    ("name", "expected"), [("", CertType.USER), ("user", CertType.USER), ("host", CertType.HOST)]
)
def test_the_kind_of_certificate_is_passed_on(
    server: Running, web: httpx2.Client, name: str, expected: CertType
) -> None:
    assert web.post("/ssh/sign", json=STEP | {"certType": name}).status_code == 201
    assert server.heart.asked[0][0].type is expected


def test_what_is_switched_off_is_left_out_politely(web: httpx2.Client) -> None:
    extra = {"addUserPublicKey": b64(OTHER_PUBLIC.blob), "identityCSR": "-----BEGIN", "templateData": {"a": 1}}
    assert web.post("/ssh/sign", json=STEP | extra).json() == {"crt": b64(b"crt" + PUBLIC.blob)}


@pytest.mark.parametrize("value", [None, ""])
def test_v1_signing_needs_a_proof(server: Running, web: httpx2.Client, value: str | None) -> None:
    answer = web.post("/v1/ssh/sign", json=STEP | {"salt": b64(b"s" * 32), "proof": value})
    assert (answer.status_code, answer.json()["message"]) == (400, "missing or empty proof")
    assert not server.heart.asked


def test_v1_signing_leaves_the_salt_to_those_whose_tokens_are_made_with_one(
    server: Running, web: httpx2.Client
) -> None:
    assert web.post("/v1/ssh/sign", json=STEP | {"proof": b64(possession(PRIVATE, GOOD))}).status_code == 201
    _, credential = server.heart.asked[0]
    assert (credential.salt, credential.possessed) == (None, True)


WRONG_PROOFS = {
    "by another key": possession(OTHER, GOOD),
    "for another token": possession(PRIVATE, "another"),
    "for another CA": possession(PRIVATE, GOOD, ca_id=bytes(32)),
    "for another purpose": possession(PRIVATE, GOOD, namespace="file"),
    "not a signature": b"SSHSIG",
    "cut short": possession(PRIVATE, GOOD)[:-1],
    "with something after it": possession(PRIVATE, GOOD) + b"\0",
    "one bit off": possession(PRIVATE, GOOD)[:-1] + bytes([possession(PRIVATE, GOOD)[-1] ^ 1]),
}


@pytest.mark.parametrize("proof", WRONG_PROOFS.values(), ids=WRONG_PROOFS.keys())
@pytest.mark.parametrize("path", ["/ssh/sign", "/v1/ssh/sign"])
def test_a_proof_that_fails_ends_the_request(server: Running, web: httpx2.Client, path: str, proof: bytes) -> None:
    answer = web.post(path, json=STEP | {"salt": b64(b"s" * 32), "proof": b64(proof)})
    assert (answer.status_code, answer.json()["code"]) == (401, "possession")
    assert not server.heart.asked


def enrol_key(private: Any, public: Any, token: str = GOOD) -> dict[str, str]:
    return {"public_key": b64(public.blob), "proof": b64(possession(private, token))}


def test_a_host_enrols_all_its_keys_and_gets_certificates_in_their_order(server: Running, web: httpx2.Client) -> None:
    keys = [enrol_key(PRIVATE, PUBLIC), enrol_key(OTHER, OTHER_PUBLIC)]
    answer = web.post("/v1/host/enroll", json={"token": GOOD, "keys": keys})
    assert answer.status_code == 201
    found = answer.json()
    assert (found["host_id"], found["name"]) == (HOST.id, HOST.name)
    assert found["certificates"] == [b64(b"crt" + PUBLIC.blob), b64(b"crt" + OTHER_PUBLIC.blob)]
    assert found["bundle"] == {"document": "{}", "signature": "signature"}
    ((request, credential),) = server.heart.asked
    assert (request.type, request.keys, request.principals) == (CertType.HOST, (PUBLIC, OTHER_PUBLIC), ())
    assert (credential.keys, credential.possessed) == ((PUBLIC, OTHER_PUBLIC), True)


@pytest.mark.parametrize(
    ("keys", "status", "message"),
    [
        ([], 400, "a host enrols 1 to 8 keys, not 0"),
        ([enrol_key(*key()) for _ in range(9)], 400, "a host enrols 1 to 8 keys, not 9"),
        ([enrol_key(PRIVATE, PUBLIC)] * 2, 400, "the same key stands twice in keys"),
        ([{"public_key": "", "proof": ""}], 400, r"error parsing keys\[0\].public_key: .*"),
        ([enrol_key(PRIVATE, PUBLIC), enrol_key(PRIVATE, OTHER_PUBLIC)], 401, r"keys\[1\].proof does not prove .*"),
        ([enrol_key(PRIVATE, PUBLIC, "another token")], 401, r"keys\[0\].proof does not prove .*"),
    ],
)
def test_every_key_of_a_host_must_be_there_once_and_prove_itself(
    server: Running, web: httpx2.Client, keys: list[Any], status: int, message: str
) -> None:
    answer = web.post("/v1/host/enroll", json={"token": GOOD, "keys": keys})
    assert answer.status_code == status
    assert re.fullmatch(message, answer.json()["message"])
    assert not server.heart.asked


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2027-01-15T08:00:00Z", NOW),
        ("2027-01-15T09:00:00+01:00", NOW),
        ("2027-01-15T08:00:00.999999999Z", NOW),
        ("2027-01-15T08:00:00.5-00:00", NOW),
        ("16h", NOW + 57600),
        ("1h0m0s", NOW + 3600),
        ("1.5h", NOW + 5400),
        (".5h", NOW + 1800),
        ("1.h", NOW + 3600),
        ("-1m", NOW - 60),
        ("+1m", NOW + 60),
        ("1500ms", NOW + 1),
        ("-1500ms", NOW - 2),
        ("1µs", NOW),
        ("1\u03bcs", NOW),
        ("0", NOW),
        ("0s", NOW),
        ("1h1h", NOW + 7200),
    ],
)
def test_times_are_read_as_go_reads_them(text: str, seconds: int) -> None:
    when = parse_when("validAfter", text)
    assert when is not None
    assert when.resolve(NOW + 0.7) == seconds


@pytest.mark.parametrize(
    "text",
    [
        " ", "1", "16", "h", ".h", "1d", "1h ", "- 1h", "--1h", "1e3s", "\u0661h", "1h\n", "9999999999h",
        "9" * 60 + "h",
        "2027-01-15", "2027-01-15 08:00:00Z", "2027-01-15T08:00:00", "2027-01-15t08:00:00z", "2027-13-15T08:00:00Z",
        "2027-01-15T08:00:60Z", "2027-01-15T08:00:00+25:00", "2027-01-15T08:00:00.Z", "2027-W03-5T08:00:00Z",
        "20270115T080000Z", "0000-01-01T00:00:00Z", "2027-01-15T08:00:00Z" * 9,
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="validBefore is neither a time nor a duration"):
        parse_when("validBefore", text)


@pytest.mark.parametrize(
    ("after", "before", "expected"),
    [
        ("", "", (None, None, None)),
        ("", "2h", (None, None, 7200)),
        ("", "2027-01-15T08:00:00Z", (None, NOW, None)),
        ("2027-01-15T08:00:00Z", "2027-01-15T09:00:00Z", (NOW, NOW + 3600, None)),
    ],
)
def test_a_lifetime_from_now_is_a_lifetime_and_anything_else_two_moments(
    server: Running, web: httpx2.Client, after: str, before: str, expected: tuple[int | None, ...]
) -> None:
    assert web.post("/ssh/sign", json=STEP | {"validAfter": after, "validBefore": before}).status_code == 201
    request = server.heart.asked[0][0]
    assert (request.valid_after, request.valid_before, request.lifetime) == expected
