"""Templates for what a cloud instance is called: words of ours, with fields of its identity document between them.

    template = *( text / "{" FIELD "}" / "{tag:" NAME "}" )

`{instance}.prod.example.com`, `{tag:Name}.example.com`. There is no default, no escape and no other brace. A field
that the instance has not makes the whole name impossible, and so does one that a host name can't hold: nothing is
changed until it fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from daypass.config.problem import did_you_mean, quoted
from daypass.config.values import Fault

__all__ = ["FIELDS", "NEEDS_TOKEN", "Piece", "filled", "pieces", "template_fault"]

FIELDS = {
    "aws": ("instance", "account", "region", "zone", "type", "image", "address"),
    "gcp": ("instance", "account", "number", "region", "zone", "name"),
    "azure": ("instance", "account", "group", "name", "region"),
}
"""What may stand in braces, by cloud; with `tags` also `tag:NAME`."""

NEEDS_TOKEN = ("group", "name")
"""Of Azure's: what only a token of the managed identity says."""

MAX_TEMPLATE = 256
_PLACE = re.compile(r"\{([^{}]*)\}")
_TAG = re.compile(r"tag:([A-Za-z0-9 _.:/=+@-]{1,128})")


class Piece(NamedTuple):
    text: str = ""
    field: str = ""
    tag: str = ""


def pieces(template: str) -> Iterator[Piece]:
    """In order. Raises ValueError for what is no template."""
    if len(template) > MAX_TEMPLATE:
        raise ValueError("too long")
    at = 0
    for place in _PLACE.finditer(template):
        yield from _text(template[at : place.start()])
        tag = _TAG.fullmatch(place[1])
        yield Piece(tag=tag[1]) if tag else Piece(field=place[1])
        at = place.end()
    yield from _text(template[at:])


def _text(text: str) -> Iterator[Piece]:
    if "{" in text or "}" in text:
        raise ValueError("a brace that does not belong to a field")
    if text:
        yield Piece(text=text)


def template_fault(template: str, cloud: str, *, tags: bool) -> Fault:
    try:
        found = list(pieces(template))
    except ValueError as error:
        return f"{quoted(template)} is not a template: {error}", 'like "{instance}.example.com"'
    known = FIELDS.get(cloud, ())
    for piece in found:
        if piece.tag and not tags:
            return f"{quoted(template)} goes by tags, which the cloud is not asked for", "tags = true"
        if piece.field and piece.field not in known:
            hint = did_you_mean(piece.field, known) or f"there is {', '.join(known)}"
            return f"{quoted(template)}: there is no field {quoted(piece.field)}", hint
    return None


@lru_cache(maxsize=256)
def _pieces(template: str) -> tuple[Piece, ...]:
    """Of the tables' templates, which every instance is given its names by."""
    return tuple(pieces(template))


def filled(template: str, values: Mapping[str, str], tags: Mapping[str, str]) -> str:
    """Raises KeyError with the field that this instance has not."""
    parts = []
    for piece in _pieces(template):
        value = tags.get(piece.tag, "") if piece.tag else values.get(piece.field, "") if piece.field else piece.text
        if not value:
            raise KeyError(f"tag {piece.tag}" if piece.tag else piece.field)
        parts.append(value)
    return "".join(parts)
