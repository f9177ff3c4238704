"""What holds of every policy and every person (hypothesis)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from daypass.ca.checks import Rules, check
from daypass.ca.index import RoleIndex
from daypass.ca.policy import Policy
from daypass.ca.subject import Subject
from daypass.config import RoleSection
from daypass.errors import DaypassError, Denied
from daypass.model import Draft, Grant, Identity, OnceId, Proof
from daypass.wire import Certificate, CertType
from tests.ca.heart import new_key
from tests.ca.staff import HOUR, MONDAY_10, grant, identity, policy, role

PROVIDERS = ("idp", "other")
GROUPS = ("a", "b", "c")
WINDOWS = ("mon 09:00-18:00 UTC", "sat 00:00-24:00 UTC", "mon-sun 00:00-24:00 UTC")
CONDITIONS: dict[str, Any] = {
    "groups": [],
    "emails": [],
    "domains": [],
    "claims": {},
    "amr": [],
    "acr": [],
    "max_auth_age": "",
    "windows": [],
    "refuse_remote": False,
}
USER_CA, SUBJECT_KEY = new_key(), new_key()


def some(*values: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True)


ROLE = st.fixed_dictionaries(
    {
        "provider": st.sampled_from(PROVIDERS),
        "groups": some(*GROUPS),
        "emails": some("alice@example.com", "bob@example.com"),
        "domains": some("example.com", "example.org"),
        "claims": st.dictionaries(st.sampled_from(["dep"]), some("db", "web"), max_size=1),
        "amr": some("mfa", "hwk"),
        "acr": some("gold"),
        "max_auth_age": st.sampled_from(["", "1h", "12h"]),
        "windows": some(*WINDOWS),
        "refuse_remote": st.booleans(),
        "accounts": st.sampled_from([["{login}"], ["deploy"], ["{login}", "web"]]),
        "lifetime": st.sampled_from(["", "30m", "4h", "16h"]),
        "day_pass": st.booleans(),
        "bare_hosts": st.booleans(),
        "extensions": st.lists(
            st.sampled_from(["permit-pty", "permit-port-forwarding", "permit-agent-forwarding"]), unique=True
        ),
        "source_address": st.sampled_from([[], ["10.0.0.0/8"]]),
    }
)
ROLES = st.lists(ROLE, max_size=5).map(lambda each: [role(f"r{n}", **section) for n, section in enumerate(each)])
PERSON = st.builds(
    identity,
    provider=st.sampled_from(PROVIDERS),
    groups=st.frozensets(st.sampled_from(GROUPS)),
    email=st.sampled_from(["alice@example.com", "alice@example.org", None]),
    claims=st.dictionaries(st.sampled_from(["dep"]), st.sampled_from(["db", ["web", "x"], 7, True, [1]])),
    amr=st.sampled_from([(), ("pwd",), ("pwd", "mfa")]),
    acr=st.sampled_from([None, "gold"]),
    auth_time=st.sampled_from([None, MONDAY_10, MONDAY_10 - 2 * HOUR, MONDAY_10 - 19 * HOUR]),
)
ASKED = st.fixed_dictionaries(
    {"remote": st.booleans()},
    optional={"lifetime": st.sampled_from([600, HOUR, 8 * HOUR]), "role": st.sampled_from(["r0", "r1", "r9"])},
)


def asked_of(rules: Policy, who: Identity, asked: dict[str, Any]) -> Grant | DaypassError:
    try:
        return grant(rules, who=who, **asked)
    except DaypassError as error:
        return error


def access(given: Grant | DaypassError) -> object:
    """All that a grant says, whatever the order of the roles in it; of a no its words."""
    if isinstance(given, DaypassError):
        return given.code, given.message, given.hint
    order = {"principals": sorted(given.principals), "roles": sorted(given.roles), "narrow": sorted(given.narrow)}
    return {name: getattr(given, name) for name in Grant.__struct_fields__} | order


def made(sections: list[RoleSection]) -> Policy:
    return policy(*sections, providers=PROVIDERS)


def subject_of(who: Identity, asked: dict[str, Any]) -> Subject:
    return Subject.of(Proof(who, OnceId("i", "n"), 0, 1, bound=True, remote=asked["remote"]))


@settings(max_examples=300)
@given(ROLES, PERSON, ASKED, st.randoms())
def test_the_order_of_roles_changes_nothing(sections: Any, who: Identity, asked: Any, dice: Any) -> None:
    mixed = list(sections)
    dice.shuffle(mixed)
    first, second = asked_of(made(sections), who, asked), asked_of(made(mixed), who, asked)
    if isinstance(first, Denied) and first.code in ("policy.role.alone", "policy.lifetime"):  # any of several roles
        assert isinstance(second, Denied) and second.code == first.code
    else:
        assert access(first) == access(second)


@settings(max_examples=300)
@given(ROLES, PERSON, ASKED)
def test_nobody_gets_a_principal_an_extension_or_a_minute_of_a_role_they_have_not(
    sections: Any, who: Identity, asked: Any
) -> None:
    rules = made(sections)
    given = asked_of(rules, who, asked)
    if isinstance(given, DaypassError):
        return
    subject = subject_of(who, asked)
    held = {each.name: each for each in rules.roles if each.judge(subject, MONDAY_10).ok}
    assert given.roles and set(given.roles) | set(given.narrow) <= set(held)
    included = [held[name] for name in given.roles]
    assert set(given.principals) == {name for each in included for name in each.principals(("alice",))}
    assert all(given.valid_before <= each.ends(subject, MONDAY_10) for each in included)
    assert {name for name, _ in given.extensions} <= {name for each in included for name in each.extensions}
    assert all(
        {name for name, _ in given.extensions} <= each.extensions for each in included if each.bare_hosts
    )  # trust 2.4
    assert "role" in asked or all(each.day_pass for each in included)
    assert asked.get("role") in (None, *given.roles)


@settings(max_examples=300)
@given(ROLES, PERSON, ASKED)
def test_the_index_finds_what_asking_every_role_finds(sections: Any, who: Identity, asked: Any) -> None:
    rules, subject = made(sections), subject_of(who, asked)
    held = RoleIndex(rules.roles).held(subject, MONDAY_10)
    assert held == [each for each in rules.roles if each.holds(subject, MONDAY_10)]


@settings(max_examples=300)
@given(ROLES, PERSON, ASKED, st.sampled_from(sorted(CONDITIONS)))
def test_taking_a_condition_away_never_takes_a_role_away(
    sections: Any, who: Identity, asked: Any, condition: str
) -> None:
    """Unless it was the last one that said who: then the role is nobody's."""
    subject = subject_of(who, asked)
    for section in sections:
        looser = replace(section, **{condition: CONDITIONS[condition]})
        if not (looser.groups or looser.emails or looser.domains or looser.claims):
            assert made([looser]).roles[0].judge(subject, MONDAY_10).failed is not None
        elif made([section]).roles[0].holds(subject, MONDAY_10):
            assert made([looser]).roles[0].holds(subject, MONDAY_10)


@settings(max_examples=300)
@given(ROLES, PERSON, ASKED)
def test_whatever_is_decided_passes_the_last_look(sections: Any, who: Identity, asked: Any) -> None:
    """And so every way to a grant is one that `check` knows: no path gives what could not be signed."""
    rules = made(sections)
    given = asked_of(rules, who, asked)
    if isinstance(given, DaypassError):
        assert given.code.startswith("policy.") and given.message.isprintable() and given.hint
        return
    cert = Certificate(
        nonce=os.urandom(32),
        public_key=SUBJECT_KEY,
        serial=1,
        type=CertType.USER,
        key_id=given.key_id,
        principals=given.principals,
        valid_after=given.valid_after,
        valid_before=given.valid_before,
        critical_options=given.critical_options,
        extensions=given.extensions,
        signature_key=USER_CA,
    )
    checked = check(Draft(given, cert), rules_of(rules), MONDAY_10)
    assert checked.certificate.principals and all(checked.certificate.principals)


def rules_of(rules: Policy) -> Rules:
    return Rules(
        user_keys=frozenset({USER_CA.blob}),
        host_keys=frozenset(),
        bundle_keys=frozenset(),
        ca_id=bytes(32),
        host_names=rules.host_names,
        bare_accounts=rules.bare_accounts,
        permits=rules.permits,
        floor=rules.floor,
        user_ceiling=rules.user_ceiling,
        host_ceiling=rules.host_ceiling,
        backdate=rules.backdate,
    )


SLIPS: list[Callable[[RoleSection], RoleSection]] = [
    lambda each: replace(each, groups=[]),
    lambda each: replace(each, provider="other"),
    lambda each: replace(each, claims={"dep": []}),
]


@pytest.mark.parametrize("slip", SLIPS)
def test_an_empty_or_foreign_condition_is_nobody_s(slip: Callable[[RoleSection], RoleSection]) -> None:
    with pytest.raises(Denied):
        grant(policy(slip(role(provider="idp", groups=["eng"])), providers=PROVIDERS))
