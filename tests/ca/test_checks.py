"""The last look before a signature: every field, wherever it came from."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from daypass.ca.checks import Checked, Rules, check
from daypass.errors import Internal, Invalid
from daypass.hostnames import HostNames
from daypass.model import Draft, Grant
from daypass.wire import Certificate, CertType, PublicKey

NOW = 1_800_000_000
USER_CA, HOST_CA, BUNDLE, OFFLINE, SUBJECT = (
    PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key()) for _ in range(5)
)
RULES = Rules(
    user_keys=frozenset({USER_CA.blob}),
    host_keys=frozenset({HOST_CA.blob}),
    bundle_keys=frozenset({BUNDLE.blob}),
    ca_id=sha256(OFFLINE.blob).digest(),
    host_names=HostNames(("*.example.com",), "example.com", ("10.0.0.0/8",)),
    bare_accounts=frozenset({"deploy"}),
    permits={"eng": frozenset({"permit-pty"}), "ops": frozenset({"permit-pty", "permit-agent-forwarding"})},
    floor=300,
    user_ceiling=20 * 3600,
    host_ceiling=90 * 86400,
    backdate=60,
)
USER: dict[str, Any] = {
    "nonce": bytes(32),
    "public_key": SUBJECT,
    "serial": 1,
    "type": CertType.USER,
    "key_id": "alice@example.com",
    "principals": ("role:eng:alice", "alice", "deploy"),
    "valid_after": NOW - 60,
    "valid_before": NOW + 16 * 3600,
    "critical_options": (("force-command", "uptime"), ("verify-required", "")),
    "extensions": (("permit-pty", ""),),
    "signature_key": USER_CA,
}
HOST: dict[str, Any] = USER | {
    "type": CertType.HOST,
    "principals": ("web-1.example.com",),
    "valid_before": NOW + 30 * 86400,
    "critical_options": (),
    "extensions": (),
    "signature_key": HOST_CA,
}


def draft(fields: dict[str, Any], claims: tuple[str, ...] = ("alice",), roles: tuple[str, ...] = ("eng",)) -> Draft:
    cert = Certificate(**fields)
    grant = Grant(cert.type, cert.key_id, cert.principals, cert.valid_after, cert.valid_before, roles, claims=claims)
    return Draft(grant, cert)


@pytest.mark.parametrize("fields", [USER, HOST])
def test_an_honest_draft_passes_and_is_signed_as_it_was_seen(fields: dict[str, Any]) -> None:
    checked = check(draft(fields), RULES, NOW)
    assert checked.to_be_signed == Certificate(**fields).to_be_signed()


def test_a_name_at_a_git_server_is_signed_as_it_was_seen() -> None:
    fields = USER | {"extensions": (("login@git.example.com", "alice.b"), ("login@github.com", "Alice-B_corp"))}
    assert check(draft(fields), RULES, NOW).certificate.extensions == fields["extensions"]


@pytest.mark.parametrize("networks", ["10.0.0.0/8", "10.0.0.0/8,fd00::/8,192.0.2.7/32", "2001:db8::1/128"])
def test_networks_to_log_in_from_are_signed_as_they_were_seen(networks: str) -> None:
    fields = USER | {"critical_options": (("source-address", networks),)}
    assert check(draft(fields), RULES, NOW).certificate.critical_options == fields["critical_options"]


def test_an_extension_takes_a_role_that_brings_it() -> None:
    fields = USER | {"extensions": (("permit-agent-forwarding", ""), ("permit-pty", ""))}
    assert check(draft(fields, roles=("eng", "ops")), RULES, NOW)


@given(st.text(max_size=20) | st.text("0123456789abcdef.:/,", max_size=30))
def test_no_text_but_networks_binds_where_one_may_log_in_from(text: str) -> None:
    try:
        check(draft(USER | {"critical_options": (("source-address", text),)}), RULES, NOW)
    except Internal:
        return
    networks = [ip_network(each) for each in text.split(",")]
    assert networks and all(each.prefixlen for each in networks)


def test_only_check_makes_a_checked() -> None:
    with pytest.raises(TypeError):
        Checked(Certificate(**USER), object())


@pytest.mark.parametrize(
    "change",
    [
        {"principals": ()},  # CVE-2024-7594
        {"principals": ("",)},
        {"principals": (" ",)},
        {"principals": ("alice,root",)},  # CVE-2026-35414
        {"principals": ("*",)},
        {"principals": ("ali?e",)},
        {"principals": ("!alice",)},
        {"principals": ("alice\n",)},
        {"principals": ("alice\0",)},
        {"principals": ("\u0430lice",)},  # Cyrillic a
        {"principals": ("bob",)},
        {"principals": ("root",)},
        {"principals": ("alice@example.com",)},
        {"principals": ("role:",)},
        {"principals": ("role:eng:",)},
        {"principals": ("role:eng:root:x",)},
        {"principals": ("role:eng@web-1",)},
        {"principals": ("alice", "alice")},
        {"principals": tuple(f"role:r{n}" for n in range(257))},
        {"serial": 0},  # serial 0 can't be revoked (trust 6.1)
        {"serial": 2**63},
        {"nonce": b"short"},
        {"key_id": ""},
        {"key_id": "alice example"},
        {"key_id": "alice\nAccepted publickey for root"},
        {"signature_key": HOST_CA},
        {"signature_key": SUBJECT},
        {"public_key": USER_CA},
        {"public_key": HOST_CA},
        {"public_key": BUNDLE},
        {"public_key": OFFLINE},
        {"signature": b"x"},
        {"valid_before": NOW + 21 * 3600},
        {"valid_before": 2**64 - 1},
        {"valid_before": NOW - 1},
        {"valid_before": NOW + 60},
        {"valid_after": NOW - 3600},
        {"valid_after": NOW + 3600, "valid_before": NOW + 3600 + 20 * 3600},
        {"valid_after": 0},
        {"critical_options": (("source-address", ""),)},  # CVE-2026-56854: an empty restriction is no restriction
        {"critical_options": (("source-address", "0.0.0.0/0"),)},
        {"critical_options": (("source-address", "10.0.0.0/8,::/0"),)},
        {"critical_options": (("source-address", "10.0.0.1/8"),)},  # sshd refuses host bits, and so everybody
        {"critical_options": (("source-address", "10.0.0.0/8,"),)},
        {"critical_options": (("source-address", ",10.0.0.0/8"),)},
        {"critical_options": (("source-address", "10.0.0.0/8 "),)},
        {"critical_options": (("source-address", "10.0.0.0/255.0.0.0"),)},
        {"critical_options": (("source-address", "192.0.2.7"),)},  # nothing but one way to write it
        {"critical_options": (("source-address", "FD00::/8"),)},
        {"critical_options": (("source-address", "!10.0.0.0/8"),)},
        {"critical_options": (("source-address", "*"),)},
        {"critical_options": (("source-address", "web-1.example.com"),)},
        {"critical_options": (("source-address", "fe80::1%eth0"),)},
        {"critical_options": (("force-command", ""),)},
        {"critical_options": (("force-command", " "),)},
        {"critical_options": (("force-command", "uptime\nrm -r /"),)},
        {"critical_options": (("force-command", "a"), ("source-address", "::/0"))},
        {"principals": ("role:ops",)},  # of a role that was not given
        {"principals": ("role:ops:alice", "alice")},
        {"extensions": (("permit-agent-forwarding", ""), ("permit-pty", ""))},  # which this role does not bring
        {"extensions": (("permit-port-forwarding", ""),)},
        {"critical_options": (("only-on-mondays", "1"),)},
        {"critical_options": (("verify-required", "no"),)},
        {"extensions": (("permit-everything", ""),)},
        {"extensions": (("permit-pty", "yes"),)},
        {"extensions": (("login@github.com", ""),)},
        {"extensions": (("login@github.com", "a,b"),)},
        {"extensions": (("login@github.com", "a.b"),)},
        {"extensions": (("login@github.com", "a b"),)},
        {"extensions": (("login@github.com", "alice\n"),)},
        {"extensions": (("login@github.com", "\u0430lice"),)},  # Cyrillic a
        {"extensions": (("login@GitHub.com", "alice"),)},
        {"extensions": (("login@", "alice"),)},
        {"extensions": (("login@a@b", "alice"),)},
        {"extensions": (("login@10.0.0.1", "alice"),)},
        {"extensions": (("id@github.com", "1"),)},
        {"extensions": (("permit-pty", ""), ("login@github.com", "alice"))},  # not sorted
    ],
)
def test_a_user_draft_with_one_wrong_field_is_never_signed(change: dict[str, Any]) -> None:
    with pytest.raises((Internal, Invalid)):
        check(draft(USER | change), RULES, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"principals": ("github.com",)},
        {"principals": ("*.example.com",)},
        {"principals": ("example.com",)},
        {"principals": ("11.0.0.1",)},
        {"principals": ("10.0.0.1",)},  # for longer than a day
        {"principals": ("10.0.0.01",), "valid_before": NOW + 3600},
        {"principals": ("web-1",)},  # without its whole name
        {"principals": ("web-1.eu.example.com", "web-1")},
        {"principals": ("web-1.example.com", "web-2")},
        {"principals": ("web-1.example.com,github.com",)},
        {"principals": ("Web-1.example.com",)},
        {"signature_key": USER_CA},
        {"critical_options": (("force-command", "x"),)},  # CVE-2026-46595
        {"extensions": (("permit-pty", ""),)},
        {"extensions": (("login@github.com", "alice"),)},
        {"valid_before": NOW + 91 * 86400},
    ],
)
def test_a_host_draft_with_one_wrong_field_is_never_signed(change: dict[str, Any]) -> None:
    with pytest.raises((Internal, Invalid)):
        check(draft(HOST | change), RULES, NOW)


@pytest.mark.parametrize(
    ("principals", "lifetime"),
    [
        (("web-1.example.com", "web-1"), 90 * 86400),
        (("web-1.example.com", "web-1", "10.0.0.1"), 86400),
        (("10.0.0.1",), 86400),
    ],
)
def test_a_first_label_stands_beside_its_name_and_an_address_for_a_day(
    principals: tuple[str, ...], lifetime: int
) -> None:
    assert check(draft(HOST | {"principals": principals, "valid_before": NOW + lifetime}), RULES, NOW)
    with pytest.raises(Internal):
        check(draft(HOST | {"principals": principals, "valid_before": NOW + lifetime + 180}), RULES, NOW)


def test_an_email_is_a_principal_only_where_it_was_claimed() -> None:
    fields = USER | {"principals": ("alice@example.com",)}
    assert check(draft(fields, claims=("alice", "alice@example.com")), RULES, NOW)


@given(st.text(max_size=40))
def test_no_text_but_a_typed_principal_passes(name: str) -> None:
    try:
        checked = check(draft(USER | {"principals": (name,)}), RULES, NOW)
    except Internal:
        return
    (passed,) = checked.certificate.principals
    assert passed in {"alice", "deploy"} or passed.startswith("role:")
    assert not set(passed) & set(',*?!" \n\0')


def test_a_checked_certificate_can_not_be_changed() -> None:
    checked = check(draft(USER), RULES, NOW)
    with pytest.raises(TypeError):
        replace(checked, certificate=Certificate(**HOST))
