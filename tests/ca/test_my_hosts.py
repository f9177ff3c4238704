"""Which hosts a person may log in to: as a sign-in and sshd would have it, for each host."""

from __future__ import annotations

from typing import Any

from daypass.ca.host_ports import EnrolledHost
from daypass.ca.my_hosts import reachable
from daypass.config import HostsSection, RoleSection
from daypass.config.schema import BastionSection
from tests.ca import staff
from tests.ca.staff import MONDAY_10, policy
from tests.ca.test_recorded import ANN, person


def role(name: str = "all", **more: Any) -> RoleSection:
    return staff.role(name, **({"groups": ["staff"]} | more))


DB = EnrolledHost("db-1.example.com", ("db-1.example.com", "sql.example.com"), ("db-1", "sql"), {"env": "prod"})
WEB = EnrolledHost("web-1.example.com", ("web-1.example.com",), (), {"env": "test"}, live=False)
GATE = EnrolledHost("gate.example.com", ("gate.example.com",))
HOSTS = (DB, GATE, WEB)
DBA = role("dba", hosts=["db-*"], accounts=["postgres"], day_pass=False)
PROD = role("prod", hosts=[], labels={"env": ["prod"]}, accounts=["{login}"])


def found(*roles: Any, **more: Any) -> dict[str, list[tuple[str, str, bool]]]:
    rows = reachable(policy(*roles, **more), person(1, ANN), HOSTS, MONDAY_10)
    return {
        str(row["name"]): [tuple(each.values()) for each in row["accounts"]]  # type: ignore[attr-defined]
        for row in rows
    }


def test_each_host_has_the_accounts_that_roles_give_there() -> None:
    every = role(accounts=["{login}"])
    assert found(every) == {host.name: [("p1", "all", False)] for host in HOSTS}
    assert found(PROD, DBA) == {DB.name: [("postgres", "dba", True), ("p1", "prod", False)]}
    assert found(role(groups=["others"])) == {}


def test_an_alias_reaches_the_host_and_a_first_label_does_not() -> None:
    assert set(found(role(hosts=["sql.*"]))) == {DB.name}
    assert found(role(hosts=["sql"])) == {}


def test_names_labels_and_the_way_there_are_told() -> None:
    hosts = HostsSection(domains=["*.example.com"], short_names="example.com")
    ways = [BastionSection(name="in", via_hosts=["gate.*"], hosts=["db-*"])]
    plain = HostsSection(domains=["*.example.com"])
    for section, names in ((hosts, ["sql.example.com", "db-1", "sql"]), (plain, ["sql.example.com"])):
        row = next(reachable(policy(role(), bastions=ways, hosts=section), person(1, ANN), HOSTS, MONDAY_10))
        assert (row["names"], row["labels"], row["via"]) == (names, {"env": "prod"}, GATE.name)


def test_where_the_day_pass_opens_an_account_no_other_sign_in_is_asked_for() -> None:
    assert found(DBA, role(accounts=["postgres"]))[DB.name] == [("postgres", "all", False)]
    assert found(DBA)[DB.name] == [("postgres", "dba", True)]
