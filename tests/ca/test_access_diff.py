"""Who gains and who loses what by a change; and never a gain that `policy diff` does not show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from daypass.ca.access_diff import Kind, access_diff
from daypass.ca.changes import changes, widens
from daypass.ca.person_ports import Facts, IdentityRecord, PersonRecord
from daypass.ca.policy import Policy
from daypass.config import Config, LifetimeSection, RoleSection
from tests.ca.people import NOW, host
from tests.ca.samples import config


def person(number: int, login: str, *groups: str, **facts: Any) -> PersonRecord:
    said = Facts("idp", email=f"{login}@example.com", groups=frozenset(groups), **facts)
    known = IdentityRecord("https://idp.example.com", login, "idp", said.email, said, NOW, None)
    return PersonRecord(number, login, (login,), None, NOW, (known,))


SQL = RoleSection(name="dba", labels={"kind": ["db"]}, groups=["dba"], accounts=["sql"])
PEOPLE = [person(1, "ann", "dba"), person(2, "bob", "dba"), person(3, "cid", "staff")]
HOSTS = [host("db-1.example.com", kind="db"), host("db-2.example.com", kind="db"), host("web-1.example.com")]


def told(old: list[RoleSection], new: list[RoleSection], **changed: Any) -> list[tuple[str, str, Any, Any]]:
    policies = Policy(config(roles=old)), Policy(config(roles=new, **changed))
    return [
        (row.kind.value, row.account, row.people, row.hosts) for row in access_diff(*policies, PEOPLE, HOSTS, NOW)
    ]


DBS, DBAS = ("db-1.example.com", "db-2.example.com"), ("ann", "bob")


@pytest.mark.parametrize(
    ("old", "new", "rows"),
    [
        ([], [SQL], [("gains", "sql", DBAS, DBS)]),
        ([SQL], [], [("loses", "sql", DBAS, DBS)]),
        ([SQL], [replace(SQL, force_command="x")], [("narrower", "sql", DBAS, DBS)]),
        ([replace(SQL, force_command="x")], [SQL], [("wider", "sql", DBAS, DBS)]),
        ([replace(SQL, lifetime="1h")], [SQL], [("wider", "sql", DBAS, DBS)]),
        ([SQL], [replace(SQL, day_pass=False)], [("narrower", "sql", DBAS, DBS)]),
        ([SQL], [replace(SQL, groups=["dba", "staff"])], [("gains", "sql", ("cid",), DBS)]),
        ([SQL], [replace(SQL, labels={}, hosts=["*"])], [("gains", "sql", DBAS, ("web-1.example.com",))]),
        ([SQL], [SQL], []),
    ],
)
def test_people_and_hosts_with_the_same_fate_are_one_line(
    old: list[RoleSection], new: list[RoleSection], rows: list[Any]
) -> None:
    assert told(old, new) == rows


def test_a_shorter_day_pass_that_takes_in_a_narrow_role_is_wider() -> None:
    short = replace(SQL, lifetime="8h")
    staff = RoleSection(name="staff", hosts=["*"], groups=["dba"], accounts=["web"])
    assert ("wider", "sql", DBAS, DBS) in told([staff, short], [staff, short], lifetimes=LifetimeSection(user="8h"))


# -- whatever the change --------------------------------------------------------------------------------------------


def rarely(values: list[Any], usual: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([usual] * 3 + values)


# Much in common: that is where one role's going gives something to those who have another.
close = st.builds(
    RoleSection,
    name=st.just("r"),
    hosts=rarely([["web-*"], []], ["*"]),
    labels=rarely([{"kind": ["db"]}, {"kind": ["db", "web"]}], {}),
    groups=rarely([["a"], ["a", "b"]], ["b"]),
    emails=rarely([["alice@example.com"]], []),
    amr=rarely([["hwk"]], []),
    accounts=rarely([["{login}"], ["sql", "ops"], ["{login}", "sql"]], ["sql"]),
    lifetime=st.sampled_from(["", "1h", "8h", "15h55m"]),
    day_pass=rarely([False], True),
    bare_hosts=rarely([True], False),
    extensions=st.sampled_from([["permit-pty"], ["permit-pty", "permit-port-forwarding"], []]),
    source_address=rarely([["192.0.2.0/24"]], []),
    force_command=rarely(["backup", "restore"], ""),
    git=rarely([{"git.example.com": "login"}, {"git.example.com": "name:root"}], {}),
    refuse_remote=st.booleans(),
    max_auth_age=rarely(["1h", "15h58m"], ""),
)
near = st.lists(close, min_size=1, max_size=3).map(
    lambda roles: config(roles=[replace(role, name=f"r{index}") for index, role in enumerate(roles)])
)
everybody = [person(1, "alice", "a", "b", amr=("hwk",)), person(2, "bob", "b"), person(3, "ops", "a", "b")]
everywhere = [host("web-1.example.com", kind="db"), host("db-1.example.com")]
lifetimes = st.builds(LifetimeSection, user=st.sampled_from(["16h", "8h", "1h"]), floor=st.sampled_from(["5m", "1m"]))


@st.composite
def mutations(draw: st.DrawFn) -> tuple[Config, Config]:
    """A company, and the same with one role gone, new or with another value in one key; or other lifetimes."""
    old = draw(near)
    roles, other = list(old.roles), draw(close)
    match draw(st.integers(0, 4 if roles else 1)):
        case 0:
            return old, replace(old, roles=[*roles, replace(other, name="new")])
        case 1:
            return old, replace(old, lifetimes=draw(lifetimes))
        case 2:
            roles.pop(draw(st.integers(0, len(roles) - 1)))
        case _:
            at = draw(st.integers(0, len(roles) - 1))
            key = draw(st.sampled_from([name for name in RoleSection.__struct_fields__ if name != "name"]))
            roles[at] = replace(roles[at], **{key: getattr(other, key)})
    return old, replace(old, roles=roles)


@settings(max_examples=300)
@given(mutations())
def test_nobody_gets_more_by_a_change_that_is_called_narrower(pair: tuple[Config, Config]) -> None:
    old, new = pair
    rows = access_diff(Policy(old), Policy(new), everybody, everywhere, NOW)
    if any(row.kind in (Kind.GAINS, Kind.WIDER) for row in rows):
        assert widens(changes(old, new)), rows
