"""What a decision costs: 1,000 roles, a person in 200 groups, 10,000 hosts.

The case: each role is for three groups out of 10,000; the person is in 200 of these and so has about 60 roles, all
in one day pass. One role in ten has a second condition, and a tenth of those a window of time. Every role names hosts
by label or pattern; 10,000 hosts have been asked for before (`for_host`), and none is looked at by a decision.

The floor is what the answer itself is made of: the certificate's sixty principals, and its Grant.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from daypass.ca.policy import Policy
from daypass.ca.ports import View
from daypass.config import CaSection, Config, HostsSection, KeySection, ProviderSection, RoleSection
from daypass.errors import Denied
from daypass.model import Grant, Identity, Kind, OnceId, Proof, Request, role_principal
from daypass.wire import CertType

ROLES, GROUPS, MEMBER, HOSTS = 1000, 10_000, 200, 10_000
NOW = 1_800_007_200 - 4 * 86400  # a Monday, 10:00 UTC


def measure(quick: bool) -> dict[str, float]:
    rounds = 300 if quick else 3000
    policy, proof = _policy(), _proof(MEMBER)
    grant = _decide(policy, proof)
    alone = _cpu(lambda: _decide(policy, proof), rounds)
    for number in range(HOSTS // 10 if quick else HOSTS):
        policy.for_host(f"web-{number}.example.com", (), {"tier": f"t{number % 50}"})
    with_hosts = _cpu(lambda: _decide(policy, proof), rounds)
    least = _cpu(lambda: _floor(grant), rounds)
    crowded = _proof(10_000)
    return {
        "policy_decide_us": with_hosts * 1e6,
        "policy_decide_no_hosts_us": alone * 1e6,
        "policy_decide_floor_us": least * 1e6,
        "policy_decide_over_floor": with_hosts / least,
        "policy_decide_roles": float(len(grant.roles)),
        "policy_deny_us": _cpu(lambda: _denied(policy, _proof(0)), rounds // 100) * 1e6,
        "policy_deny_10k_groups_us": _cpu(lambda: _denied(policy, crowded), rounds // 100) * 1e6,
    }


def _policy() -> Policy:
    return Policy(
        Config(
            config_version=1,
            ca=CaSection(name="Example", url="https://ca.example.com"),
            keys=[KeySection(use=use, file=Path(use)) for use in ("user", "host", "bundle", "tls")],
            hosts=HostsSection(domains=["*.example.com"]),
            providers=[ProviderSection(name="idp", issuer="https://idp.example.com", client_id="daypass")],
            roles=[_role(number) for number in range(ROLES)],
        )
    )


def _role(number: int) -> RoleSection:
    return RoleSection(
        name=f"role-{number}",
        groups=[f"group-{(number * 7919 + step * 3331) % GROUPS}" for step in range(3)],
        domains=["example.com"] if number % 10 == 0 else [],
        windows=["mon-sun 00:00-24:00 Europe/Berlin"] if number % 100 == 0 else [],
        labels={"tier": [f"t{number % 50}"]} if number % 2 else {},
        hosts=[] if number % 2 else [f"web-{number}*", "db-?.example.com"],
        accounts=["{login}"] if number % 3 else ["deploy"],
    )


def _proof(groups: int) -> Proof:
    """In `groups` groups, spread evenly; beyond 200 they are of no role."""
    names = [f"group-{each * 50}" for each in range(min(groups, MEMBER))]
    names += [f"other-{each}" for each in range(groups - len(names))] if groups != MEMBER else []
    identity = Identity(
        kind=Kind.PERSON,
        provider="idp",
        issuer="https://idp.example.com",
        subject="248289",
        email="alice@example.com",
        login="alice",
        names=("alice",),
        groups=frozenset(names if groups <= MEMBER else names[MEMBER:]),
        auth_time=NOW,
    )
    return Proof(identity, OnceId("idp", "n"), NOW, NOW + 300, bound=True)


def _decide(policy: Policy, proof: Proof) -> Grant:
    return policy.decide(proof, Request(CertType.USER, ()), View(None, None, None, policy.hash, NOW), NOW)


def _denied(policy: Policy, proof: Proof) -> None:
    try:
        _decide(policy, proof)
    except Denied:
        return
    raise SystemExit("bench: this person should have no role")


def _floor(grant: Grant) -> Grant:
    principals = tuple([role_principal(name, "alice") for name in grant.roles])
    return Grant(
        grant.type, grant.key_id, principals, grant.valid_after, grant.valid_before, grant.roles, grant.extensions
    )


def _cpu(call: Callable[[], object], rounds: int) -> float:
    """CPU seconds of one call, the best of five turns."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(rounds):
            call()
        best = min(best, (time.process_time() - start) / rounds)
    return best
