"""The word of a host that enrols by its name has one spelling."""

from __future__ import annotations

import pytest

from daypass.errors import Invalid
from daypass.wire.nametoken import NameToken


def test_it_says_a_time_and_a_name() -> None:
    word = NameToken(1795467600, "web-1.example.com").encode()
    assert word == "ssh1.1795467600.web-1.example.com"
    assert NameToken.decode(word) == NameToken(1795467600, "web-1.example.com")


@pytest.mark.parametrize(
    "word",
    [
        "",
        "ssh1.",
        "ssh1.0.web-1",
        "ssh1.01.web-1",
        "ssh1.-1.web-1",
        "ssh1.1e3.web-1",
        "ssh1.1234567890123.web-1",
        "ssh1.1.",
        "ssh1.1.WEB-1",
        "ssh1.1.-web",
        "ssh1.1.web-",
        "ssh1.1.web-1 ",
        "ssh1.1.web-1\n",
        "ssh1.1.wéb",
        "ssh2.1.web-1",
        f"ssh1.1.{'a' * 254}",
        "ssh1.\u0661.web-1",
    ],
)
def test_nothing_else_is_one(word: str) -> None:
    with pytest.raises(Invalid):
        NameToken.decode(word)


@pytest.mark.parametrize("token", [NameToken(0, "web-1"), NameToken(1, "WEB"), NameToken(1, "a b"), NameToken(1, "")])
def test_what_could_not_be_read_again_is_not_written(token: NameToken) -> None:
    with pytest.raises(Invalid):
        token.encode()
