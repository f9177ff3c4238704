"""Elements of ASN.1: what may lie in a signed message, what may not, and a message changed anywhere at all."""

from __future__ import annotations

import pytest
from tests.parts.clouds import pkcs7, signer

from daypass.errors import Invalid
from daypass.provisioners.ber import OCTETS, SEQUENCE, Reader
from daypass.provisioners.pkcs7 import Signed

WORD = b'{"a": 1}'


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("3003040161", b"a"),
        ("308004016100 00", b"a"),  # an open length
        ("30802480 040161 040162 0000 0000", b"ab"),  # in pieces, as AWS writes
        ("30092407 040161 04020062", b"a\0b"),
        ("3004 0402 0000", b"\0\0"),  # no end of contents in contents
    ],
)
def test_octets_are_read_in_one_piece_and_in_pieces(text: str, content: bytes) -> None:
    read = Reader(bytes.fromhex(text))
    (found,) = read.parts(read.all(SEQUENCE))
    assert read.octets(found) == content


@pytest.mark.parametrize(
    "text",
    [
        "", "30", "3001", "30030401", "3080", "3080040161", "308004016100", "3080040161 0001",  # ends too soon
        "3003040161 00", "3003040161 3003040161",  # something behind
        "308103040161", "30820003040161", "30850000000003040161",  # lengths that could be shorter
        "3003040261", "3004240304 0161 61", "3080 0480 61 0000 0000",  # contents that reach out, or have no end
        "3103040161", "1003040161", "3003020161", "3005 2403 020161",  # other kinds
        "3080" * 9 + "040161" + "0000" * 9,  # too deep
        "3080" + "0500" * 65 + "0000", "308182" + "0500" * 65,  # too many
    ],
)  # fmt: skip
def test_what_is_not_in_the_form_is_refused(text: str) -> None:
    read = Reader(bytes.fromhex(text))
    with pytest.raises((ValueError, IndexError)):
        read.octets(read.parts(read.all(SEQUENCE))[0])


def test_depth_that_is_nonsense_takes_no_time_and_no_stack() -> None:
    for nonsense in (b"\x30\x80" * 8192, b"\x24\x80" * 8192, b"\x30\x82\x00" * 5000, b"\x05\x00" * 8192):
        with pytest.raises(Invalid):
            Signed.parse(nonsense)


def test_what_is_signed_or_compared_has_no_open_length() -> None:
    read = Reader(bytes.fromhex("3080040161 0000"))
    with pytest.raises(ValueError, match="other"):
        read.whole(read.all(SEQUENCE))
    assert read.whole(read.parts(read.all(SEQUENCE))[0])[0] == OCTETS


@pytest.mark.parametrize("options", [[], ["NoAttributes"]])
def test_a_message_changed_in_any_byte_says_what_was_signed_or_nothing(options: list[str]) -> None:
    from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options

    certificate, key = signer("aws region")
    data = pkcs7(WORD, (certificate, key), [PKCS7Options.NoCerts, *(PKCS7Options[each] for each in options)])
    assert _said(data) == WORD
    for at in range(len(data)):
        for bit in (0x01, 0x80):
            assert _said(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]) in (WORD, None), at
        assert _said(data[:at]) is None


def _said(data: bytes) -> bytes | None:
    certificate, _ = signer("aws region")
    try:
        signed = Signed.parse(data)
        return signed.verified(signed.signer([certificate]))
    except Invalid:
        return None
