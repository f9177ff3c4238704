"""One thing that somebody left in an account."""

from __future__ import annotations

from dataclasses import dataclass

from daypass.host.remains.keylines import KeyLine
from daypass.host.remains.look import File

__all__ = ["Found"]


@dataclass(frozen=True, slots=True)
class Found:
    """`kind` and `what` as `api.Remain` has them. `file`: where it stands, None for what is only named;
    `line`: which of it."""

    kind: str
    what: str
    file: File | None = None
    line: KeyLine | None = None
    theirs: bool = True
    error: str = ""
