"""Tokens by host keys, read back by joserfc as a second opinion."""

from __future__ import annotations

import base64

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from tests.wire.making import PrivateKey, opened, private_key, signed
from tests.wire.openssh import PLAIN, SECURITY_KEYS, Keyring

from daypass.errors import Invalid
from daypass.wire import Certificate, CertType, PublicKey
from daypass.wire.jwt import public_jwk, thumbprint
from daypass.wire.sshpop import sshpop_token

AUDIENCE = "https://ca.example.com:8443/1.0/ssh/renew"
ALGORITHMS = {
    "ed25519": "EdDSA",
    "ecdsa-256": "ES256",
    "ecdsa-384": "ES384",
    "ecdsa-521": "ES512",
    "rsa-2048": "RS512",
}
KINDS: dict[str, type[OKPKey] | type[ECKey] | type[RSAKey]] = {"OKP": OKPKey, "EC": ECKey, "RSA": RSAKey}


def host_certificate(key: PrivateKey) -> Certificate:
    public = PublicKey.from_cryptography(key.public_key())
    return signed(public_key=public, type=CertType.HOST, principals=("web-1.example.com",), extensions=())


@pytest.mark.parametrize("kind", PLAIN)
def test_a_jose_library_reads_the_token_with_the_certificate_s_key(kind: str, keyring: Keyring) -> None:
    key = opened(keyring, kind)
    certificate = host_certificate(key)
    token = sshpop_token(key, certificate, audience=AUDIENCE, now=1_800_000_000, jti="ab" * 32)
    jwk = public_jwk(certificate.public_key)
    registry = JWSRegistry(algorithms=[ALGORITHMS[kind]], strict_check_header=False)
    registry.max_header_length = 16384
    read = jwt.decode(token, KINDS[jwk["kty"]].import_key(jwk), registry=registry)  # type: ignore[arg-type]
    assert read.claims == {
        "aud": f"{AUDIENCE}#sshpop/sshpop", "iss": "sshpop", "sub": "7", "jti": "ab" * 32,
        "iat": 1_800_000_000, "nbf": 1_800_000_000, "exp": 1_800_000_300,
    }  # fmt: skip
    assert (read.header["typ"], read.header["kid"]) == ("JWT", thumbprint(jwk))
    assert base64.b64decode(read.header["sshpop"], validate=True) == certificate.encode()


@pytest.mark.parametrize("kind", PLAIN)
def test_the_key_s_id_is_its_rfc_7638_thumbprint(kind: str, keyring: Keyring) -> None:
    jwk = public_jwk(PublicKey.from_cryptography(opened(keyring, kind).public_key()))
    assert thumbprint(jwk) == KINDS[jwk["kty"]].import_key(jwk).thumbprint()  # type: ignore[arg-type]


def test_numbers_with_leading_zeros_keep_their_size() -> None:
    """RFC 7518 section 3.4: or one ECDSA signature in 128 would be refused."""
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.derive_private_key(7, ec.SECP256R1())
    certificate = host_certificate(key)
    for at in range(300):
        signature = sshpop_token(key, certificate, audience=AUDIENCE, now=at, jti="x").rpartition(".")[2]
        assert len(signature) == 86


@pytest.mark.parametrize("kind", SECURITY_KEYS)
def test_security_keys_sign_no_tokens(kind: str, keyring: Keyring) -> None:
    with pytest.raises(Invalid, match="security key"):
        public_jwk(PublicKey.from_line(keyring.line(kind)))


def test_another_provisioner_s_name_stands_in_both_places() -> None:
    key = private_key(2)
    token = sshpop_token(key, host_certificate(key), audience=AUDIENCE, now=1, jti="x", issuer="pop")
    payload = base64.urlsafe_b64decode(token.split(".")[1] + "==")
    assert b'"iss":"pop"' in payload and b'#sshpop/pop"' in payload
