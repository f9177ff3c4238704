"""Keys as step keeps them: ours are read by another JOSE library, and its own by us."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwe
from joserfc.jwk import OctKey

from daypass.errors import Invalid
from daypass.wire import PublicKey, jwkfile
from daypass.wire.jwkfile import is_encrypted, lock, private_jwk, read_private
from daypass.wire.jwt import base64url

KEYS: list[Any] = [ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP521R1()),
        Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)]  # fmt: skip
KEY = KEYS[0]
ALGORITHMS = ["PBES2-HS256+A128KW", "PBES2-HS512+A256KW", "A256GCM", "A128GCM"]


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwkfile, "ROUNDS", 1000)


def public(key: Any) -> PublicKey:
    return PublicKey.from_cryptography(key.public_key())


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_is_locked_comes_back_with_its_passphrase(key: Any) -> None:
    text = lock(private_jwk(key), b"correct horse")
    assert is_encrypted(text)
    assert public(read_private(text, b"correct horse")) == public(key)
    assert public(read_private(json.dumps(private_jwk(key)))) == public(key)


def test_another_jose_library_opens_what_we_lock() -> None:
    opened = jwe.decrypt_compact(
        lock(private_jwk(KEY), b"secret"), OctKey.import_key(b"secret"), algorithms=ALGORITHMS
    )
    assert json.loads(opened.plaintext or b"") == private_jwk(KEY)
    assert opened.headers()["cty"] == "jwk+json"


@pytest.mark.parametrize("alg", ["PBES2-HS256+A128KW", "PBES2-HS512+A256KW"])
def test_we_open_what_another_one_locks(alg: str) -> None:
    header = {"alg": alg, "enc": "A256GCM", "p2c": 2000}
    plain = json.dumps(private_jwk(KEY)).encode()
    text = jwe.encrypt_compact(header, plain, OctKey.import_key(b"secret"), algorithms=ALGORITHMS)
    assert public(read_private(text, b"secret")) == public(KEY)


def test_the_json_form_of_steps_files_is_read() -> None:
    names = ("protected", "encrypted_key", "iv", "ciphertext", "tag")
    text = json.dumps(dict(zip(names, lock(private_jwk(KEY), b"secret").split("."), strict=True)), indent=2)
    assert public(read_private(text, b"secret")) == public(KEY)


def _with_header(**changes: Any) -> str:
    head, rest = lock(private_jwk(KEY), b"secret").split(".", 1)
    members = json.loads(jwkfile._bytes(head)) | changes
    return f"{base64url(json.dumps(members).encode())}.{rest}"


@pytest.mark.parametrize(
    ("text", "passphrase", "code"),
    [
        (lock(private_jwk(KEY), b"secret"), None, "key.locked"),
        (lock(private_jwk(KEY), b"secret"), b"Secret", "key.passphrase"),
        (lock(private_jwk(KEY), b"secret")[:-4], b"secret", "key.passphrase"),
        (_with_header(x=1), b"secret", "key.passphrase"),
        (_with_header(p2c=10**9), b"secret", "key.file"),
        (_with_header(p2c="1000"), b"secret", "key.file"),
        (_with_header(alg="dir"), b"secret", "key.file"),
        (_with_header(enc="A128CBC-HS256"), b"secret", "key.file"),
        ("{}", None, "key.file"),
        ("[]", None, "key.file"),
        ("", None, "key.file"),
        (json.dumps({"kty": "oct", "k": "AAAA"}), None, "key.file"),
        (json.dumps(private_jwk(KEY) | {"x": private_jwk(KEYS[1])["x"]}), None, "key.file"),
        (json.dumps({n: v for n, v in private_jwk(KEY).items() if n != "d"}), None, "key.file"),
    ],
)
def test_what_is_no_key_or_does_not_open_says_which(text: str, passphrase: bytes | None, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_private(text, passphrase)
    assert refusal.value.code == code
