"""The words that cloud instances enrol with: one spelling each, and what ties them to keys."""

from __future__ import annotations

import subprocess
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.making import public_key

from daypass.errors import Invalid
from daypass.wire.clouddocs import AwsWord, AzureWord, challenge, challenge_expires, google_audience, keys_digest

ONE, OTHER = public_key(2), public_key(3)
JWT = "e30.e30.c2ln"
SECRET, CA, NOW = b"s" * 32, bytes(range(32)), 1_800_000_000


def b64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@given(st.binary(min_size=1, max_size=64), st.binary(min_size=1, max_size=64))
@settings(max_examples=20)
def test_a_word_comes_back_as_it_was_made(document: bytes, signature: bytes) -> None:
    assert AwsWord.decode(AwsWord(document, signature).encode()) == AwsWord(document, signature)
    for token in ("", JWT):
        assert AzureWord.decode(AzureWord(signature, token).encode()) == AzureWord(signature, token)


@pytest.mark.parametrize(
    "word",
    [
        "", "aws1.", "aws1..", "aws1.e30", "aws1.e30.e30.e30", "aws1.e30.", "aws1..e30", "azure1.e30.e30",
        "aws1.e30.e30\n", " aws1.e30.e30", "aws1.e30=.e30", "aws1.e31.e30", "aws1.e.e30", "aws1.e3+.e30",
        "aws1.e30.é", "AWS1.e30.e30", "aws1." + "A" * 5464 + ".e30", "aws1.e30." + "A" * 21848,
    ],
)  # fmt: skip
def test_what_is_no_word_of_an_aws_instance_is_invalid(word: str) -> None:
    with pytest.raises(Invalid):
        AwsWord.decode(word)


@pytest.mark.parametrize(
    "word",
    [
        "", "azure1.", "azure1.e30.", "azure1.e30.e30", "azure1.e30.e30.e30", "azure1.e30.e30.e30.", "aws1.e30.e30",
        "azure1.e30.a.b.c.d", "azure1.e30.a.b.c\n", "azure1.e31", "azure1." + "A" * 21848,
        "azure1.e30.a.b." + "c" * 16384,
    ],
)  # fmt: skip
def test_what_is_no_word_of_an_azure_instance_is_invalid(word: str) -> None:
    with pytest.raises(Invalid):
        AzureWord.decode(word)


def test_the_digest_of_keys_is_the_same_in_a_shell_and_in_any_order(tmp_path: Path) -> None:
    keys = [OTHER, ONE]
    for number, key in enumerate(keys):
        (tmp_path / f"{number}.pub").write_text(key.line("a comment") + "\n")
    line = f"cut -d' ' -f1,2 {tmp_path}/*.pub | LC_ALL=C sort | sha256sum"
    shell = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert shell.stdout.split()[0] == keys_digest(keys) == keys_digest(reversed(keys))
    assert google_audience(CA, keys) == f"daypass:host:{CA.hex()}:{keys_digest(keys)}"


def test_a_challenge_is_of_these_keys_this_ca_and_these_minutes() -> None:
    mine = challenge(SECRET, CA, [ONE], NOW)
    assert len(mine) == 10
    assert mine.isdigit()
    assert mine == challenge(SECRET, CA, [ONE], NOW + 299) == challenge(SECRET, CA, [ONE], NOW + 300, ago=1)
    assert challenge_expires(NOW) == challenge_expires(NOW + 299) == NOW + 600
    others = [
        challenge(b"t" * 32, CA, [ONE], NOW), challenge(SECRET, bytes(32), [ONE], NOW),
        challenge(SECRET, CA, [OTHER], NOW), challenge(SECRET, CA, [ONE, OTHER], NOW),
        challenge(SECRET, CA, [ONE], NOW + 300), challenge(SECRET, CA, [ONE], NOW - 1),
    ]  # fmt: skip
    assert mine not in others
