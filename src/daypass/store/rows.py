"""Between the rows of the tables and what the ports speak of: JSON columns, blobs, what text may hold."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from daypass.ca.ports import HostRecord
from daypass.errors import Invalid
from daypass.model import Issued, Person

__all__ = [
    "MAX_INT",
    "check_text",
    "host_record",
    "issued",
    "json",
    "keys_json",
    "labels_of",
    "people",
    "texts",
    "unjson",
    "unkeys",
]

MAX_INT = 2**63 - 1
_encoder = msgspec.json.Encoder(order="deterministic")
_texts = msgspec.json.Decoder(tuple[str, ...])
_labels = msgspec.json.Decoder(dict[str, str])


def json(value: object) -> str:
    return _encoder.encode(value).decode()


def unjson(text: str) -> Any:
    return msgspec.json.decode(text)


def texts(text: str) -> tuple[str, ...]:
    return _texts.decode(text)


def labels_of(text: str) -> dict[str, str]:
    return _labels.decode(text)


def keys_json(keys: Iterable[bytes]) -> str:
    return json([b64encode(key).decode() for key in keys])


def unkeys(text: str) -> tuple[bytes, ...]:
    return tuple(b64decode(key) for key in texts(text))


def check_text(*values: str | None) -> None:
    """Raises Invalid for what PostgreSQL can't hold: NUL, lone surrogates. One such value in a shared transaction
    would refuse it to all who share it."""
    whole = "".join([value for value in values if value])
    try:
        whole.encode()
    except UnicodeEncodeError as error:
        raise Invalid("text that is not Unicode can't be put on record", code="store.text") from error
    if "\0" in whole:
        raise Invalid("text with a NUL character can't be put on record", code="store.text")


def issued(row: Sequence[Any]) -> Issued:
    """From `Statements.find_certificates`."""
    serial, certificate, public_key, principals, after, before, revoked_at = row
    return Issued(
        serial, bytes(certificate), bytes(public_key), texts(principals), after, before, revoked_at is not None
    )


def people(rows: Iterable[Sequence[Any]]) -> dict[tuple[str, str], Person]:
    """From `Statements.find_persons`: by (issuer, subject)."""
    found: dict[tuple[str, str], tuple[Sequence[Any], list[str]]] = {}
    for row in rows:
        _, owned = found.setdefault((row[1], row[2]), (row, []))
        if row[6] is not None:
            owned.append(row[6])
    return {key: _person(row, owned) for key, (row, owned) in found.items()}


def _person(row: Sequence[Any], owned: list[str]) -> Person:
    number, issuer, subject, login, generation, locked_at, _, _, ended_at = row
    names = tuple(sorted(owned))
    return Person(number, issuer, subject, login or "", names, generation, locked_at is not None, ended_at)


def host_record(row: Sequence[Any]) -> HostRecord:
    """From `Statements.find_hosts`."""
    _, number, name, aliases, labels, keys, live_until, addresses = row
    return HostRecord(
        number, name, texts(aliases), labels_of(labels), unkeys(keys), live_until, addresses=texts(addresses)
    )
