"""No change of operators, lifetimes, domains or reserved names gives more without `policy diff` calling it so."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from daypass.ca.changes import changes, widens
from daypass.ca.operators import Operators
from daypass.ca.policy import Policy
from daypass.ca.ports import HostRecord, View
from daypass.config import Config, HostsSection, LifetimeSection
from daypass.config.schema import OperatorSection
from daypass.errors import DaypassError
from daypass.model import Grant, HostFacts, Identity, Kind, OnceId, Proof, Renewal, Request
from daypass.wire import CertType
from tests.ca.heart import new_key
from tests.ca.people import host
from tests.ca.samples import config
from tests.ca.staff import HOUR, MONDAY_10, identity, role, subject

SPANS = ["1m", "5m", "1h", "8h", "16h", "20h", "30d", "90d"]
NAMES = ["web-1.example.com", "web-1.eu.example.com", "db.example.org", "example.org"]
ACTS = ["audit", "revoke", "unlock", "approve:unlock", "token:web-1.example.com", "token:db-1.example.com"]
PEOPLE = [
    subject(groups=frozenset(groups), email=email, amr=amr, auth_time=MONDAY_10 - age)
    for groups in ((), ("a",), ("a", "b"))
    for email in ("alice@example.com", "bob@example.org", None)
    for amr in ((), ("hwk",))
    for age in (0, 2 * HOUR)
]
LOGINS = ["alice", "deploy", "root"]
KEY, MACHINE = new_key(), Identity(kind=Kind.HOST, provider="join", issuer="", subject="t")


def some(*values: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True)


OPERATOR: dict[str, st.SearchStrategy[Any]] = {
    "provider": st.sampled_from(["", "idp"]),
    "groups": some("a", "b"),
    "emails": some("alice@example.com", "bob@example.org"),
    "domains": some("example.com", "example.org"),
    "amr": some("hwk", "pwd"),
    "max_auth_age": st.sampled_from(["", "1h", "12h"]),
    "can": some("audit", "revoke", "unlock", "approve:unlock", "token:web-*", "token:*"),
}
operators = st.lists(
    st.builds(OperatorSection, name=st.sampled_from(["one", "two"]), **OPERATOR),
    max_size=2,
    unique_by=lambda x: x.name,
)
lifetimes = st.builds(LifetimeSection, **{key: st.sampled_from(SPANS) for key in LifetimeSection.__struct_fields__})
domains = st.builds(HostsSection, domains=some("*.example.com", "*.eu.example.com", "*.example.org", "example.org"))
companies = st.builds(
    lambda **tables: config(roles=[role(groups=["a"])], **tables),
    operators=operators, lifetimes=lifetimes, hosts=domains, reserved_logins=some(*LOGINS),
)  # fmt: skip


@st.composite
def mutations(draw: st.DrawFn) -> tuple[Config, Config]:
    """One table another; of a table with keys, mostly one key another."""
    old, other = draw(companies), draw(companies)
    match draw(st.sampled_from(["operator", "operators", "lifetime", "hosts", "reserved_logins"])):
        case "operator" if old.operators:
            key = draw(st.sampled_from(sorted(OPERATOR)))
            changed = replace(old.operators[0], **{key: draw(OPERATOR[key])})
            return old, replace(old, operators=[changed, *old.operators[1:]])
        case "lifetime":
            key = draw(st.sampled_from(LifetimeSection.__struct_fields__))
            return old, replace(old, lifetimes=replace(old.lifetimes, **{key: draw(st.sampled_from(SPANS))}))
        case "hosts" | "reserved_logins" as key:
            return old, replace(old, **{key: getattr(other, key)})
        case _:
            return old, replace(old, operators=other.operators)


def powers(settings: Config) -> set[tuple[int, str]]:
    known = Operators(settings)
    return {(at, act) for at, who in enumerate(PEOPLE) for act in ACTS if known.allows(who, act, MONDAY_10)}


def grants(settings: Config) -> dict[object, Grant]:
    """What everybody and every host is given, by what is asked for."""
    policy, found = Policy(settings), dict[object, Grant]()
    people = [identity(login=login, names=(login,), groups=frozenset({"a"})) for login in LOGINS]
    for lifetime in (None, 60, 300, HOUR, 16 * HOUR, 80 * 24 * HOUR):
        for who in people:
            found |= _given(policy, (lifetime, who.login), _proof(who), Request(CertType.USER, (), lifetime=lifetime))
        for name in NAMES:
            joining = _proof(MACHINE, enrolment=HostFacts(name, (f"a.{name}",)))
            found |= _given(policy, (lifetime, name), joining, Request(CertType.HOST, (), lifetime=lifetime))
    for name, length in product(NAMES, (HOUR, 10 * 24 * HOUR)):
        shown = _proof(MACHINE, enrolment=HostFacts(name), renews=Renewal(1, host().id, KEY, length))
        found |= _given(policy, ("renewed", name, length), shown, Request(CertType.HOST, ()), host(name))
    return found


def _given(
    policy: Policy, key: object, proof: Proof, asked: Request, on_record: HostRecord | None = None
) -> dict[object, Grant]:
    try:
        view = View(None, on_record, None, policy.hash, MONDAY_10)
        return {key: policy.decide(proof, asked, view, MONDAY_10)}
    except DaypassError:
        return {}


def _proof(who: Identity, **more: Any) -> Proof:
    return Proof(who, OnceId("i", "n"), MONDAY_10, MONDAY_10 + 300, bound=True, **more)


def more(key: object, before: Grant | None, after: Grant) -> bool:
    """A renewal is as long as the certificate that is shown: when its first second is, is nothing to gain by."""
    if before is None or not set(after.principals) <= set(before.principals):
        return True
    if isinstance(key, tuple) and key[0] == "renewed":
        return after.valid_before - after.valid_after > before.valid_before - before.valid_after
    return after.valid_before > before.valid_before or after.valid_after < before.valid_after


def gains(old: Config, new: Config) -> list[object]:
    had = grants(old)
    given_more = [key for key, grant in grants(new).items() if more(key, had.get(key), grant)]
    return [*sorted(powers(new) - powers(old)), *given_more]


@settings(max_examples=200)
@given(mutations())
def test_nobody_gets_a_power_a_name_or_a_minute_by_what_is_called_narrower(
    pair: tuple[Config, Config],
) -> None:
    if not widens(changes(*pair)):
        assert gains(*pair) == []


OPS = OperatorSection(name="ops", groups=["a"], amr=["hwk"], can=["audit"])
WIDER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"operators": [OPS]}),
    ({"operators": [OPS]}, {"operators": [replace(OPS, can=["audit", "revoke"])]}),
    ({"operators": [OPS]}, {"operators": [replace(OPS, amr=[])]}),
    ({"operators": [replace(OPS, max_auth_age="1h")]}, {"operators": [OPS]}),
    ({"operators": [replace(OPS, can=["token:db-*"])]}, {"operators": [replace(OPS, can=["token:*"])]}),
    ({}, {"lifetimes": LifetimeSection(user="17h")}),
    ({}, {"lifetimes": LifetimeSection(floor="1m")}),
    ({"lifetimes": LifetimeSection(user_ceiling="1h", user="1h")}, {"lifetimes": LifetimeSection(user="1h")}),
    ({}, {"lifetimes": LifetimeSection(host="31d")}),
    ({"lifetimes": LifetimeSection(host_ceiling="40d")}, {}),
    ({}, {"lifetimes": LifetimeSection(backdate="5m")}),
    ({}, {"hosts": HostsSection(domains=["*.example.com", "*.example.org"])}),
    ({"reserved_logins": ["deploy"]}, {}),
]


@pytest.mark.parametrize(("old", "new"), WIDER)
def test_what_gives_more_is_seen_to_give_more_and_called_so(old: dict[str, Any], new: dict[str, Any]) -> None:
    before, after = (config(roles=[role(groups=["a"])], **tables) for tables in (old, new))
    assert gains(before, after) and widens(changes(before, after))
    assert gains(after, before) == [] or widens(changes(after, before))
