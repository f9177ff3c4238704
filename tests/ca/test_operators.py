"""What people may do with the CA itself."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.ca.operators import Operators, covers
from daypass.config.schema import OperatorSection, PamSection, ProviderSection
from daypass.errors import Denied
from tests.ca.samples import config
from tests.ca.staff import MONDAY_10, role, subject


def operators(*sections: OperatorSection, **more: Any) -> Operators:
    return Operators(config(operators=list(sections), roles=[role(groups=["root"], accounts=["root"])], **more))


SECURITY = OperatorSection(name="security", groups=["sec"], amr=["hwk"], can=["revoke", "lock", "audit"])
WEB = OperatorSection(name="web", groups=["eng"], can=["token:web-*", "token:db.example.com", "approve:unlock"])


@pytest.mark.parametrize(
    ("held", "wanted", "covered"),
    [
        ("revoke", "revoke", True),
        ("revoke", "lock", False),
        ("audit", "audit", True),
        ("token:web-*", "token:web-1.example.com", True),
        ("token:web-*", "token:db-1.example.com", False),
        ("token:web-*", "token:web-*", True),  # a pattern, all of whose names are within
        ("token:web-*", "token:web-?.example.com", True),
        ("token:web-?", "token:web-*", False),
        ("token:web-?", "token:web-?", True),
        ("token:web-??", "token:web-*", False),
        ("token:web-1*", "token:web-*", False),
        ("token:web-*", "token:*", False),
        ("token:web-*", "token:w*", False),
        ("token:web-*.example.com", "token:web-*", False),
        ("token:web-*1", "token:web-*?", False),
        ("token:web-1.example.com", "token:web-?.example.com", False),
        ("token:*", "token:*", True),
        ("token:*", "token:web-*,db-*", False),
        ("token:*", "token:\0", False),
        ("token:*", "token:a", True),
        ("token:*", "token:", False),
        ("token:*.example.com", "token:a.example.com.evil.com", False),
        ("token:a.example.com", "token:axexample.com", False),
        ("token:*", "token:10.0.0.7", True),  # an address is a name, too
        ("token:10.0.0.*", "token:10.0.0.7", True),
        ("token:10.0.0.*", "token:10.0.10.7", False),
        ("token:*", "token:fd00::7", True),
        ("token:web-*", "token:10.0.0.7", False),
        ("approve:unlock", "approve:unlock", True),
        ("approve:*", "approve:unlock", False),
        ("approve:unlock", "unlock", False),
        ("unlock", "approve:unlock", False),
        ("token:web-*", "revoke", False),
        ("", "", False),
    ],
)
def test_a_capability_covers_itself_and_tokens_the_names_they_match(held: str, wanted: str, covered: bool) -> None:
    assert covers(held, wanted) is covered


def test_operators_are_judged_by_the_conditions_of_roles_and_hold_the_union() -> None:
    both = operators(SECURITY, WEB)
    who = subject(groups=frozenset({"sec", "eng"}), amr=("hwk",))
    assert both.names(who, MONDAY_10) == ("security", "web")
    assert both.capabilities(who, MONDAY_10) == frozenset(SECURITY.can) | frozenset(WEB.can)
    assert both.capabilities(subject(groups=frozenset({"sec"})), MONDAY_10) == frozenset()  # no key was touched


def test_no_role_makes_an_operator_and_no_condition_makes_nobody_one() -> None:
    """step's "OIDC admins get anything" is not ours (trust 4.1)."""
    nobody = operators(OperatorSection(name="all", can=["revoke"]))
    assert not nobody.allows(subject(groups=frozenset({"root"})), "revoke", MONDAY_10)


def test_with_several_providers_an_operator_is_of_one_of_them() -> None:
    providers = [ProviderSection(name=n, issuer=f"https://{n}.example.com", client_id="d") for n in ("idp", "other")]
    unbound = operators(OperatorSection(name="all", groups=["eng"], can=["revoke"]), providers=providers)
    assert not unbound.allows(subject(), "revoke", MONDAY_10)


@pytest.mark.parametrize(
    ("providers", "ways", "may"), [(0, ["idp"], True), (1, ["ldap"], False), (0, ["idp", "ldap"], False)]
)
def test_an_operator_without_provider_is_of_the_only_way_in_whatever_its_kind(
    providers: int, ways: list[str], may: bool
) -> None:
    """As roles are: a PAM stack alone makes operators, and one beside a provider makes none by chance."""
    pam = [PamSection(name=name) for name in ways]
    sso = [ProviderSection(name="idp", issuer="https://idp.example.com", client_id="d")][:providers]
    made = operators(OperatorSection(name="all", groups=["eng"], can=["revoke"]), providers=sso, pam=pam)
    assert made.allows(subject(), "revoke", MONDAY_10) == may


@pytest.mark.parametrize(
    ("capability", "hint"),
    [
        ("revoke", 'operator "security" may: it is for the groups "sec"; theirs: "eng"'),
        ("token:db-1.example.com", "no operator in daypass.toml may"),
    ],
)
def test_a_capability_that_is_missing_is_denied_with_who_has_it(capability: str, hint: str) -> None:
    with pytest.raises(Denied) as caught:
        operators(SECURITY, WEB).require(subject(), capability, MONDAY_10)
    assert (caught.value.code, caught.value.hint) == ("operator.capability", hint)
    operators(SECURITY, WEB).require(subject(), "token:web-7.example.com", MONDAY_10)
