"""What a stage waits for: machines, hosts and laptops that would lose their way with it. By the record alone.

A host says itself how far it is, and can lie about that: it would keep itself out, nobody else. Of a laptop the CA
knows when its person last signed in, which is when it takes the newest trust document.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from daypass.ca.host_ports import KnownHost
from daypass.ca.ports import Store
from daypass.ca.rotation_ports import LiveCertificate, Machine
from daypass.rotation.standing import Standing
from daypass.wire import CertType

__all__ = ["Waiting", "waiting"]

SEEN_FOR = 3600  # seconds that a machine counts after it was last heard of


@dataclass(frozen=True, slots=True)
class Waiting:
    """`names` in order, each once; `until`: when the wait is over by itself, unix seconds, None where it is not.

    `what` they are: one of them, and several.
    """

    what: tuple[str, str]
    names: tuple[str, ...]
    hint: str
    until: int | None = None


async def waiting(store: Store, at: Standing, stage: str, now: int, announced_at: int) -> list[Waiting]:
    """For `stage`: sign or retire. `announced_at`: when the trust document in place was signed."""
    machines = [each for each in await store.machines() if each.seen_at >= now - SEEN_FOR]
    since = max((each.since for each in machines if each.trust_version >= at.version), default=announced_at)
    found = [_machines(machines, at, stage)]
    if at.use in ("user", "bundle") or stage == "retire":
        found.append(_hosts(await store.hosts(), at.version, since, now))
    if (at.use, stage) in _LAPTOPS:
        people = await store.live_certificates(CertType.USER, now)
        found.append(_laptops([each for each in people if each.recorded_at < since]))
    if stage == "retire" and at.use == "user":
        found.append(_passes(await store.live_certificates(CertType.USER, now), _old(at)))
    if stage == "retire" and at.use == "host":
        found.append(_not_renewed(await store.live_certificates(CertType.HOST, now), _old(at)))
    return [each for each in found if each.names]


_LAPTOPS = {("host", "sign"), ("bundle", "sign"), ("host", "retire"), ("bundle", "retire"), ("tls", "retire")}


def _old(at: Standing) -> frozenset[str]:
    return frozenset(each for each in at.announced if each != at.signing.fingerprint)


def _machines(machines: Sequence[Machine], at: Standing, stage: str) -> Waiting:
    """All go by this trust document; and for the last stage all sign with the key that stays."""
    behind = [each.name for each in machines if each.trust_version < at.version]
    if stage == "retire":
        behind += [each.name for each in machines if each.keys.get(at.use) != at.signing.fingerprint]
    hint = "is daypass ca serve running there? bring it the trust document and the key files, and do each stage there"
    what = f"of this CA that {{}} not as far as version {at.version}"
    return Waiting((f"machine {what.format('is')}", f"machines {what.format('are')}"), _each(behind), hint)


def _hosts(hosts: Iterable[KnownHost], version: int, since: int, now: int) -> Waiting:
    """Those without a live certificate could not ask any more, and wait for a token."""
    behind = [
        host.name
        for host in hosts
        if host.live_until > now
        and ((host.trust_version or 0) < version or (host.bundle_version or 0) < since * 1000)
    ]
    hint = "on each: sudo daypass host sync; gone for good? daypass host remove NAME"
    what = "not taken the new key yet"
    return Waiting((f"host that has {what}", f"hosts that have {what}"), _each(behind), hint)


def _laptops(passes: Sequence[LiveCertificate]) -> Waiting:
    return Waiting(
        (
            "person who has not signed in since the new key was announced, and whose laptop does not know it",
            "people who have not signed in since the new key was announced, and whose laptops do not know it",
        ),
        _each(each.name for each in passes),
        "they learn of it at their next daypass login",
        max((each.valid_before for each in passes), default=None),
    )


def _passes(passes: Sequence[LiveCertificate], old: frozenset[str]) -> Waiting:
    held = [each for each in passes if each.ca_key in old]
    return Waiting(
        ("person with a certificate by the old key", "people with a certificate by the old key"),
        _each(each.name for each in held),
        "wait until they have expired",
        max((each.valid_before for each in held), default=None),
    )


def _not_renewed(certificates: Sequence[LiveCertificate], old: frozenset[str]) -> Waiting:
    """Hosts whose newest certificates are by the old key; those before them are of no use any more."""
    newest = dict[str, int]()
    for each in certificates:
        newest[each.name] = max(newest.get(each.name, 0), each.recorded_at)
    held = [each for each in certificates if each.ca_key in old and each.recorded_at == newest[each.name]]
    return Waiting(
        ("host whose certificate is by the old key", "hosts whose certificate is by the old key"),
        _each(each.name for each in held),
        "they renew by themselves at two thirds of its lifetime",
        max((each.valid_before for each in held), default=None),
    )


def _each(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sorted(names)))
