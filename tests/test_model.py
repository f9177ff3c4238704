"""The grammars everyone shares: names, patterns, durations, issuers; and secrets that do not show."""

from __future__ import annotations

import pytest

from daypass.errors import Invalid
from daypass.model import (
    Secret,
    format_duration,
    host_pattern_matches,
    is_host_name,
    is_login_name,
    issuer_fits,
    parse_duration,
    role_principal,
)

ENTRA = "https://login.microsoftonline.com/{tenantid}/v2.0"
TENANT = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("alice", True), ("a", True), ("_svc", True), ("first.last", True), ("a-b_c.d9", True), ("a" * 32, True),
        ("", False), ("a" * 33, False), ("Alice", False), ("9lives", False), ("-x", False), ("a b", False),
        ("a,root", False), ("a:b", False), ("a*", False), ("a\n", False), ("al\u0131ce", False), ("a@b", False),
    ],
)  # fmt: skip
def test_a_login_name_is_what_every_host_takes(name: str, fits: bool) -> None:
    assert is_login_name(name) is fits


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("web-1.example.com", True), ("localhost", True), ("xn--bcher-kva.example", True), ("1.example.com", True),
        ("", False), ("web_1.example.com", False), ("-a.example.com", False), ("a-.example.com", False),
        ("a..b", False), ("a.b.", False), ("10.0.0.1", False), ("*.example.com", False), ("WEB.example.com", False),
        ("a" * 64 + ".example.com", False), (".".join(["a" * 60] * 5), False), ("a.example.com\n", False),
    ],
)  # fmt: skip
def test_a_host_name_is_a_dns_name_in_lower_case(name: str, fits: bool) -> None:
    assert is_host_name(name) is fits


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*.example.com", "web-1.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "evilexample.com", False),
        ("*.example.com", ".example.com", False),
        ("bastion.example.org", "bastion.example.org", True),
        ("bastion.example.org", "xbastion.example.org", False),
    ],
)
def test_a_pattern_matches_below_its_domain_alone(pattern: str, name: str, matches: bool) -> None:
    assert host_pattern_matches(pattern, name) is matches


@pytest.mark.parametrize(("text", "seconds"), [("16h", 57600), ("30d", 2592000), ("1h30m", 5400), ("90s", 90)])
def test_durations_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


NOT_DURATIONS = ["", "16", "h", "1.5h", "-1h", "1m1h", "1h1h", "16 h", "1w", "\u0661\u0666h", "9" * 40 + "h"]


@pytest.mark.parametrize("text", NOT_DURATIONS)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_duration(text)
    assert caught.value.hint and "16h" in caught.value.hint


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (59, "59 s"), (57600, "16 h"), (57599, "15 h 59 min")])
def test_durations_are_written_in_their_two_largest_units(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("configured", "issuer", "fits"),
    [
        ("https://id.example.com", "https://id.example.com", True),
        ("https://id.example.com", "https://id.example.com/", False),
        (ENTRA, ENTRA.replace("{tenantid}", TENANT), True),
        (ENTRA, ENTRA, False),
        (ENTRA, ENTRA.replace("{tenantid}", "evil/../x"), False),
        (ENTRA, f"https://evil.example/{TENANT}/v2.0", False),
    ],
)
def test_an_issuer_is_the_configured_one_or_one_tenant_of_it(configured: str, issuer: str, fits: bool) -> None:
    assert issuer_fits(configured, issuer) is fits


def test_principals_of_roles_are_typed() -> None:
    assert role_principal("dba") == "role:dba"
    assert role_principal("dba", login="alice") == "role:dba:alice"
    assert role_principal("dba", host_id="ab") == "role:dba@ab"


def test_a_secret_does_not_show() -> None:
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    assert [str(secret), repr(secret), f"{secret}", f"{secret!r:>9}".strip(), "%s" % secret] == ["***"] * 5  # noqa: UP031
