from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import Invalid
from daypass.wire.jointoken import JoinTokenText

GOOD = {"url": "https://ca.example.com:8443", "fingerprint": "ab" * 32, "id": "0123456789abcdef", "secret": "s" * 43}
TOKEN = JoinTokenText(**GOOD)


def encoded(text: str) -> str:
    return "dpj1." + urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def test_a_token_comes_back_as_it_was_made() -> None:
    assert JoinTokenText.decode(TOKEN.encode()) == TOKEN


def test_the_secret_is_not_in_what_python_prints() -> None:
    assert TOKEN.secret not in repr(TOKEN)


@pytest.mark.parametrize("url", ["https://ca", "https://10.0.0.1", "https://[::1]:8443", "https://localhost:1"])
def test_a_ca_may_be_at(url: str) -> None:
    assert JoinTokenText.decode(JoinTokenText(**{**GOOD, "url": url}).encode()).url == url


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://ca.example.com"),
        ("url", "https://ca.example.com/path"),
        ("url", "https://user@ca.example.com"),
        ("url", "https://ca.example.com:8443\n"),
        ("url", "https://$(id)"),
        ("url", "https://`id`"),
        ("url", "https://-oProxyCommand"),
        ("url", "https://ca.exämple.com"),
        ("fingerprint", "AB" * 32),
        ("fingerprint", "ab" * 31),
        ("fingerprint", "ab" * 32 + "\n"),
        ("id", ""),
        ("id", "../../../../etc/"),
        ("id", "0123456789abcde"),
        ("secret", "s" * 42),
        ("secret", "s" * 44),
        ("secret", "s" * 42 + "'"),
    ],
)
def test_a_field_outside_the_grammar_is_refused(field: str, value: str) -> None:
    """GHSA-6xf3-5hp7-xqqg: a script was generated around an unchecked token."""
    with pytest.raises(Invalid, match=field):
        JoinTokenText(**{**GOOD, field: value})
    with pytest.raises(Invalid, match="not a join token"):
        JoinTokenText.decode(encoded(json.dumps({**GOOD, field: value}, separators=(",", ":"))))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dpj1.",
        TOKEN.encode() + "=",
        TOKEN.encode() + "\n",
        " " + TOKEN.encode(),
        TOKEN.encode().replace("dpj1.", "dpj2."),
        TOKEN.encode().replace("dpj1.", "DPJ1."),
        encoded(json.dumps(GOOD)),  # spaces
        encoded(json.dumps(dict(reversed(GOOD.items())), separators=(",", ":"))),
        encoded(json.dumps({**GOOD, "more": "x"}, separators=(",", ":"))),
        encoded(json.dumps({"url": GOOD["url"]}, separators=(",", ":"))),
        encoded(json.dumps(list(GOOD.values()), separators=(",", ":"))),
        encoded('{"url":"https://evil",' + json.dumps(GOOD, separators=(",", ":"))[1:]),  # named twice
        encoded("[" * 700),
        encoded("x" * 5000),
        "dpj1.\u00e9",
    ],
)  # fmt: skip
def test_another_spelling_is_no_token(text: str) -> None:
    with pytest.raises(Invalid, match="not a join token"):
        JoinTokenText.decode(text)


@given(
    st.text() | st.text().map(encoded) | st.integers(0, len(TOKEN.encode()) - 1).map(lambda at: TOKEN.encode()[:at])
)
def test_nothing_else_gets_through_or_fails_otherwise(text: str) -> None:
    with pytest.raises(Invalid):
        JoinTokenText.decode(text)
