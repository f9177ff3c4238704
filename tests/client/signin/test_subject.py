"""A sign-in for a key that is the caller's: the certificate is handed over, and the day pass is left alone."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.signin.subject import Subject, signer
from daypass.errors import Misconfigured, Unauthenticated
from daypass.wire import Certificate, PublicKey
from daypass.wire.pyca import PrivateKey
from tests.client.mini_ca import MiniCa

SignIn = Callable[..., Login]
KEYS: dict[str, Callable[[], PrivateKey]] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
}


def subject(key: PrivateKey, keep: Callable[[Certificate], None] = lambda _: None, **wishes: object) -> Subject:
    return Subject(PublicKey.from_cryptography(key.public_key()), signer(key), keep, **wishes)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KEYS)
def test_any_kind_of_key_is_certified_and_handed_over(kind: str, sign_in: SignIn, settings: Settings) -> None:
    key, kept = KEYS[kind](), list[Certificate]()
    given = sign_in().certify(subject(key, kept.append))
    assert kept == [given] and given.public_key == PublicKey.from_cryptography(key.public_key())
    context = settings.current()
    assert context is not None and not context.certificate.exists() and not context.agent.exists()


def test_what_is_wished_for_goes_to_the_ca(sign_in: SignIn, company: MiniCa) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    sign_in(lifetime=1800).certify(subject(key, key_id="me", principals=("role:dev:alice",)))
    (request,) = company.seen
    assert (request.keyID, request.principals, request.validBefore) == ("me", ["role:dev:alice"], "1800s")
    assert request.validAfter == ""


def test_a_certificate_that_begins_later_is_taken_only_if_that_was_asked_for(
    sign_in: SignIn, company: MiniCa
) -> None:
    begin = int(time.time()) + 1200
    company.change = lambda draft: _changed(draft, valid_after=begin)
    assert sign_in().certify(subject(ed25519.Ed25519PrivateKey.generate(), begin=1200)).valid_after == begin
    assert company.seen[-1].validAfter == "1200s"
    with pytest.raises(Misconfigured, match="not valid yet"):
        sign_in().certify(subject(ed25519.Ed25519PrivateKey.generate()))


def test_a_certificate_for_another_key_is_not_kept(sign_in: SignIn, company: MiniCa) -> None:
    other, kept = ed25519.Ed25519PrivateKey.generate(), list[Certificate]()
    company.change = lambda draft: _changed(draft, public_key=PublicKey.from_cryptography(other.public_key()))
    with pytest.raises(Unauthenticated, match="another key"):
        sign_in().certify(subject(ed25519.Ed25519PrivateKey.generate(), kept.append))
    assert not kept


def _changed(draft: Certificate, **changes: object) -> Certificate:
    fields = {name: getattr(draft, name) for name in Certificate.__dataclass_fields__ if name != "_body"}
    return Certificate(**{**fields, **changes})
