"""One-time tokens by a JSON Web Key: what is believed of them, and every way they are not (wire.onetime)."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.parts.jose import SigningKey
from tests.parts.onetime import jwk_of, one_time
from tests.provisioners.desk import KEY, NOW, OTHER_KEY, StillClock
from tests.provisioners.kinds.jwk import HOLDER, STRANGER

from daypass.ca.ports import OnRecord, Owner
from daypass.config import JwkSection
from daypass.errors import Denied, Misconfigured, Unauthenticated
from daypass.model import Credential, HostFacts, Kind, OnceId, Proof, Secret
from daypass.provisioners.jwk import JwkProvisioner
from daypass.wire import Certificate, CertType, sign_blob
from daypass.wire.binding import admin_act, login_act
from daypass.wire.jwt import base64url, public_jwk, thumbprint

SECTION = JwkSection(name="ops", key=jwk_of(HOLDER), hosts=["*.example.com"], users=True)
LOOSE = msgspec.structs.replace(SECTION, allow_unbound=True)
records = dict[int, OnRecord]()


async def lookup(serial: int) -> OnRecord | None:
    return records.get(serial)


def token(subject: str = "alice@example.com", **changes: Any) -> str:
    fields: dict[str, Any] = {"issuer": "ops", "now": NOW, "keys": (KEY,), "key": HOLDER} | changes
    return one_time(fields.pop("key"), subject=subject, **fields)


def show(text: str, section: JwkSection = SECTION, **said: Any) -> Proof:
    made = JwkProvisioner(section, ["CA.example.com", "::1"], lookup, StillClock())
    keys = said.pop("keys", (KEY,))
    return asyncio.run(made.authenticate(Credential(Secret(text), keys, **said)))


def test_a_person_is_whom_the_holder_of_the_key_names() -> None:
    proof = show(token(jti="j" * 64, groups=["ops"]))
    who = proof.identity
    assert (who.kind, who.provider, who.issuer, who.subject) == (Kind.PERSON, "ops", "jwk:ops", "alice@example.com")
    assert (who.login, who.email, who.groups) == ("alice", "alice@example.com", frozenset({"ops"}))
    assert who.auth_time is None  # they have signed in nowhere
    assert proof.once == OnceId("ops", "jti:" + "j" * 64)
    assert (proof.issued_at, proof.expires_at, proof.bound, proof.until) == (NOW, NOW + 360, True, None)


def test_a_name_that_is_no_login_name_gives_none_and_says_why() -> None:
    who = show(token("Alice Müller".replace("ü", "u"))).identity
    assert who.login is None
    assert who.no_login is not None and "ops says" in who.no_login.message


def test_a_host_has_the_names_and_labels_of_its_token() -> None:
    names = ["web-1.example.com", "www.example.com"]
    proof = show(token("web-1", kind="host", principals=names, labels={"env": "prod"}), act=b"enrol")
    assert proof.enrolment == HostFacts(names[0], (names[1],), {"env": "prod"})
    assert (proof.identity.kind, proof.joins) == (Kind.HOST, None)
    assert show(token("db.example.com", kind="host"), act=b"enrol").enrolment == HostFacts("db.example.com")


@pytest.mark.parametrize("name", ["web-1.example.org", "example.com", "WEB.example.com", "10.0.0.7", "*.example.com"])
def test_it_speaks_for_no_other_host(name: str) -> None:
    with pytest.raises(Denied):
        show(token(name, kind="host"), act=b"enrol")


def test_without_users_it_says_of_nobody_who_they_are() -> None:
    with pytest.raises(Denied) as refusal:
        show(token(), msgspec.structs.replace(SECTION, users=False))
    assert refusal.value.code == "jwk.users"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"issuer": "other"}, "provisioner"),
        ({"url": "https://other.example.com"}, "audience"),
        ({"url": "http://ca.example.com"}, "audience"),
        ({"url": "https://x@ca.example.com"}, "audience"),
        ({"fragment": "#x5c/ops"}, "audience"),
        ({"route": "/1.0/sign"}, "audience"),
        ({"route": "/1.0/ssh/revoke"}, "audience"),
        ({"aud": ["https://ca.example.com/ssh/sign"] * 2}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": "https://[/ssh/sign"}, "audience"),
        ({"now": NOW - 360}, "expired"),
        ({"exp": NOW + 3601}, "lifetime"),
        ({"exp": NOW, "iat": NOW}, "lifetime"),
        ({"now": NOW + 61}, "not-yet"),
        ({"nbf": NOW + 61}, "not-yet"),
        ({"jti": ""}, "claims"),
        ({"jti": "x" * 257}, "claims"),
        ({"without": ("jti",)}, "claims"),
        ({"without": ("exp",)}, "claims"),
        ({"sub": 7}, "claims"),
        ({"sub": "a\0b"}, "claims"),
        ({"groups": "ops"}, "claims"),
        ({"without": ("step",)}, "kind"),
        ({"kind": "both"}, "kind"),
        ({"ssh": {"validAfter": "1h"}}, "not-yet"),
        ({"ssh": {"validBefore": "tomorrow"}}, "claims"),
        ({"ssh": {"principals": ["a"] * 257}}, "claims"),
        ({"role": "dba"}, "act"),
        ({"keys": (OTHER_KEY,)}, "key"),
        ({"cnf": {}}, "key"),
        ({"cnf": {"kid": "x"}}, "key"),
        ({"cnf": {"ssh": KEY.fingerprint}}, "key"),
        ({"cnf": {"ssh": [KEY.fingerprint], "jkt": "x"}}, "key"),
        ({"cnf": None}, "key"),
        ({"keys": ()}, "unbound"),
        ({"key": STRANGER}, "key-id"),
        ({"key": STRANGER, "header": {"kid": json.loads(SECTION.key)["kid"]}}, "signature"),
        ({"header": {"kid": "other"}}, "key-id"),
        ({"header": {"typ": "at+jwt"}}, "form"),
        ({"header": {"crit": []}}, "form"),
        ({"other": SigningKey("none", "", {}, lambda _: b"")}, "form"),
        ({"other": SigningKey("RS256", "", {}, lambda _: bytes(256))}, "algorithm"),
        ({"other": SigningKey("HS256", "", {}, lambda data: hmac.digest(KEY.blob, data, "sha256"))}, "algorithm"),
    ],
)
def test_a_token_that_is_wrong_in_one_place_is_refused(changes: Mapping[str, Any], code: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        show(token(**changes))
    assert refusal.value.code == f"jwk.{code}"


def test_it_names_its_keys_in_steps_words_too() -> None:
    for cnf in ({"jkt": thumbprint(public_jwk(KEY))}, {"x5rt#S256": base64url(sha256(KEY.blob).digest())}):
        assert show(token(cnf=cnf)).bound
        with pytest.raises(Unauthenticated):
            show(token(cnf=cnf), keys=(KEY, OTHER_KEY))
    both = token("h.example.com", kind="host", keys=(KEY, OTHER_KEY))
    assert show(both, keys=(KEY, OTHER_KEY), act=b"enrol").bound


def test_unbound_it_needs_the_keys_own_proof_or_the_operators_leave() -> None:
    text = token(keys=())
    assert not show(text, possessed=True).bound
    assert not show(text, LOOSE).bound


def test_a_cnf_binds_though_unbound_ones_are_allowed() -> None:
    with pytest.raises(Unauthenticated) as refusal:
        show(token(keys=(OTHER_KEY,)), LOOSE, possessed=True)
    assert refusal.value.code == "jwk.key"


def test_one_for_a_role_alone_is_good_for_that_and_none_for_administration() -> None:
    assert show(token(role="dba"), act=login_act("dba"))
    for act in (b"login", login_act("root"), admin_act("/v1/admin/ledger", b"{}"), b"renew"):
        with pytest.raises(Unauthenticated) as refusal:
            show(token(role="dba"), act=act)
        assert refusal.value.code == "jwk.act"


@pytest.mark.parametrize(
    ("before", "until"),
    [("", None), ("30m", NOW + 1800), ("2027-01-15T08:30:00Z", 1_800_001_800), ("0s", NOW)],
)
def test_no_certificate_outlives_what_the_token_wished_for(before: str, until: int | None) -> None:
    assert show(token(ssh={"validBefore": before})).until == until


@pytest.mark.parametrize("key", [Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1()),
                                 rsa.generate_private_key(65537, 2048)])  # fmt: skip
def test_keys_of_every_kind_sign(key: Any) -> None:
    assert show(token(key=key), msgspec.structs.replace(SECTION, key=jwk_of(key)))


def test_a_table_whose_key_signs_nothing_is_refused() -> None:
    weak = jwk_of(rsa.generate_private_key(65537, 1024 * 2)).replace('"e": "AQAB"', '"e": "AQ"')
    for text in ("{}", weak, json.dumps({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"})):
        with pytest.raises(Misconfigured):
            JwkProvisioner(msgspec.structs.replace(SECTION, key=text), ["ca.example.com"], lookup, StillClock())


# -- /ssh/revoke -----------------------------------------------------------------------------------------------


def on_record(kind: CertType, name: str, owner: Owner | None = None, host: str | None = None) -> None:
    ca = Ed25519PrivateKey.from_private_bytes(bytes(32))
    draft = Certificate(
        bytes(32), KEY, 7, kind, "id", (name,), NOW - 60, NOW + 60, (), (),
        signature_key=type(KEY).from_cryptography(ca.public_key()),
    )  # fmt: skip
    held = draft.with_signature(sign_blob(ca, draft.to_be_signed()))
    records[7] = OnRecord(7, "id", held.encode(), (name,), NOW - 60, NOW + 60, None, owner=owner, host=host)


REVOKE = {"route": "/1.0/ssh/revoke", "without": ("step",), "keys": ()}
MINE, THEIRS = (Owner(1, issuer, "alice", "alice", False) for issuer in ("jwk:ops", "https://id.example.com"))


@pytest.mark.parametrize(
    ("kind", "name", "owner", "host", "mine"),
    [
        (CertType.HOST, "web-1.example.com", None, "ab" * 16, True),
        (CertType.HOST, "web-1.example.org", None, "ab" * 16, False),
        (CertType.HOST, "web-1.example.com", None, None, False),
        (CertType.USER, "alice", MINE, None, True),
        (CertType.USER, "alice", THEIRS, None, False),
    ],
)
def test_it_revokes_what_it_vouches_for_and_nothing_else(
    kind: CertType, name: str, owner: Owner | None, host: str | None, mine: bool
) -> None:
    on_record(kind, name, owner, host)
    if mine:
        proof = show(token("7", **REVOKE), act=b"revoke", keys=())
        assert proof.renews is not None and proof.renews.serial == 7
        return
    with pytest.raises(Unauthenticated) as refusal:
        show(token("7", **REVOKE), act=b"revoke", keys=())
    assert refusal.value.code == "jwk.serial"


@pytest.mark.parametrize("serial", ["8", "0", "007x", "-7", "alice", "9" * 21])
def test_a_serial_that_is_none_says_no_more_than_anothers(serial: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        show(token(serial, **REVOKE), act=b"revoke", keys=())
    assert refusal.value.code == "jwk.serial"
