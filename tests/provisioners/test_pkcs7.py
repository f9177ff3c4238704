"""SignedData that AWS and Azure never write, put together byte by byte and signed by the right key all the same."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from tests.parts.clouds import signer

from daypass.errors import Invalid
from daypass.provisioners.pkcs7 import Signed

WORD = b'{"a": 1}'
SEQUENCE, SET = 0x30, 0x31
DATA, SIGNED, TYPE, DIGEST, SHA256, SHA512, RSA, RSA_SHA512 = (
    bytes.fromhex(each) for each in (
        "06092a864886f70d010701", "06092a864886f70d010702", "06092a864886f70d010903", "06092a864886f70d010904",
        "0609608648016503040201", "0609608648016503040203", "06092a864886f70d010101", "06092a864886f70d01010d",
    )
)  # fmt: skip
NULL, NUMBER = bytes.fromhex("0500"), bytes.fromhex("020101")


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2)
    if 128 <= len(body) < 256:
        size = b"\x81" + bytes([len(body)])
    return bytes([tag]) + size + body


def message(key: rsa.RSAPrivateKey, issuer: bytes, serial: int, **change: Any) -> bytes:
    """What holds, but for the `change`."""
    about: dict[str, Any] = {
        "kind": SIGNED, "inner": DATA, "type": DATA, "hash": SHA256 + NULL, "by": RSA + NULL, "more": b"",
        "again": b"", "sets": 1, "certificates": b"",
    } | change  # fmt: skip
    said = der(SEQUENCE, TYPE, der(SET, about["type"]))
    digest = der(SEQUENCE, DIGEST, der(SET, der(4, sha256(WORD).digest()), about["more"]))
    attributes = said + digest + about["again"]
    signature = key.sign(der(SET, attributes), PKCS1v15(), hashes.SHA256())
    number = der(2, serial.to_bytes(serial.bit_length() // 8 + 1))
    who = der(
        SEQUENCE, NUMBER, der(SEQUENCE, issuer, number), der(SEQUENCE, about["hash"]),
        *[der(0xA0, attributes)] * about["sets"], der(SEQUENCE, about["by"]), der(4, signature),
    )  # fmt: skip
    content = der(SEQUENCE, about["inner"], der(0xA0, der(4, WORD)))
    digests = der(SET, der(SEQUENCE, SHA256, NULL))
    signed = der(
        SEQUENCE, NUMBER, digests, content, about["certificates"], der(SET, *[who] * change.get("signers", 1))
    )
    return der(SEQUENCE, about["kind"], der(0xA0, signed))


def said(**change: Any) -> bytes:
    certificate, key = signer("aws region")
    named: dict[str, Any] = {
        "issuer": certificate.issuer.public_bytes(),
        "serial": certificate.serial_number,
    } | change
    signed = Signed.parse(message(key, **named))
    return signed.verified(signed.signer([certificate]))


def test_what_it_is_made_of_holds() -> None:
    assert said() == said(hash=SHA256, by=RSA, certificates=der(0xA0, der(SEQUENCE, NUMBER))) == WORD
    assert said(sets=1, certificates=der(0xA1, der(SEQUENCE, NUMBER))) == WORD


@pytest.mark.parametrize(
    "change",
    [
        {"kind": DATA},
        {"inner": SIGNED},
        {"type": SIGNED},
        {"hash": SHA256 + NUMBER},
        {"hash": SHA512 + NULL},
        {"hash": bytes.fromhex("06052b0e03021a") + NULL},  # SHA-1
        {"by": RSA_SHA512 + NULL},
        {"by": RSA + NUMBER},
        {"more": der(4, bytes(32))},
        {"again": der(SEQUENCE, DIGEST, der(SET, der(4, sha256(WORD).digest())))},
        {"sets": 2},
        {"sets": 0},
        {"signers": 2},
        {"signers": 0},
        {"certificates": der(0xA0, *[der(SEQUENCE, NUMBER)] * 9)},
        {"certificates": der(0xA0, der(0xA1, NUMBER))},
        {"certificates": der(0xA2, NUMBER)},
        {"certificates": der(0xA0) + der(0xA0)},
        {"serial": 7},
        {"issuer": der(SEQUENCE)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_not_in_its_one_form_is_refused_whoever_signed_it(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        said(**change)


def test_a_key_that_is_too_short_signs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is what is tried
    monkeypatch.setattr("tests.parts.clouds._key", lambda _: short)
    certificate, key = signer.__wrapped__("short")
    signed = Signed.parse(message(key, certificate.issuer.public_bytes(), certificate.serial_number))
    with pytest.raises(Invalid) as caught:
        signed.verified(signed.signer([certificate]))
    assert caught.value.code == "pkcs7.key"
