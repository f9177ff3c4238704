"""Which hosts somebody may log in to, as which accounts: by the policy in force, as if they signed in now.

Hosts that the same roles reach share one answer, so ten thousand of them are looked at in the time of a few.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from daypass.ca import client_bundles
from daypass.ca.calls import Caller
from daypass.ca.clock import ClockGuard
from daypass.ca.force import Following
from daypass.ca.host_ports import EnrolledHost
from daypass.ca.person_ports import PersonRecord
from daypass.ca.policy import Policy
from daypass.ca.ports import Store
from daypass.ca.roles import OWN_ACCOUNT
from daypass.ca.ways import Lines, Way, held_by, ways
from daypass.errors import NotFound
from daypass.wire.binding import MY_HOSTS_NAMESPACE

__all__ = ["MyHosts"]

LIFETIME = 30 * 86400  # seconds that a laptop shows it for where the CA does not answer
Sign = Callable[[dict[str, object], str], Awaitable[tuple[str, str]]]
Document = dict[str, object]


class MyHosts:
    """`sign` is by the bundle key: what a laptop keeps and shows later is believed as its bundle is."""

    def __init__(self, store: Store, clock: ClockGuard, force: Following, sign: Sign, ca_id: bytes) -> None:
        self._store, self._clock, self._force, self._sign = store, clock, force, sign
        self._ca_id = ca_id

    async def of(self, caller: Caller) -> tuple[str, str]:
        """(document, armored signature): api.MyHosts in JSON. About the caller, and nobody else (trust 4.2)."""
        await self._force.look()
        person = await self._store.person(caller.owner.id)
        if person is None:
            raise NotFound("you are not on record", code="person.unknown", hint="sign in: daypass login")
        policy, now = self._force.current.policy, self._clock.now()
        hosts = await self._store.enrolled(now)
        document = {
            "type": "daypass-my-hosts-v1",
            "ca_id": self._ca_id.hex(),
            "login": person.login,
            "version": now * 1000,
            "issued_at": now,
            "expires": now + LIFETIME,
            "hosts": await asyncio.to_thread(lambda: list(reachable(policy, person, hosts, now))),
        }
        return await self._sign(document, MY_HOSTS_NAMESPACE)


def reachable(policy: Policy, person: PersonRecord, hosts: Sequence[EnrolledHost], now: int) -> Iterator[Document]:
    """`api.MyHost` in JSON, by name. Nothing of hosts where they have no account."""
    held, known = held_by(policy, person, now), dict[Lines, list[Document]]()
    ours = frozenset(client_bundles.told(policy, hosts).names)
    vias = policy.bastions.ways(hosts) if policy.bastions else {}
    for host in hosts:
        lines = policy.for_host(host.name, host.own[1:], host.labels)
        if lines not in known:
            known[lines] = _accounts(ways(held, lines), person.login)
        if known[lines] and host.name in ours:
            yield {
                "name": host.name,
                "names": [name for name in host.names if name != host.name and name in ours],
                "labels": dict(host.labels),
                "accounts": known[lines],
                "via": vias.get(host.name, ("",))[0],
            }


def _accounts(found: Mapping[str, tuple[Way, ...]], login: str) -> list[Document]:
    """By which role, the day pass's where there is one: `narrow` is one that is asked for alone."""
    accounts = []
    for account, all_ways in sorted(found.items()):
        best = min(all_ways, key=lambda way: way.certificate.narrow)
        name = login if account == OWN_ACCOUNT else account
        if name:
            accounts.append({"account": name, "role": best.role, "narrow": best.certificate.narrow})
    return accounts
