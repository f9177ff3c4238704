"""RFC 4251 section 5, and its examples."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import Invalid
from daypass.wire import Reader, boolean, mpint, string, uint32, uint64


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, "00000000"),
        (0x9A378F9B2E332A7, "0000000809a378f9b2e332a7"),
        (0x80, "000000020080"),
        (0x7F, "000000017f"),
        (0xFF, "0000000200ff"),
        (0x100, "000000020100"),
    ],
)
def test_numbers_are_written_as_the_rfc_shows(number: int, encoded: str) -> None:
    assert mpint(number).hex() == encoded
    assert Reader(bytes.fromhex(encoded)).mpint() == number


@given(st.integers(min_value=0, max_value=2**600))
def test_any_number_comes_back(number: int) -> None:
    assert Reader(mpint(number)).mpint() == number


@given(st.integers(min_value=0, max_value=2**32 - 1), st.integers(min_value=0, max_value=2**64 - 1))
def test_fixed_integers_come_back(small: int, large: int) -> None:
    reader = Reader(uint32(small) + uint64(large))
    assert (reader.uint32(), reader.uint64(), reader.remaining) == (small, large, 0)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_comes_back(text: str) -> None:
    assert Reader(string(text)).text() == text


@pytest.mark.parametrize(
    ("sin", "data", "read"),
    [
        ("nothing at all", b"", Reader.uint8),
        ("three bytes of four", b"\0\0\0", Reader.uint32),
        ("seven bytes of eight", b"\0" * 7, Reader.uint64),
        ("a string longer than the data", b"\0\0\0\x05abcd", Reader.string),
        ("a string of 4 GiB", b"\xff\xff\xff\xffabcd", Reader.string),
        ("a negative number", b"\0\0\0\x01\x80", Reader.mpint),
        ("a number with leading zeros", b"\0\0\0\x02\0\x7f", Reader.mpint),
        ("zero in one byte", b"\0\0\0\x01\0", Reader.mpint),
        ("a boolean of two", b"\x02", Reader.boolean),
        ("text that is not UTF-8", b"\0\0\0\x01\xff", Reader.text),
        ("text with an overlong slash", b"\0\0\0\x02\xc0\xaf", Reader.text),
        ("text with a NUL", b"\0\0\0\x03a\0b", Reader.text),
        ("a byte left over", b"x", Reader.end),
    ],
)
def test_malformed_data_is_refused(sin: str, data: bytes, read: Callable[[Reader], object]) -> None:
    with pytest.raises(Invalid):
        read(Reader(data))


def test_a_negative_count_does_not_go_back() -> None:
    reader = Reader(b"abc")
    reader.raw(2)
    with pytest.raises(Invalid):
        reader.raw(-1)


@pytest.mark.parametrize(
    ("sin", "write"),
    [
        ("33 bits", lambda: uint32(2**32)),
        ("minus one", lambda: uint32(-1)),
        ("65 bits", lambda: uint64(2**64)),
        ("a negative number", lambda: mpint(-1)),
        ("a NUL in text", lambda: string("a\0b")),
        ("half a surrogate pair", lambda: string("\ud800")),
    ],
)
def test_what_has_no_encoding_is_refused(sin: str, write: Callable[[], bytes]) -> None:
    with pytest.raises(Invalid):
        write()


def test_booleans_are_zero_and_one() -> None:
    assert boolean(True) + boolean(False) == b"\x01\x00"
    assert Reader(b"\x01").boolean() is True
