"""Which hosts are reached through which: by name and label, never round in a circle."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.ca.bastions import Bastions
from daypass.ca.host_ports import EnrolledHost
from daypass.config.schema import BastionSection


def host(name: str, *, live: bool = True, **labels: str) -> EnrolledHost:
    return EnrolledHost(f"{name}.x", (f"{name}.x",), (name,), labels, live)


FLEET = (host("gate-1", use="gate"), host("gate-2", use="gate"), host("db-1", zone="in"), host("web-1"))


def ways(*tables: dict[str, Any], hosts: tuple[EnrolledHost, ...] = FLEET) -> dict[str, str]:
    """Without the domain: host -> the bastions that lead to it."""
    found = Bastions([BastionSection(name="b", **table) for table in tables]).ways(hosts)
    return {name[:-2]: " ".join(each[:-2] for each in vias) for name, vias in found.items()}


GATES = {"via_hosts": ["gate-*.x"]}
INSIDE = GATES | {"hosts": ["db-*"]}

CASES: list[tuple[list[dict[str, Any]], dict[str, str]]] = [
    ([], {}),
    ([INSIDE], {"db-1": "gate-1 gate-2"}),
    ([{"via_labels": {"use": ["gate"]}, "labels": {"zone": ["in"]}}], {"db-1": "gate-1 gate-2"}),
    ([{"via_hosts": ["gate-2*", "gate-*"], "hosts": ["db-*"]}], {"db-1": "gate-2 gate-1"}),  # as they are written
    ([{"via_hosts": ["gate-1*"], "via_labels": {"use": ["x"]}, "hosts": ["db-*"]}], {}),  # both must hold
    ([{"hosts": ["db-*"]}], {}),
    ([GATES], {}),
    ([GATES | {"hosts": ["*"]}], {"db-1": "gate-1 gate-2", "web-1": "gate-1 gate-2"}),  # no bastion itself
    ([INSIDE, {"via_hosts": ["web-1*"], "hosts": ["*"]}],  # the first table that a host matches
     {"db-1": "gate-1 gate-2", "gate-1": "web-1", "gate-2": "web-1"}),
    ([INSIDE, {"via_hosts": ["db-1*"], "hosts": ["gate-*"]}], {"db-1": "gate-1 gate-2", "gate-2": "db-1"}),
]  # fmt: skip


@pytest.mark.parametrize(("tables", "expected"), CASES)
def test_hosts_behind_a_bastion_and_the_ways_there(tables: list[dict[str, Any]], expected: dict[str, str]) -> None:
    """In the last one gate-2 is reached through db-1 and that through gate-1; gate-1 would lead to itself."""
    assert ways(*tables) == expected


def test_a_bastion_that_is_not_live_leads_nowhere() -> None:
    down = (host("gate-1", live=False), *FLEET[1:])
    assert ways(INSIDE, hosts=down) == {"db-1": "gate-2"}
    assert ways(INSIDE, hosts=(host("gate-1", live=False), host("db-1"))) == {}
