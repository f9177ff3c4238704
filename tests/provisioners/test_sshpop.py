"""Tokens by host keys: what is believed of them, and every way they are not (wire/sshpop, trust 5.1)."""

from __future__ import annotations

import asyncio
import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.parts.jose import base64url
from tests.parts.sshpop import Holder
from tests.provisioners.desk import CA_ID, NOW, StillClock

from daypass.ca.ports import OnRecord, Owner
from daypass.errors import Invalid, Unauthenticated
from daypass.model import Credential, HostFacts, Kind, OnceId, Proof, Renewal, Secret
from daypass.provisioners.sshpop import SshPopProvisioner
from daypass.wire import Certificate, CertType, PublicKey, sign_blob
from daypass.wire.jwt import public_jwk, thumbprint
from daypass.wire.pyca import PrivateKey
from daypass.wire.sshpop import sshpop_token

USER_CA, HOST_CA, FOREIGN_CA = (Ed25519PrivateKey.from_private_bytes(bytes([at]) * 32) for at in (1, 2, 3))
HOST_ID = "ab" * 16
ACTS = ("renew", "rekey", "revoke")


def public(key: PrivateKey) -> PublicKey:
    return PublicKey.from_cryptography(key.public_key())


def certified(key: PrivateKey, ca: Ed25519PrivateKey = HOST_CA, **changes: Any) -> Certificate:
    fields: dict[str, Any] = {
        "nonce": bytes(32), "public_key": public(key), "serial": 7, "type": CertType.HOST, "key_id": "web-1",
        "principals": ("web-1.example.com", "www.example.com"), "valid_after": NOW - 60, "valid_before": NOW + 86400,
        "critical_options": (), "extensions": (), "signature_key": public(ca),
    }  # fmt: skip
    draft = Certificate(**(fields | changes))
    return draft.with_signature(sign_blob(ca, draft.to_be_signed()))


KEY = Ed25519PrivateKey.from_private_bytes(b"h" * 32)
HOST = Holder(KEY, certified(KEY))


@dataclass(slots=True)
class Gate:
    """The provisioner, on a record of certificates; it notes what it was asked for."""

    records: dict[int, OnRecord] = field(default_factory=lambda: {7: record(HOST.certificate)})
    clock: StillClock = field(default_factory=StillClock)
    asked: list[int] = field(default_factory=list)

    async def lookup(self, serial: int) -> OnRecord | None:
        self.asked.append(serial)
        return self.records.get(serial)

    def show(self, token: str, act: str = "renew", *, possessed: bool = False) -> Proof:
        keys = {CertType.USER: (public(USER_CA),), CertType.HOST: (public(HOST_CA),)}
        gate = SshPopProvisioner(CA_ID, ["CA.example.com", "::1"], keys.__getitem__, self.lookup, self.clock)
        return asyncio.run(gate.authenticate(Credential(Secret(token), (), act=act.encode(), possessed=possessed)))


def record(certificate: Certificate, **changes: Any) -> OnRecord:
    blob, names = certificate.encode(), certificate.principals
    fields: dict[str, Any] = {"revoked_at": None, "host": HOST_ID} | changes
    return OnRecord(
        certificate.serial, "web-1", blob, names, certificate.valid_after, certificate.valid_before, **fields
    )


def token(act: str = "renew", **changes: Any) -> str:
    return HOST.token(act, **({"now": NOW} | changes))


def test_a_host_is_what_its_certificate_says() -> None:
    shown = Gate().show(token(jti="j" * 64))
    assert (shown.identity.kind, shown.identity.provider, shown.identity.subject) == (Kind.HOST, "sshpop", "7")
    assert shown.once == OnceId("sshpop", "j" * 64)
    assert shown.enrolment == HostFacts("web-1.example.com", ("www.example.com",))
    assert shown.renews == Renewal(7, HOST_ID, public(KEY), 86460)
    assert (shown.issued_at, shown.expires_at, shown.bound) == (NOW, NOW + 360, True)


@pytest.mark.parametrize("made", ACTS)
@pytest.mark.parametrize("act", ACTS)
def test_a_token_is_good_for_the_act_it_was_made_for(act: str, made: str) -> None:
    if act == made:
        assert Gate().show(token(made), act).renews
    else:
        with pytest.raises(Unauthenticated) as refusal:
            Gate().show(token(made), act)
        assert refusal.value.code == "sshpop.audience"


@pytest.mark.parametrize(
    ("audience", "good"),
    [
        ("https://ca.example.com/1.0/ssh/renew#sshpop/sshpop", True),
        ("https://ca.example.com/ssh/renew#sshpop/sshpop", True),
        ("https://ca.example.com:1/ssh/renew#sshpop/sshpop", True),
        ("https://CA.EXAMPLE.COM:65535/1.0/ssh/renew#sshpop/sshpop", True),
        ("https://[::1]:8443/1.0/ssh/renew#sshpop/sshpop", True),
        (["https://ca.example.com/1.0/ssh/renew#sshpop/sshpop"], True),
        ("http://ca.example.com/1.0/ssh/renew#sshpop/sshpop", False),
        ("https://ca.example.com:x/1.0/ssh/renew#sshpop/sshpop", False),
        ("https://ca.example.com:99999/1.0/ssh/renew#sshpop/sshpop", False),
        ("https://ca.example.com.evil.com/1.0/ssh/renew#sshpop/sshpop", False),
        ("https://ca.example.com@evil.com/1.0/ssh/renew#sshpop/sshpop", False),
        ("https://x@ca.example.com/1.0/ssh/renew#sshpop/sshpop", False),
        ("https://ca.example.com/1.0/1.0/ssh/renew#sshpop/sshpop", False),
        ("https://ca.example.com/1.0/ssh/renew/#sshpop/sshpop", False),
        ("https://ca.example.com/1.0/ssh/renew?x#sshpop/sshpop", False),
        ("https://ca.example.com/1.0/ssh/renew#sshpop/other", False),
        ("https://ca.example.com/1.0/ssh/renew", False),
        ("https://ca.example.com/1.0/ssh/sign#sshpop/sshpop", False),
        ("https://[/1.0/ssh/renew#sshpop/sshpop", False),
        ("", False),
        ([], False),
        (["https://ca.example.com/1.0/ssh/renew#sshpop/sshpop"] * 2, False),
    ],
)
def test_the_audience_is_this_ca_whatever_the_port(audience: object, good: bool) -> None:
    if good:
        assert Gate().show(token(aud=audience)).renews
    else:
        with pytest.raises(Unauthenticated) as refusal:
            Gate().show(token(aud=audience))
        assert refusal.value.code == "sshpop.audience"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "another"}, "provisioner"),
        ({"sub": "8"}, "subject"),
        ({"sub": "07"}, "subject"),
        ({"sub": 7}, "claims"),
        ({"jti": ""}, "id"),
        ({"jti": "x" * 257}, "id"),
        ({"jti": "a\0b"}, "id"),
        ({"jti": None}, "claims"),
        ({"without": ("jti",)}, "claims"),
        ({"without": ("exp",)}, "claims"),
        ({"without": ("iat",)}, "claims"),
        ({"without": ("aud",)}, "claims"),
        ({"now": NOW - 361}, "expired"),
        ({"exp": NOW + 301}, "expired"),
        ({"exp": NOW}, "expired"),
        ({"iat": True}, "claims"),
        ({"now": NOW + 61}, "not-yet"),
        ({"nbf": NOW + 61}, "not-yet"),
        ({"header": {"alg": "none"}, "sign": lambda _: b""}, "form"),
        ({"header": {"alg": "none"}}, "form"),
        ({"header": {"alg": "ES256"}}, "form"),
        ({"header": {"alg": "RS256"}}, "form"),
        ({"header": {"alg": "HS256"}, "sign": lambda data: hmac.digest(public(KEY).blob, data, "sha256")}, "form"),
        ({"header": {"typ": "at+jwt"}}, "form"),
        ({"header": {"kid": "another"}}, "form"),
        ({"header": {"sshpop": ""}}, "form"),
        ({"header": {"sshpop": None}}, "form"),
        ({"header": {"sshpop": "%%%"}}, "form"),
        ({"header": {"sshpop": b64encode(public(KEY).blob).decode()}}, "form"),
        ({"header": {"sshpop": b64encode(HOST.certificate.encode() + b"x").decode()}}, "form"),
        ({"header": {"jwk": {"kty": "OKP"}}}, "form"),
        ({"header": {"crit": []}}, "form"),
        ({"sign": Ed25519PrivateKey.generate().sign}, "form"),
        ({"sign": HOST_CA.sign}, "form"),
    ],
)
def test_a_token_that_is_wrong_in_one_place_is_refused_before_the_record_is_asked(
    changes: Mapping[str, Any], code: str
) -> None:
    gate = Gate()
    with pytest.raises(Unauthenticated) as refusal:
        gate.show(token(**changes))
    assert refusal.value.code == f"sshpop.{code}"
    assert gate.asked == []


@pytest.mark.parametrize("seconds", [-60, 60, 359])
def test_clocks_may_be_a_minute_apart(seconds: int) -> None:
    assert Gate(clock=StillClock(NOW + seconds)).show(token()).renews


def test_a_message_changed_on_its_way_or_written_twice_is_refused() -> None:
    head, claims, signature = token().split(".")
    other = base64url(json.dumps({"sub": "8"}).encode())
    for changed in (
        f"{head}.{other}.{signature}",
        f"{head}.{claims}.{signature}=",
        f"{head}.{claims}.",
        f"{head}.{claims}",
    ):
        with pytest.raises(Unauthenticated):
            Gate().show(changed)


KINDS: dict[str, PrivateKey] = {
    "p-256": ec.generate_private_key(ec.SECP256R1()),
    "p-384": ec.generate_private_key(ec.SECP384R1()),
    "p-521": ec.generate_private_key(ec.SECP521R1()),
    "rsa": rsa.generate_private_key(65537, 2048),
    "ed25519": KEY,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_host_key_may_sign(kind: str) -> None:
    certificate = certified(KINDS[kind])
    made = sshpop_token(KINDS[kind], certificate, audience="https://ca.example.com/1.0/ssh/renew", now=NOW, jti="j")
    shown = Gate({7: record(certificate)}).show(made)
    assert shown.renews is not None and shown.renews.key == public(KINDS[kind])


def test_step_s_own_header_is_accepted() -> None:
    """With the thumbprint as kid; std base64 with padding."""
    assert Gate().show(token(header={"kid": thumbprint(public_jwk(public(KEY)))})).renews


@pytest.mark.parametrize(
    ("certificate", "code"),
    [
        (certified(KEY, FOREIGN_CA), "issuer"),
        (certified(KEY, USER_CA), "issuer"),
        (certified(KEY, HOST_CA, type=CertType.USER), "issuer"),
        (certified(KEY, signature_key=public(HOST_CA), ca=FOREIGN_CA), "form"),
        (certified(KEY, principals=()), "form"),
        (certified(KEY, valid_before=NOW), "validity"),
        (certified(KEY, valid_after=NOW + 1), "validity"),
        (certified(KEY, serial=8), "unknown"),
        (certified(KEY, nonce=b"n" * 32), "unknown"),
        (certified(KEY, serial=2**64 - 1), "unknown"),
    ],
)
def test_only_a_live_host_certificate_of_ours_counts(certificate: Certificate, code: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        Gate().show(Holder(KEY, certificate).token("renew", now=NOW))
    assert refusal.value.code == f"sshpop.{code}"


@pytest.mark.parametrize("act", ACTS)
def test_a_person_s_certificate_is_step_s_400(act: str) -> None:
    pass_ = certified(KEY, USER_CA, type=CertType.USER, principals=("alice",))
    gate = Gate({7: record(pass_, host=None, owner=Owner(1, "i", "s", "alice", locked=False))})
    with pytest.raises(Invalid, match="must be a host ssh certificate"):
        gate.show(Holder(KEY, pass_).token(act, now=NOW), act)


@pytest.mark.parametrize(
    ("changes", "act", "code"),
    [
        ({"revoked_at": NOW - 5}, "renew", "revoked"),
        ({"revoked_at": NOW - 5}, "rekey", "revoked"),
        ({"host": None}, "renew", "unknown"),
        ({"host": None}, "revoke", "unknown"),
    ],
)
def test_what_the_record_says_counts(changes: dict[str, Any], act: str, code: str) -> None:
    gate = Gate({7: record(HOST.certificate, **changes)})
    with pytest.raises(Unauthenticated) as refusal:
        gate.show(token(act), act)
    assert refusal.value.code == f"sshpop.{code}"


def test_whoever_revokes_what_is_revoked_is_told_so_later() -> None:
    assert Gate({7: record(HOST.certificate, revoked_at=NOW)}).show(token("revoke"), "revoke").renews


def test_a_new_key_that_signed_nothing_is_not_bound() -> None:
    assert not Gate().show(token("rekey"), "rekey").bound
    assert Gate().show(token("rekey"), "rekey", possessed=True).bound


@pytest.mark.parametrize(("text", "ours"), [(token(), True), ("a.b.c", False), ("dpj1.x", False), ("", False)])
def test_a_token_is_known_by_its_header(text: str, ours: bool) -> None:
    keys: dict[CertType, tuple[PublicKey, ...]] = {}
    assert SshPopProvisioner(CA_ID, [], keys.__getitem__, Gate().lookup, StillClock()).recognises(text) is ours
