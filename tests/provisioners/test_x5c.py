"""Tokens by X.509 client certificates: whom they name, and every way a chain or leaf is none (SPIFFE, RFC 5280)."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.parts.clientcert import Client, make_root
from tests.parts.onetime import one_time
from tests.provisioners.desk import KEY, NOW, OTHER_KEY, StillClock

from daypass.config import X5cSection
from daypass.errors import Denied, Misconfigured, Unauthenticated
from daypass.model import Credential, HostFacts, Kind, Proof, Secret
from daypass.provisioners.x5c import X5cProvisioner
from daypass.wire.binding import admin_act, login_act

ROOT, OTHER_ROOT = make_root(NOW - 1800), make_root(NOW - 1800)
SPIFFE = "spiffe://example.com/ns/prod/sa/web"
MESH = X5cSection(name="mesh", roots=[ROOT.pem], trust_domain="example.com")
PEOPLE = X5cSection(name="mesh", roots=[ROOT.pem], kind="person")
MACHINES = X5cSection(name="mesh", roots=[ROOT.pem], kind="host", hosts=["*.example.com"])
PLAIN = X5cSection(name="mesh", roots=[ROOT.pem])


def uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def show(client: Client, section: X5cSection = MESH, **changes: Any) -> Proof:
    said = {each: changes.pop(each) for each in ("act", "possessed") if each in changes}
    fields: dict[str, Any] = {"issuer": "mesh", "now": NOW, "subject": "web", "keys": (KEY,), "chain": client.chain}
    token = one_time(changes.pop("key", client.key), **(fields | changes))
    made = X5cProvisioner(section, ["ca.example.com"], StillClock())
    return asyncio.run(made.authenticate(Credential(Secret(token), (KEY,), **said)))


def refusal(client: Client, section: X5cSection = MESH, **changes: Any) -> str:
    with pytest.raises(Unauthenticated) as refused:
        show(client, section, **changes)
    return refused.value.code


def test_a_workload_is_its_spiffe_id() -> None:
    proof = show(ROOT.client([uri(SPIFFE)]))
    who = proof.identity
    assert (who.kind, who.provider, who.issuer, who.subject) == (
        Kind.WORKLOAD, "mesh", "spiffe://example.com", SPIFFE,
    )  # fmt: skip
    assert (who.login, who.names, who.claims["uri"]) == (None, (), [SPIFFE])
    assert proof.until == NOW + 1800  # the leaf's end, not a second more


def test_the_chain_may_have_issuers_between_and_ends_with_the_first_of_them() -> None:
    assert show(ROOT.intermediate().client([uri(SPIFFE)])).identity.subject == SPIFFE
    long = ROOT.intermediate().client([uri(SPIFFE)], hours=24 * 365)
    assert show(long).until == ROOT.at + 30 * 86400


def test_the_table_can_shorten_it() -> None:
    assert show(ROOT.client([uri(SPIFFE)]), msgspec.structs.replace(MESH, lifetime="10m")).until == NOW + 600
    assert show(ROOT.client([uri(SPIFFE)]), ssh={"validBefore": "5m"}).until == NOW + 300


@pytest.mark.parametrize(
    ("names", "good"),
    [
        ([SPIFFE], True),
        (["spiffe://example.com/a-B_c.d/7"], True),
        ([SPIFFE, "spiffe://example.com/other"], False),
        ([SPIFFE, "https://example.com/"], False),
        ([], False),
        (["spiffe://other.example.com/ns/prod/sa/web"], False),
        (["spiffe://EXAMPLE.com/web"], False),
        (["spiffe://example.com"], False),
        (["spiffe://example.com/"], False),
        (["spiffe://example.com/a//b"], False),
        (["spiffe://example.com/a/"], False),
        (["spiffe://example.com/a/../b"], False),
        (["spiffe://example.com/./b"], False),
        (["spiffe://example.com/a%2fb"], False),
        (["spiffe://example.com/a?b"], False),
        (["spiffe://example.com/a#b"], False),
        (["spiffe://example.com:8443/a"], False),
        (["spiffe://x@example.com/a"], False),
        (["https://example.com/a"], False),
        (["spiffe://example.com/" + "a" * 2048], False),
    ],
)
def test_a_spiffe_id_is_one_uri_without_tricks(names: list[str], good: bool) -> None:
    client = ROOT.client([uri(each) for each in names], cn="web")
    if good:
        assert show(client).identity.subject == names[0]
    else:
        assert refusal(client) == "x5c.svid"


@pytest.mark.parametrize(
    "made",
    [
        {"ca": True},
        {"signs": False},
        {"purposes": ()},
        {"purposes": (ExtendedKeyUsageOID.SERVER_AUTH,)},
        {"purposes": (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)},
        {"hours": 0.4},  # over since six minutes
        {"begins": 1801},  # not yet
        {"signer": OTHER_ROOT.key},
    ],
)
def test_what_is_no_valid_client_certificate_of_ours_is_refused(made: dict[str, Any]) -> None:
    assert refusal(ROOT.client([uri(SPIFFE)], **made)) == "x5c.certificate"


@pytest.mark.parametrize(
    "chain",
    [
        (),
        (b"no certificate",),
        ROOT.client([uri(SPIFFE)]).chain * 9,
        (make_root(NOW - 1800).client([uri(SPIFFE)]).chain),
        (ROOT.intermediate().client([uri(SPIFFE)]).chain[0],),  # the issuer between is missing
    ],
)
def test_a_chain_that_leads_nowhere_is_refused(chain: tuple[bytes, ...]) -> None:
    assert refusal(ROOT.client([uri(SPIFFE)]), chain=chain) == "x5c.certificate"


def test_a_stolen_certificate_is_nothing_without_its_key() -> None:
    client = ROOT.client([uri(SPIFFE)])
    assert refusal(client, key=ec.generate_private_key(ec.SECP256R1())) == "x5c.certificate"
    assert refusal(client, key=rsa.generate_private_key(65537, 2048)) == "x5c.certificate"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"issuer": "other"}, "provisioner"),
        ({"url": "https://other.example.com"}, "audience"),
        ({"aud": "https://ca.example.com/1.0/ssh/sign"}, "audience"),
        ({"aud": "https://ca.example.com/1.0/ssh/sign#x5c/other"}, "audience"),
        ({"now": NOW - 360}, "expired"),
        ({"now": NOW + 61}, "not-yet"),
        ({"keys": (OTHER_KEY,)}, "key"),
        ({"keys": ()}, "unbound"),
        ({"kind": "host"}, "kind"),
        ({"act": login_act("dba")}, "act"),
        ({"act": admin_act("/v1/admin/ledger", b"{}")}, "act"),
        ({"act": b"revoke"}, "act"),
        ({"act": b"enrol"}, "act"),
        ({"header": {"typ": "at+jwt"}}, "certificate"),
        ({"header": {"jku": "https://evil.example"}}, "certificate"),
    ],
)
def test_a_token_that_is_wrong_in_one_place_is_refused(changes: dict[str, Any], code: str) -> None:
    assert refusal(ROOT.client([uri(SPIFFE)]), **changes) == f"x5c.{code}"


def test_a_person_is_the_address_in_their_certificate_or_its_common_name() -> None:
    client = ROOT.client([x509.RFC822Name("alice@Example.com")], cn="ann", ou="ops")
    who = show(client, PEOPLE).identity
    assert (who.kind, who.subject, who.login, who.email) == (
        Kind.PERSON, "alice@Example.com", "alice", "alice@example.com",
    )  # fmt: skip
    assert who.claims["ou"] == ["ops"]
    by_cn = show(client, msgspec.structs.replace(PEOPLE, login_name="cn")).identity
    assert (by_cn.login, by_cn.subject) == ("ann", "OU=ops,CN=ann")


def test_two_addresses_are_nobodys() -> None:
    both = ROOT.client([x509.RFC822Name("alice@example.com"), x509.RFC822Name("root@example.com")])
    assert refusal(both, PEOPLE) == "x5c.email"


def test_a_plain_workload_is_its_uri_or_its_subject() -> None:
    assert show(ROOT.client([uri("urn:uuid:7")], cn="job"), PLAIN).identity.subject == "urn:uuid:7"
    assert show(ROOT.client(cn="job"), PLAIN).identity.subject == "CN=job"
    assert refusal(ROOT.client([x509.DNSName("a.example.com")]), PLAIN) == "x5c.subject"


def test_a_host_has_the_names_of_its_certificate_and_the_token_can_only_leave_some_out() -> None:
    names = ("web-1.example.com", "www.example.com")
    client = ROOT.client([x509.DNSName(each) for each in names])
    assert show(client, MACHINES, kind="host", act=b"enrol").enrolment == HostFacts(names[0], (names[1],))
    fewer = show(client, MACHINES, kind="host", principals=[names[1]], act=b"enrol")
    assert fewer.enrolment == HostFacts(names[1])
    with pytest.raises(Denied):
        show(client, MACHINES, kind="host", principals=["db.example.com"], act=b"enrol")


@pytest.mark.parametrize("name", ["web-1.example.org", "*.example.com", "example.com"])
def test_a_host_certificate_outside_the_tables_names_is_refused(name: str) -> None:
    with pytest.raises(Denied):
        show(ROOT.client([x509.DNSName(name)]), MACHINES, kind="host", act=b"enrol")


def test_a_root_that_is_no_ca_is_refused_at_the_table() -> None:
    leaf = x509.load_der_x509_certificate(ROOT.client([uri(SPIFFE)]).chain[0])
    for pem in (
        leaf.public_bytes(Encoding.PEM).decode(),
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----",
    ):
        with pytest.raises(Misconfigured):
            X5cProvisioner(msgspec.structs.replace(MESH, roots=[pem]), ["ca.example.com"], StillClock())
