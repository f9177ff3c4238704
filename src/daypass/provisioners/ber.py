"""Elements of ASN.1 as they lie in a message: DER, and lengths left open, as AWS writes (X.690 sections 8.1, 10.1).

Nothing is read but tags and lengths: what an element is worth, the caller says. Each is looked at once, and depth and
numbers are bounded, so that whoever sends nonsense is told so soon.
"""

from __future__ import annotations

from typing import NamedTuple, NoReturn

__all__ = ["INTEGER", "OBJECT", "OCTETS", "SEQUENCE", "SET", "Element", "Reader", "expected"]

INTEGER, OCTETS, OBJECT, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x30, 0x31
_CONSTRUCTED = 0x20
_OPEN = 0x80  # a length that the end-of-contents octets tell
MAX_DEPTH = 8  # of elements with an open length, in one another; AWS writes six
MAX_PARTS = 64  # of one element


class Element(NamedTuple):
    """Offsets into the message: [start, after) is all of it, [body, end) its contents."""

    tag: int
    start: int
    body: int
    end: int
    after: int


class Reader:
    """One message. Whatever is amiss in it is a ValueError, and what goes on after its end an IndexError."""

    __slots__ = ("_depth", "_ends", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._ends: dict[int, int] = {}
        self._depth = 0

    def all(self, tag: int) -> Element:
        """The message is one element, this one, and nothing behind it."""
        found = self._parts(0, len(self.data))
        return expected(found[0], tag) if len(found) == 1 else _refuse()

    def parts(self, element: Element) -> list[Element]:
        return self._parts(element.body, element.end) if element.tag & _CONSTRUCTED else _refuse()

    def only(self, element: Element, tag: int) -> Element:
        (found,) = self.parts(element)
        return expected(found, tag)

    def content(self, element: Element) -> bytes:
        return self.data[element.body : element.end]

    def whole(self, element: Element) -> bytes:
        """With tag and length: of what is signed or compared, which has one spelling only."""
        return self.data[element.start : element.after] if element.end == element.after else _refuse()

    def octets(self, element: Element) -> bytes:
        """An octet string, in one piece or in pieces (X.690 section 8.7)."""
        if element.tag == OCTETS:
            return self.content(element)
        pieces = self.parts(expected(element, OCTETS | _CONSTRUCTED))
        return b"".join(self.content(expected(each, OCTETS)) for each in pieces)

    def _parts(self, at: int, end: int) -> list[Element]:
        found: list[Element] = []
        while at < end:
            element = self._element(at)
            found.append(element)
            at = element[4]
        return found if at == end and len(found) <= MAX_PARTS else _refuse()

    def _element(self, at: int) -> Element:
        data = self.data
        tag, length = data[at], data[at + 1]
        if length < _OPEN:
            return Element(tag, at, at + 2, at + 2 + length, at + 2 + length)
        if length == _OPEN:
            end = self._end(at + 2) if tag & _CONSTRUCTED else _refuse()
            return Element(tag, at, at + 2, end, end + 2)
        body = at + 2 + length - _OPEN
        count, length = length - _OPEN, int.from_bytes(data[at + 2 : body])
        if count > 3 or length < max(_OPEN, 1 << 8 * (count - 1)):
            raise ValueError("a length that is not in its shortest form")
        return Element(tag, at, body, body + length, body + length)

    def _end(self, at: int) -> int:
        """Where the end-of-contents octets stand that close what begins at `at`."""
        if at not in self._ends:
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise ValueError("too deep")
            self._ends[at] = self._closed(at)
            self._depth -= 1
        return self._ends[at]

    def _closed(self, at: int) -> int:
        for _ in range(MAX_PARTS):
            if self.data[at] == 0:
                return at if self.data[at + 1] == 0 else _refuse()
            at = self._element(at).after
        raise ValueError("too many elements")


def expected(element: Element, tag: int) -> Element:
    return element if element.tag == tag else _refuse()


def _refuse() -> NoReturn:
    raise ValueError("other ASN.1 than this has to be")
