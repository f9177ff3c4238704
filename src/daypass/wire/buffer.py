"""The data types of the SSH protocol, strictly read and written (RFC 4251 section 5).

`Reader` takes bytes apart, the functions below put them together. What has two spellings on the wire is
accepted in one only: a number with a needless leading zero, a boolean of 7 or a byte left over is `Invalid`,
so that whatever parses encodes to the very same bytes.
"""

from __future__ import annotations

import struct

from daypass.errors import Invalid

__all__ = ["Reader", "boolean", "mpint", "string", "uint32", "uint64"]

_UINT32 = struct.Struct(">I")
_UINT64 = struct.Struct(">Q")


class Reader:
    """A cursor over bytes that never reads past their end.

    Every method takes one value off the front, and raises `Invalid` when it is cut short or malformed.
    """

    __slots__ = ("_data", "_size", "at")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._size = len(data)
        self.at = 0

    @property
    def remaining(self) -> int:
        """How many bytes have not been read."""
        return self._size - self.at

    def raw(self, count: int) -> bytes:
        """Exactly `count` bytes."""
        start, stop = self.at, self.at + count
        if not start <= stop <= self._size:
            raise Invalid(f"data is cut short: {count} bytes announced, {self.remaining} left")
        self.at = stop
        return self._data[start:stop]

    def uint8(self) -> int:
        """One byte, 0..255."""
        return self.raw(1)[0]

    def uint32(self) -> int:
        """Four bytes, most significant first."""
        return int(_UINT32.unpack(self.raw(4))[0])

    def uint64(self) -> int:
        """Eight bytes, most significant first."""
        return int(_UINT64.unpack(self.raw(8))[0])

    def string(self) -> bytes:
        """Arbitrary bytes behind a uint32 length."""
        return self.raw(self.uint32())

    def text(self) -> str:
        """A string that is UTF-8 and holds no NUL, which OpenSSH's C strings would end at."""
        return _decode(self.string())

    def boolean(self) -> bool:
        """One byte, 0 or 1. RFC 4251 lets any other value mean true; nothing sane writes one."""
        value = self.uint8()
        if value > 1:
            raise Invalid(f"a boolean is 0 or 1, not {value}")
        return value == 1

    def mpint(self) -> int:
        """A non-negative integer in the fewest bytes. Nothing in this protocol is negative."""
        data = self.string()
        if data and data[0] & 0x80:
            raise Invalid("a negative number where only positive ones make sense")
        if data and data[0] == 0 and (len(data) == 1 or not data[1] & 0x80):
            raise Invalid("a number has needless leading zeros")
        return int.from_bytes(data, "big")

    def end(self) -> None:
        """Nothing may be left."""
        if self.at != self._size:
            raise Invalid(f"{self.remaining} bytes are left over at the end")


def uint32(value: int) -> bytes:
    """Four bytes, most significant first; `Invalid` outside 0..2^32-1."""
    try:
        return _UINT32.pack(value)
    except struct.error as error:
        raise Invalid(f"{value} does not fit into 32 bits") from error


def uint64(value: int) -> bytes:
    """Eight bytes, most significant first; `Invalid` outside 0..2^64-1."""
    try:
        return _UINT64.pack(value)
    except struct.error as error:
        raise Invalid(f"{value} does not fit into 64 bits") from error


def string(value: bytes | str) -> bytes:
    """A uint32 length and the bytes; text as UTF-8, without NUL."""
    data = _encode(value) if isinstance(value, str) else value
    try:
        return _UINT32.pack(len(data)) + data
    except struct.error as error:
        raise Invalid(f"{len(data)} bytes are too many for a string") from error


def mpint(value: int) -> bytes:
    """A non-negative integer in the fewest bytes; a high top bit costs a leading zero byte, 0 is empty."""
    if value < 0:
        raise Invalid("a negative number where only positive ones make sense")
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big") if value else b"")


def boolean(value: bool) -> bytes:
    """One byte, 0 or 1."""
    return b"\x01" if value else b"\x00"


def _decode(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Invalid("text is not UTF-8") from error
    if "\0" in text:
        raise Invalid("text holds a NUL character")
    return text


def _encode(text: str) -> bytes:
    if "\0" in text:
        raise Invalid("text holds a NUL character")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Invalid("text can't be written as UTF-8") from error
