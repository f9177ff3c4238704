"""Whom a stage waits for, by the record alone: machines of the CA, hosts, people. One line each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.rotation.kit import NOW

from daypass.ca.host_ports import KnownHost
from daypass.ca.rotation_ports import LiveCertificate, Machine
from daypass.rotation import Standing, waiting
from daypass.rotation.standing import KeyAt
from daypass.wire import CertType

OLD, NEW = "SHA256:old", "SHA256:new"
ANNOUNCED = NOW - 1000
SINCE = NOW - 900  # the machine came to go by version 2
CA = Machine("ca-1", 2, dict.fromkeys(("user", "host", "bundle", "tls"), NEW), SINCE, NOW - 30)


@dataclass
class Record:
    """What the store would say."""

    machines_: list[Machine] = field(default_factory=lambda: [CA])
    hosts_: list[KnownHost] = field(default_factory=list)
    people: list[LiveCertificate] = field(default_factory=list)
    certificates: list[LiveCertificate] = field(default_factory=list)

    async def machines(self) -> list[Machine]:
        return self.machines_

    async def hosts(self) -> list[KnownHost]:
        return self.hosts_

    async def live_certificates(self, kind: CertType, _now: int) -> list[LiveCertificate]:
        return self.people if kind is CertType.USER else self.certificates


def host(name: str, *, trust: int | None = 2, word: int = NOW - 60, until: int = NOW + 86400) -> KnownHost:
    return KnownHost(name, name, (), {}, (), until, bundle_version=word * 1000, synced_at=word, trust_version=trust)


def live(name: str, key: str, recorded_at: int = NOW - 60) -> LiveCertificate:
    return LiveCertificate(key, name, NOW + 3600, recorded_at)


def machine(name: str, version: int, key: str, seen_at: int = NOW - 30) -> Machine:
    return Machine(name, version, dict.fromkeys(CA.keys, key), SINCE, seen_at)


def standing(use: str, stage: str) -> Standing:
    old, new = KeyAt(Path("/k"), OLD, 0), KeyAt(Path("/k-2"), NEW, 1)
    return Standing(use, (old, new) if stage == "sign" else (new, old), (OLD, NEW), 2)


def names(use: str, stage: str, record: Record) -> list[str]:
    found = asyncio.run(waiting(record, standing(use, stage), stage, NOW, ANNOUNCED))  # type: ignore[arg-type]
    assert all(all(each.what) and each.hint for each in found)
    return [name for each in found for name in each.names]


HOSTS = [
    ("has both keys in force", host("web-1"), False),
    ("has not heard of them", host("web-1", trust=1), True),
    ("has said nothing yet", host("web-1", trust=None), True),
    ("knows them, by a word from before they were told of", host("web-1", word=SINCE - 1), True),
    ("could not ask any more", host("web-1", trust=1, until=NOW), False),
]


@pytest.mark.parametrize(("_why", "one", "waits"), HOSTS, ids=[row[0] for row in HOSTS])
def test_hosts_are_waited_for_until_they_have_the_new_key(_why: str, one: KnownHost, waits: bool) -> None:
    for use, stage, matters in (
        ("user", "sign", True), ("bundle", "sign", True), ("host", "sign", False), ("tls", "sign", False),
        ("user", "retire", True), ("bundle", "retire", True), ("host", "retire", True), ("tls", "retire", True),
    ):  # fmt: skip
        assert names(use, stage, Record(hosts_=[one])) == ["web-1"] * (waits and matters)


PASSES = [
    ("after", live("alice", NEW, SINCE), False),
    ("before any machine told of it", live("alice", NEW, SINCE - 1), True),
]


@pytest.mark.parametrize(("_why", "one", "waits"), PASSES, ids=[row[0] for row in PASSES])
def test_laptops_are_waited_for_until_their_people_have_signed_in(
    _why: str, one: LiveCertificate, waits: bool
) -> None:
    for use, stage, matters in (
        ("host", "sign", True), ("bundle", "sign", True), ("user", "sign", False), ("tls", "sign", False),
        ("host", "retire", True), ("bundle", "retire", True), ("tls", "retire", True), ("user", "retire", False),
    ):  # fmt: skip
        assert names(use, stage, Record(people=[one])) == ["alice"] * (waits and matters)


def test_without_a_machine_that_runs_the_signature_of_the_document_is_what_counts() -> None:
    record = Record(machines_=[], people=[live("alice", OLD, ANNOUNCED - 1), live("bob", OLD, ANNOUNCED)])
    assert names("host", "sign", record) == ["alice"]


def test_a_machine_that_learnt_last_is_what_laptops_are_measured_by() -> None:
    late = Machine("ca-2", 2, CA.keys, NOW - 100, NOW)
    assert names("host", "sign", Record(machines_=[CA, late], people=[live("alice", OLD, NOW - 101)])) == ["alice"]


@pytest.mark.parametrize("use", ["user", "host", "bundle", "tls"])
def test_every_machine_has_to_be_as_far(use: str) -> None:
    behind, elsewhere = machine("ca-2", 1, OLD), machine("ca-3", 2, OLD)
    gone = machine("ca-4", 1, OLD, NOW - 7200)
    record = Record(machines_=[CA, behind, elsewhere, gone])
    assert names(use, "sign", record) == ["ca-2"]
    assert names(use, "retire", record) == ["ca-2", "ca-3"]


def test_a_key_stays_while_a_certificate_by_it_is_good() -> None:
    people = [live("alice", OLD), live("alice", NEW), live("bob", NEW)]
    assert names("user", "retire", Record(people=people)) == ["alice"]
    certificates = [live("db-1", OLD, NOW - 60), live("web-1", OLD, NOW - 60), live("web-1", NEW, NOW - 50)]
    assert names("host", "retire", Record(certificates=certificates)) == ["db-1"]
    assert names("host", "retire", Record(certificates=[live("web-1", NEW), live("web-1", OLD)])) == ["web-1"]


def test_a_wait_that_ends_by_itself_says_when() -> None:
    record = Record(people=[live("alice", OLD)])
    (found,) = asyncio.run(waiting(record, standing("user", "retire"), "retire", NOW, ANNOUNCED))  # type: ignore[arg-type]
    assert found.until == NOW + 3600
