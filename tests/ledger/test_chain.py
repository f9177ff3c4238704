"""Nobody alters, removes, adds or reorders an entry of the ledger unnoticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest

from daypass.errors import Invalid
from daypass.ledger.chain import GENESIS, encode_entry, next_hash, verify

Rows = list[tuple[int, bytes, bytes]]
POLICY = b"\x01" * 32


def chain(length: int, *, acts: str = "certificate.issue") -> Rows:
    rows, digest = Rows(), GENESIS
    for seq in range(1, length + 1):
        details = {"serial": seq, "roles": ["dev"]}
        entry = encode_entry(seq, 1_800_000_000 + seq, acts, "root", POLICY, details, version=1)
        digest = next_hash(digest, entry)
        rows.append((seq, entry, digest))
    return rows


def test_a_chain_verifies_to_its_last_entry_whole_or_in_pages() -> None:
    rows = chain(6)
    assert verify([]) == (0, GENESIS)
    assert verify(rows) == (6, rows[-1][2])
    seq, head = verify(rows[:4])
    assert verify(rows[4:], head=head, seq=seq) == (6, rows[-1][2])


def test_the_hash_is_the_one_that_is_written_down() -> None:
    """So that another program can verify a ledger too."""
    entry = b'{"seq":1}'
    assert next_hash(GENESIS, entry) == hashlib.sha256(b"daypass-ledger-v1\x00" + bytes(32) + entry).digest()


def test_an_entry_says_where_it_stands_when_who_and_under_which_policy() -> None:
    entry = encode_entry(7, 1_800_000_000, "person.lock", "root", POLICY, {"serials": [1, 2]}, version=3)
    assert json.loads(entry) == {
        "seq": 7,
        "time": 1_800_000_000,
        "act": "person.lock",
        "actor": "root",
        "policy": POLICY.hex(),
        "version": 3,
        "serials": [1, 2],
    }
    assert entry == encode_entry(7, 1_800_000_000, "person.lock", "root", POLICY, {"serials": [1, 2]}, version=3)


def test_entries_of_before_versions_were_counted_verify_beside_those_of_after() -> None:
    old = b'{"act":"ca.init","actor":"root","policy":"","seq":1,"time":1800000000}'
    new = encode_entry(2, 1_800_000_001, "config.publish", "root", POLICY, {"published": 1}, version=0)
    digest = next_hash(GENESIS, old)
    assert verify([(1, old, digest), (2, new, next_hash(digest, new))]) == (2, next_hash(digest, new))


def altered(rows: Rows) -> Rows:
    seq, entry, digest = rows[2]
    return [*rows[:2], (seq, entry.replace(b'"serial":3', b'"serial":4'), digest), *rows[3:]]


def rehashed(rows: Rows) -> Rows:
    """The forger computes the hash of the altered entry again, but not those after it."""
    seq, entry, _ = altered(rows)[2]
    return [*rows[:2], (seq, entry, next_hash(rows[1][2], entry)), *rows[3:]]


def renumbered(rows: Rows) -> Rows:
    """Without its third entry, with numbers and hashes made to fit, but the entries as they were."""
    forged, digest = list(rows[:2]), rows[1][2]
    for seq, (_, entry, _) in enumerate(rows[3:], start=3):
        digest = next_hash(digest, entry)
        forged.append((seq, entry, digest))
    return forged


FORGERIES: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "altered": (altered, "entry 3 is not what was recorded"),
    "altered and hashed again": (rehashed, "entry 4 is not what was recorded"),
    "removed": (lambda rows: rows[:2] + rows[3:], "entry 3 is missing"),
    "removed and renumbered": (renumbered, "entry 3 is not what was recorded"),
    "first removed": (lambda rows: rows[1:], "entry 1 is missing"),
    "doubled": (lambda rows: [*rows[:3], rows[2], *rows[3:]], "entry 4 is missing"),
    "reordered": (lambda rows: [*rows[:2], rows[3], rows[2], *rows[4:]], "entry 3 is missing"),
    "reordered and renumbered": (
        lambda rows: [*rows[:2], (3, *rows[3][1:]), (4, *rows[2][1:]), *rows[4:]],
        "entry 3 is not what was recorded",
    ),
    "of another ledger": (
        lambda rows: [*rows[:2], *chain(5, acts="x")[2:]],
        "entry 3 is not what was recorded",
    ),
    "hash cut off": (lambda rows: [(1, rows[0][1], rows[0][2][:16])], "entry 1 is not what was recorded"),
}


@pytest.mark.parametrize(("forge", "found"), FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_ledger_is_found_at_the_first_entry_that_is_wrong(forge: Callable[[Rows], Rows], found: str) -> None:
    with pytest.raises(Invalid, match=found):
        verify(forge(chain(5)))


def test_a_chain_cut_short_is_told_by_its_head() -> None:
    """Verification can't miss what it was never given: the head on record is what to compare with."""
    rows = chain(5)
    assert verify(rows[:4]) != (5, rows[-1][2])
