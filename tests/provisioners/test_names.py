"""Which person a token names, and by which names."""

from __future__ import annotations

import json

import pytest
from tests.parts.jose import SigningKey
from tests.parts.op import DISCOVERY, Answer, Op
from tests.provisioners.desk import Desk, open_desk

from daypass.errors import Unauthenticated
from daypass.model import Identity, Kind

TENANT = "11111111-2222-3333-4444-555555555555"
OTHER_TENANT = "22222222-2222-3333-4444-555555555555"
OID = "99999999-8888-7777-6666-555555555555"


def identity(op: Op, section: dict[str, object], claims: dict[str, object]) -> Identity:
    """A claim of None is left out."""
    left_out = tuple(name for name, value in claims.items() if value is None)
    with open_desk(op, **section) as desk:
        return desk.show(desk.token(without=left_out, **claims)).identity


def refusal(op: Op, section: dict[str, object], claims: dict[str, object]) -> str:
    with pytest.raises(Unauthenticated) as refused:
        identity(op, section, claims)
    return refused.value.code


def test_a_person_is_issuer_and_subject_and_the_rest_describes_them(op: Op) -> None:
    person = identity(op, {}, {"department": "sales"})
    assert (person.kind, person.issuer, person.subject) == (Kind.PERSON, op.issuer, "alice-1")
    assert (person.email, person.login, person.names) == ("alice@example.com", "alice", ("alice",))
    assert person.groups == {"engineers"}
    assert person.claims["department"] == "sales"


def test_the_claims_of_one_sign_in_can_be_changed_by_nobody(desk: Desk) -> None:
    """ssh-inscribe 0.12 shared one claims object between requests."""
    first, second = (desk.show(desk.token(sub=sub)).identity for sub in ("alice-1", "bob-1"))
    assert (first.claims["sub"], second.claims["sub"]) == ("alice-1", "bob-1")
    with pytest.raises(TypeError):
        first.claims["sub"] = "mallory"  # type: ignore[index]


TRUSTING = {"trust_email": True, "email_domains": ["example.com"]}


@pytest.mark.parametrize(
    ("section", "claims", "email"),
    [
        ({}, {"email_verified": True}, "alice@example.com"),
        ({}, {"email": "Alice@EXAMPLE.com"}, "Alice@example.com"),
        ({}, {"email_verified": False}, None),
        ({}, {"email_verified": "true"}, None),  # opkssh#591
        ({}, {"email_verified": 1}, None),
        ({}, {"email_verified": None}, None),
        ({}, {"email": None}, None),
        (TRUSTING, {"email_verified": None}, "alice@example.com"),
        (TRUSTING, {"email_verified": None, "email": "alice@Example.COM"}, "alice@example.com"),
        (TRUSTING, {"email_verified": None, "email": "alice@evil.example.com"}, None),
        (TRUSTING, {"email_verified": None, "email": "alice@evil.com@example.com"}, None),
        (TRUSTING, {"email_verified": False}, None),
        (TRUSTING, {"email_verified": "true"}, None),
        ({"trust_email": True}, {"email_verified": None}, None),
        ({"email_domains": ["example.com"]}, {"email_verified": None}, None),
        (TRUSTING, {"email_verified": True, "email": "alice@elsewhere.com"}, "alice@elsewhere.com"),
        ({}, {"email": "älice@example.com"}, None),
        ({}, {"email": "alice@exämple.com"}, None),
        ({}, {"email": "alice@еxample.com"}, None),  # noqa: RUF001 - a Cyrillic letter is the point
        ({}, {"email": "alice@\u212aite.example.com"}, None),  # the Kelvin sign, which lower() makes a k
        ({}, {"email": "alice"}, None),
        ({}, {"email": "@example.com"}, None),
        ({}, {"email": "alice@"}, None),
        ({}, {"email": "alice,root@example.com"}, None),
        ({}, {"email": "alice@example.com\n"}, None),
        ({}, {"email": '"a b"@example.com'}, None),
        ({}, {"email": ".alice@example.com"}, None),
        ({}, {"email": "alice@192.0.2.1"}, None),
        ({}, {"email": "a" * 250 + "@example.com"}, None),
        ({}, {"email": ""}, None),
    ],
)
def test_an_email_counts_only_where_the_providers_word_for_it_does(
    op: Op, section: dict[str, object], claims: dict[str, object], email: str | None
) -> None:
    assert identity(op, section, claims).email == email


@pytest.mark.parametrize(
    ("rule", "claims", "login", "names"),
    [
        ("email", {"email": "alice@example.com"}, "alice", ["alice"]),
        ("email", {"email": "a.b-c_d1@example.com"}, "a.b-c_d1", ["a.b-c_d1"]),
        ("email", {"email_verified": False}, None, []),
        ("email", {"email": "Alice@example.com"}, None, []),
        ("email", {"email": "1alice@example.com"}, None, []),
        ("email", {"email": "alice+ssh@example.com"}, None, []),
        ("email", {"email": "a" * 33 + "@example.com"}, None, []),
        ("email", {"email": "*@example.com"}, None, []),
        ("claim:preferred_username", {}, "alice", ["alice"]),
        ("claim:preferred_username", {"email_verified": False}, "alice", ["alice"]),
        ("claim:uid", {"uid": "bob"}, "bob", ["bob"]),
        ("claim:uid", {}, None, []),
        ("claim:uid", {"uid": 1000}, None, []),
        ("claim:uid", {"uid": ["bob"]}, None, []),
        ("claim:uid", {"uid": ""}, None, []),
        ("claim:uid", {"uid": "bob,root"}, None, []),  # CVE-2026-35414
        ("claim:uid", {"uid": "bob\nroot"}, None, []),
        ("claim:uid", {"uid": "bob\n"}, None, []),
        ("claim:uid", {"uid": "bob\0"}, None, []),
        ("claim:uid", {"uid": "role:dba"}, None, []),
        ("claim:uid", {"uid": "bob*"}, None, []),
        ("claim:uid", {"uid": "bób"}, None, []),
        ("claim:uid", {"uid": "ｂob"}, None, []),  # noqa: RUF001 - full width
        ("claim:email", {}, None, []),
        ("step", {"email": "alice@example.com"}, "alice", ["alice", "alice@example.com"]),
        ("step", {"email": "a.lice@Example.com"}, "alice", ["alice", "a.lice", "a.lice@example.com"]),
        ("step", {"email": "A.Lice@example.com"}, "alice", ["alice", "A.Lice@example.com"]),
        ("step", {"email": "a+b@example.com"}, "a_b", ["a_b", "a+b@example.com"]),
        ("step", {"email": "o'hara@example.com"}, "o_hara", ["o_hara"]),
        ("step", {"email": "*@example.com"}, "_", ["_"]),
        ("step", {"email": "1st@example.com"}, None, []),
        ("step", {"email": "a" * 33 + "@example.com"}, None, []),
        ("step", {"email_verified": False}, None, []),
    ],
)
def test_the_providers_rule_yields_login_names_or_none(
    op: Op, rule: str, claims: dict[str, object], login: str | None, names: list[str]
) -> None:
    person = identity(op, {"login_name": rule}, claims)
    assert (person.login, list(person.names)) == (login, names)


@pytest.mark.parametrize(
    ("claims", "groups"),
    [
        ({"groups": ["a", "b", "a"]}, {"a", "b"}),
        ({"groups": "a"}, {"a"}),
        ({"groups": "a,b"}, {"a,b"}),  # one group with a comma, never two
        ({"groups": []}, set()),
        ({"groups": ""}, set()),
        ({"groups": [""]}, set()),
        ({"groups": None}, set()),
    ],
)
def test_groups_are_a_list_of_names_or_one_name(op: Op, claims: dict[str, object], groups: set[str]) -> None:
    assert identity(op, {}, claims).groups == groups


@pytest.mark.parametrize("groups", [1, True, {"a": 1}, ["a", 1], ["a", None], [["a"]], ["g" * 257]])
def test_groups_of_another_type_are_an_error(op: Op, groups: object) -> None:
    assert refusal(op, {}, {"groups": groups}) == "oidc.claim"


def test_groups_may_stand_under_another_name(op: Op) -> None:
    assert identity(op, {"groups_claim": "roles"}, {"roles": ["dba"]}).groups == {"dba"}


@pytest.mark.parametrize("email", [1, True, ["alice@example.com"], {"value": "alice@example.com"}])
def test_an_email_of_another_type_is_an_error(op: Op, email: object) -> None:
    assert refusal(op, {}, {"email": email}) == "oidc.claim"


# -- Google ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", [None, "", "evil.com", "Example.com", ["example.com"], True])
def test_an_account_outside_the_hosted_domain_is_refused(op: Op, domain: object) -> None:
    assert refusal(op, {"hosted_domain": "example.com"}, {"hd": domain}) == "oidc.hosted-domain"


def test_an_account_of_the_hosted_domain_is_let_in(op: Op) -> None:
    assert identity(op, {"hosted_domain": "example.com"}, {"hd": "example.com"}).subject == "alice-1"


# -- Entra ----------------------------------------------------------------------------------------------------


@pytest.fixture
def entra(op: Op) -> dict[str, object]:
    """The provider as Entra does it: one document for all tenants, and an issuer for each. Gives our section."""
    template = f"{op.issuer}/{{tenantid}}/v2.0"
    metadata = json.dumps({**op.metadata, "issuer": template}).encode()
    op.answers[f"/organizations/v2.0{DISCOVERY}"] = Answer(body=metadata)
    return {"issuer": template, "tenants": [TENANT]}


def in_tenant(op: Op, tenant: str = TENANT) -> dict[str, object]:
    return {"iss": f"{op.issuer}/{tenant}/v2.0", "tid": tenant, "oid": OID}


def publish_for(op: Op, issuer: str) -> None:
    """Entra's key sets say whose tokens a key is for."""
    op.published = [SigningKey(op.key.alg, op.key.kid, {**op.key.jwk, "issuer": issuer}, op.key.sign)]


def test_in_entra_a_person_is_tenant_and_object_id(op: Op, entra: dict[str, object]) -> None:
    person = identity(op, entra, in_tenant(op))
    assert (person.issuer, person.subject) == (f"{op.issuer}/{TENANT}/v2.0", f"{TENANT}/{OID}")


def test_one_tenant_may_be_named_in_the_issuer_itself(op: Op) -> None:
    assert identity(op, {"tenants": [TENANT]}, {"tid": TENANT, "oid": OID}).subject == f"{TENANT}/{OID}"
    assert refusal(op, {"tenants": [TENANT]}, {"tid": OTHER_TENANT, "oid": OID}) == "oidc.tenant"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tid": OTHER_TENANT}, "tenant"),
        ({"tid": None}, "tenant"),
        ({"tid": [TENANT]}, "tenant"),
        ({"tid": {}}, "tenant"),
        ({"oid": None}, "subject"),
        ({"oid": 1}, "subject"),
        ({"oid": ""}, "subject"),
        ({"oid": f"{OID}/../admin"}, "subject"),
        ({"iss": f"https://login.microsoftonline.com/{TENANT}/v2.0"}, "issuer"),
        ({"iss": "TEMPLATE"}, "issuer"),
    ],
)
def test_a_stranger_to_our_tenants_is_refused(
    op: Op, entra: dict[str, object], change: dict[str, object], code: str
) -> None:
    claims = {name: entra["issuer"] if value == "TEMPLATE" else value for name, value in change.items()}
    assert refusal(op, entra, {**in_tenant(op), **claims}) == f"oidc.{code}"


def test_a_token_of_a_tenant_that_is_not_listed_is_refused(op: Op, entra: dict[str, object]) -> None:
    assert refusal(op, entra, in_tenant(op, OTHER_TENANT)) == "oidc.issuer"


@pytest.mark.parametrize("whose", ["{tenantid}", TENANT])
def test_a_key_for_all_tenants_or_for_this_one_may_sign(op: Op, entra: dict[str, object], whose: str) -> None:
    publish_for(op, f"{op.issuer}/{whose}/v2.0")
    assert identity(op, entra, in_tenant(op)).subject == f"{TENANT}/{OID}"


@pytest.mark.parametrize("whose", [OTHER_TENANT, "", "9188040d-6c67-4c5b-b112-36a304b66dad"])
def test_a_key_of_another_issuer_in_the_same_set_may_not(op: Op, entra: dict[str, object], whose: str) -> None:
    publish_for(op, f"{op.issuer}/{whose}/v2.0")
    assert refusal(op, entra, in_tenant(op)) == "oidc.issuer"
