"""What both ends must build alike, recomputed here by hand."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.making import public_key

from daypass.errors import Invalid
from daypass.wire.binding import login_act, login_nonce, possession_message

CA, SALT, BLOB = bytes(range(32)), bytes(range(32, 64)), public_key(2).blob


def test_the_nonce_is_the_hash_of_exactly_what_the_trust_model_lists() -> None:
    """trust 3.1."""
    hashed = b"daypass-nonce-v1\0" + CA + pack(">I", len(BLOB)) + BLOB + pack(">I", 5) + b"login" + SALT
    expected = "dp1." + urlsafe_b64encode(hashlib.sha256(hashed).digest()).decode().rstrip("=")
    assert login_nonce(CA, BLOB, b"login", SALT) == expected
    assert len(expected) == 47


def test_a_role_alone_is_another_act_than_a_day_pass_and_than_another_role() -> None:
    acts = [login_act(), login_act("a"), login_act("b"), login_act("login")]
    assert acts[0] == b"login" and len(set(acts)) == 4
    assert len({login_nonce(CA, BLOB, act, SALT) for act in acts}) == 4


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(0, 40))
def test_bytes_can_not_move_between_key_and_act(blob: bytes, act: bytes, shift: int) -> None:
    joined = blob + act
    moved = joined[:shift], joined[shift:]
    same = moved == (blob, act)
    assert (login_nonce(CA, blob, act, SALT) == login_nonce(CA, *moved, SALT)) is same


@pytest.mark.parametrize(("ca_id", "salt"), [(CA[:-1], SALT), (CA, SALT[:-1]), (CA, SALT + b"\0"), (CA, b"")])
def test_a_ca_id_or_salt_of_another_size_is_refused(ca_id: bytes, salt: bytes) -> None:
    with pytest.raises(Invalid):
        login_nonce(ca_id, BLOB, b"login", salt)


def test_a_proof_of_possession_is_for_one_ca_and_one_token() -> None:
    """trust 3.3."""
    messages = {possession_message(ca, token) for ca in (CA, SALT) for token in ("a.b.c", "a.b.d")}
    assert len(messages) == 4
    digest = hashlib.sha256(b"a.b.c").digest()
    assert possession_message(CA, "a.b.c") == (
        b"daypass-possession-v1\0" + pack(">I", 32) + CA + pack(">I", 32) + digest
    )
