"""`[[jwk]]` and `[[x5c]]`: what is said of each table that could let the wrong ones in, or nobody."""

from __future__ import annotations

import json

import pytest
import tomli_w
from tests.config.test_mutations import GOOD

from daypass.config import Severity, problems

EC = {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}
PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"


def told(table: str, **changes: object) -> list[tuple[str, str]]:
    """Key and severity of what is said of a good table with these changes."""
    whole = GOOD | {table: [GOOD[table][0] | changes]}
    found = [
        each for each in problems(tomli_w.dumps(whole, multiline_strings=True)) if each.path.startswith(f"{table}[0]")
    ]
    return [(each.path.removeprefix(f"{table}[0]"), str(each.severity)) for each in found]


ERROR, WARNING = str(Severity.ERROR), str(Severity.WARNING)
QUIET = {"encrypted_key": "", "allow_unbound": False}


def test_what_makes_tokens_and_certificates_weaker_is_said() -> None:
    assert told("jwk") == [(".allow_unbound", WARNING), (".encrypted_key", WARNING)]
    assert told("x5c") == [(".allow_unbound", WARNING)]


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"key": json.dumps(EC | {"d": "AAAA"})}, ".key"),
        ({"key": json.dumps({"kty": "oct", "k": "AAAA"})}, ".key"),
        ({"key": json.dumps(EC | {"crv": "secp256k1"})}, ".key"),
        ({"key": json.dumps(EC | {"use": "enc"})}, ".key"),
        ({"key": json.dumps(EC | {"x": "A A"})}, ".key"),
        ({"key": json.dumps({"kty": "RSA", "n": "AAAA"})}, ".key"),
        ({"key": json.dumps([EC])}, ".key"),
        ({"key": '{"kty":\n' * 1000}, ".key"),
        ({"encrypted_key": "e30.e30"}, ".encrypted_key"),
        ({"hosts": ["*"]}, ".hosts[0]"),
        ({"hosts": [], "users": False}, ""),
    ],
)
def test_a_jwk_table_that_can_not_be_meant_is_an_error(change: dict[str, object], at: str) -> None:
    assert (at, ERROR) in told("jwk", **(QUIET | change))


def test_a_private_key_in_the_file_is_not_repeated_in_the_message() -> None:
    whole = GOOD | {"jwk": [GOOD["jwk"][0] | {"key": json.dumps(EC | {"d": "c2VjcmV0"})}]}
    assert not any("c2VjcmV0" in str(each) for each in problems(tomli_w.dumps(whole)))


def test_one_key_is_one_provisioners() -> None:
    whole = GOOD | {"jwk": [GOOD["jwk"][0], GOOD["jwk"][0] | {"name": "other"}]}
    assert "jwk[1].key" in [each.path for each in problems(tomli_w.dumps(whole))]


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"roots": []}, ".roots"),
        ({"roots": [PEM * 2]}, ".roots[0]"),
        ({"roots": [PEM.replace("MAA=", "AAAA")]}, ".roots[0]"),
        ({"roots": [PEM.replace("CERTIFICATE", "PRIVATE KEY")]}, ".roots[0]"),
        ({"kind": "workloads"}, ".kind"),
        ({"kind": "person"}, ".trust_domain"),
        ({"kind": "host", "hosts": []}, ".hosts"),
        ({"trust_domain": "spiffe://example.com"}, ".trust_domain"),
        ({"trust_domain": "Example.com"}, ".trust_domain"),
        ({"login_name": "claim:sub"}, ".login_name"),
        ({"lifetime": "0h"}, ".lifetime"),
    ],
)
def test_an_x5c_table_that_can_not_be_meant_is_an_error(change: dict[str, object], at: str) -> None:
    assert (at, ERROR) in told("x5c", **change)
