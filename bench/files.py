"""What a change of the policy costs on the CA: the roles of 10,000 hosts anew, and which of them have changed.

A fleet of 40 sorts of hosts in 10 domains, 200 roles by labels and by name patterns; one role gets another account.
The floor is one SHA-256 for each host over what its digest is made of.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from statistics import median

from daypass.ca.bundles import Reaches, digest
from daypass.ca.host_ports import HostRecord
from daypass.ca.policy import Policy
from daypass.config import CaSection, Config, HostsSection, RoleSection

HOSTS, ROLES = 10_000, 200


def measure(quick: bool) -> dict[str, float]:
    hosts = [_host(number) for number in range(HOSTS // 10 if quick else HOSTS)]
    before = _digests(Policy(_config("deploy")), hosts)
    took = []
    for account in ("root", "backup", "operator"):
        changed = _config(account)
        start = time.process_time()
        after = _digests(Policy(changed), hosts)
        touched = [host for host, one, other in zip(hosts, before, after, strict=True) if one != other]
        took.append(time.process_time() - start)
        assert {host.labels["tier"] for host in touched} == {"tier-7"}, "those that the change concerns, and no other"
    cost, floor = median(took), _floor(len(hosts))
    return {
        "policy_to_files_ms_10k": cost * 1000,
        "policy_to_files_floor_ms": floor * 1000,
        "policy_to_files_over_floor": cost / floor,
    }


def _floor(hosts: int) -> float:
    content = b"x" * 1024  # as much as the roles of one of them
    start = time.process_time()
    for number in range(hosts):
        hashlib.sha256(content + number.to_bytes(16, "big")).hexdigest()
    return time.process_time() - start


def _digests(policy: Policy, hosts: list[HostRecord]) -> list[str]:
    reaches = Reaches(policy)
    return [digest(host, reaches.of(host), ["ssh-ed25519 AAAA"], b"[]", b"") for host in hosts]


def _host(number: int) -> HostRecord:
    name = f"host-{number}.site-{number % 10}.example.com"
    labels = {"tier": f"tier-{number % 20}", "env": "prod" if number % 2 else "test", "serial": str(number)}
    return HostRecord(f"{number:032x}", name, (f"h{number}.example.com",), labels, (), 0)


def _config(account: str) -> Config:
    return Config(
        config_version=1,
        ca=CaSection(name="Bench", url="https://ca.example.com", state=Path("/nowhere")),
        keys=[],
        hosts=HostsSection(domains=["*.example.com"]),
        roles=[_role(number, account if number == 7 else "deploy") for number in range(ROLES)],
    )


def _role(number: int, account: str) -> RoleSection:
    pattern = f"host-*{number % 10}.site-{number % 10}.example.com"
    return RoleSection(
        name=f"role-{number}",
        groups=[f"group-{number}"],
        accounts=[account],
        hosts=[pattern] if number % 4 == 0 else [],
        labels={"tier": [f"tier-{number % 20}"]} | ({"env": ["prod"]} if number % 3 == 0 else {}),
    )
