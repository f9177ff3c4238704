"""What a host shows that enrols by the port-22 proof: the name it wants, and when it asked (trust 5.5).

    ssh1.TIME.NAME      ssh1.1795467600.web-1.example.com

TIME is unix seconds, NAME a host name (RFC 1123, lower case). Nothing of it is secret or signed by itself: each of
the host's keys signs for the whole word and the CA (`binding.possession_message`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from daypass.errors import Invalid

__all__ = ["PREFIX", "NameToken"]

PREFIX = "ssh1."
_WORD = re.compile(r"ssh1\.([1-9][0-9]{0,11})\.([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)")


@dataclass(frozen=True, slots=True)
class NameToken:
    """`time`: unix seconds. Whether `name` is a host's name that anybody may have is not looked at here."""

    time: int
    name: str

    def encode(self) -> str:
        """Raises Invalid for what `decode` would not read."""
        word = f"{PREFIX}{self.time}.{self.name}"
        if not _WORD.fullmatch(word):
            raise Invalid("this is not a host's name", code="port22.form", hint="like web-1.example.com")
        return word

    @classmethod
    def decode(cls, word: str) -> NameToken:
        found = _WORD.fullmatch(word)
        if found is None:
            raise Invalid("this is no word of a host that enrols by its name", code="port22.form")
        return cls(int(found[1]), found[2])
