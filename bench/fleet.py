"""What a fleet costs: 10,000 hosts whose streams one CA process holds, a change that reaches all of them, and the end
of somebody's access that does.

The hosts are on record, each with a key of its own; their ends are in a process of their own (`bench.listening`).
The floor of holding still is one Ed25519 signature and one TLS record for each sign of life; that of a change the
same for each bundle; that of a renewal are the three signatures that are verified and the one that is made.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench import fleet_floor, issue
from bench.company import Company, company
from bench.listening import Listener, request
from bench.measure import tree_cpu
from daypass.assemble import opened
from daypass.assemble.parts import load_parts
from daypass.ca.authority import Authority
from daypass.ca.host_stream import BEAT
from daypass.cli.admin_options import Where
from daypass.config import policy_document, policy_hash
from daypass.model import HostFacts, Identity, Kind, OnceId, Proof, Request
from daypass.remote import AdminRemote
from daypass.store import open_store
from daypass.wire import Certificate, CertType, PublicKey, SshSignature, sign_blob, sshsig
from daypass.wire.binding import POSSESSION_NAMESPACE, renewal_message

HOSTS, RENEWALS = 10_000, 6000
IDLE = 60.0  # seconds
CONNECTIONS = 32
PERSON = "gone"


def measure(quick: bool) -> dict[str, float]:
    hosts = HOSTS // 10 if quick else HOSTS
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as home, company(Path(home)) as ca:
        where = Where(Path("/etc/daypass/daypass.toml"), Path(home) / "ca")
        fleet = asyncio.run(_enrolled(where, hosts))
        results = _renewals(ca, fleet[: RENEWALS // (10 if quick else 1)])
        with _listening(ca, fleet, Path(home) / "fleet") as ends:
            found = results | _held(ca, ends, hosts) | _ended(where, ends, hosts, ca)
            return found | _fanout(where, ends, hosts, ca)


async def _enrolled(where: Where, hosts: int) -> list[Listener]:
    """As many hosts on record, and a person. How they came there is measured elsewhere: there is no token."""
    async with opened(load_parts(where.load())) as (ca, _):
        await signed_in(ca, PERSON, PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key()), "bench")
        return [each for start in range(0, hosts, 500) for each in await _some(ca, range(start, start + 500))]


async def _some(ca: Authority, numbers: range) -> list[Listener]:
    return list(await asyncio.gather(*(_one(ca, number) for number in numbers)))


async def _one(ca: Authority, number: int) -> Listener:
    key, name = Ed25519PrivateKey.generate(), f"host-{number}.example.com"
    public, once = PublicKey.from_cryptography(key.public_key()), OnceId("bench", os.urandom(16).hex())
    facts = HostFacts(name, labels={"tier": f"tier-{number % 20}"})
    now = int(time.time())
    proof = Proof(Identity(Kind.HOST, "bench", "bench", name), once, now, now + 60, bound=True, enrolment=facts)
    issuance = await ca.settle(Request(CertType.HOST, (public,)), proof)
    assert issuance.host is not None
    return Listener(issuance.host.id, key.private_bytes_raw(), issuance.certificates[0].certificate, ca.ca_id)


async def signed_in(ca: Authority, name: str, key: PublicKey, provider: str) -> Certificate:
    """A day pass for somebody who is in every group there is here."""
    now, issuer = int(time.time()), f"https://{provider}.example.com"
    who = Identity(
        Kind.PERSON, provider, issuer, name, login=name, names=(name,), groups=frozenset({"engineers"}), auth_time=now
    )
    proof = Proof(who, OnceId("bench", os.urandom(16).hex()), now, now + 60, bound=True)
    issuance = await ca.settle(Request(CertType.USER, (key,)), proof)
    return Certificate.parse(issuance.certificates[0].certificate)


def take_out(where: Where, person: str) -> None:
    """An operator's word, at the administration socket."""
    body = json.dumps({"person": person, "reason": "left the company"}).encode()
    with AdminRemote(where.socket()) as socket:
        socket.administer("/v1/admin/lock", body, dict)


@contextmanager
def _listening(ca: Company, fleet: list[Listener], file: Path) -> Iterator[subprocess.Popen[str]]:
    file.write_bytes(pickle.dumps(fleet))
    argv = [sys.executable, "-m", "bench.listening", str(ca.port), str(ca.root), str(file)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as ends:
        try:
            yield ends
        finally:
            ends.kill()


def _ask(ends: subprocess.Popen[str], word: str) -> dict[str, Any]:
    assert ends.stdin is not None and ends.stdout is not None
    print(word, file=ends.stdin, flush=True)
    answer: dict[str, Any] = json.loads(ends.stdout.readline())
    return answer


def _held(ca: Company, ends: subprocess.Popen[str], hosts: int) -> dict[str, float]:
    before, memory = tree_cpu(ca.pid), _resident(ca.pid)
    opened = _ask(ends, "open")
    to_open = tree_cpu(ca.pid) - before
    print(f"bench: {opened['open']} streams after {opened['seconds']:.0f} s", file=sys.stderr, flush=True)
    _ask(ends, "mark")
    before, began = tree_cpu(ca.pid), time.monotonic()
    time.sleep(IDLE)
    cpu, seconds = tree_cpu(ca.pid) - before, time.monotonic() - began
    found, least = _ask(ends, "count"), fleet_floor.lines(hosts / (BEAT * 0.9))
    return {
        "hosts_streaming": float(found["alive"]),
        "hosts_opened_per_second": opened["open"] / opened["seconds"],
        "hosts_open_cpu_ms": to_open / hosts * 1000,
        "hosts_stream_kib": (_resident(ca.pid) - memory) / hosts,
        "hosts_idle_cpu_pct": cpu / seconds * 100,
        "hosts_idle_cpu_floor_pct": least * 100,
        "hosts_idle_over_floor": cpu / seconds / least,
    }


def _fanout(where: Where, ends: subprocess.Popen[str], hosts: int, ca: Company) -> dict[str, float]:
    """From the moment that a version is published, by another process, until the last host has its bundle."""
    _ask(ends, "mark")
    before = tree_cpu(ca.pid)
    began = asyncio.run(_published(where))
    found, least = _arrived(ends, hosts, began), fleet_floor.lines(hosts)
    took = found["last"] - began
    return {
        "bundle_fanout_10k_ms": took * 1000,
        "bundle_first_ms": (found["first"] - began) * 1000,
        "bundle_fanout_cpu_ms": (tree_cpu(ca.pid) - before) * 1000,
        "bundle_fanout_floor_ms": least * 1000,
        "bundle_fanout_over_floor": took / least,
    }


def _ended(where: Where, ends: subprocess.Popen[str], hosts: int, ca: Company) -> dict[str, float]:
    """From an operator's word that somebody is out, until the last host has the list with their certificate."""
    _ask(ends, "mark")
    before, began = tree_cpu(ca.pid), time.monotonic()
    take_out(where, PERSON)
    answered = time.monotonic()
    found, least = _arrived(ends, hosts, began), fleet_floor.lines(hosts)
    took = found["last"] - began
    return {
        "fanout_10k_ms": took * 1000,
        "fanout_10k_answer_ms": (answered - began) * 1000,
        "fanout_10k_first_ms": (found["first"] - began) * 1000,
        "fanout_10k_cpu_ms": (tree_cpu(ca.pid) - before) * 1000,
        "fanout_10k_floor_ms": least * 1000,
        "fanout_10k_over_floor": took / least,
    }


def _arrived(ends: subprocess.Popen[str], hosts: int, began: float) -> dict[str, Any]:
    while (found := _ask(ends, "count"))["bundles"] < hosts:
        if time.monotonic() > began + 120:
            raise SystemExit(f"bench: the change reached {found['bundles']} of {hosts} hosts")
        time.sleep(0.2)
    return found


async def _published(where: Where) -> float:
    """The moment (CLOCK_MONOTONIC) at which a role for every host was in the database."""
    with where.file.open("a", encoding="utf-8") as file:
        file.write('\n[[roles]]\nname = "added"\nhosts = ["*"]\ngroups = ["engineers"]\naccounts = ["deploy"]\n')
    config = where.load()
    store = open_store(config.ca.database)
    await store.publish(policy_document(config), policy_hash(config), actor="bench", now=int(time.time()))
    began = time.monotonic()
    await store.close()
    return began


def _renewals(ca: Company, fleet: list[Listener]) -> dict[str, float]:
    queue = [_renewal(each) for each in fleet]
    cpu, wall, _ = uvloop.run(issue._drive(ca, CONNECTIONS, queue))
    least = fleet_floor.renewal()
    return {
        "renewals_per_second": len(fleet) / wall,
        "renewal_cpu_ms": cpu / len(fleet) * 1000,
        "renewal_floor_ms": least * 1000,
        "renewal_cpu_over_floor": cpu / len(fleet) / least,
    }


def _renewal(host: Listener) -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(host.key)
    public = PublicKey.from_cryptography(key.public_key())
    message = sshsig.to_be_signed(POSSESSION_NAMESPACE, renewal_message(host.ca_id, host.id, [public.blob]))
    proof = SshSignature(public, POSSESSION_NAMESPACE, "sha512", sign_blob(key, message)).encode()
    entry = {"public_key": b64encode(public.blob).decode(), "proof": b64encode(proof).decode()}
    return request(host, "/v1/host/renew", json.dumps({"keys": [entry]}).encode())


def _resident(pid: int) -> float:
    """KiB (proc(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith("VmRSS:")).split()[1])
