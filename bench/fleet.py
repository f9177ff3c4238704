"""What a fleet costs: 10,000 hosts whose streams one CA process holds, and a change that reaches all of them.

The hosts are on record, each with a key of its own; their ends are in a process of their own (`bench.listening`).
The floor of holding still is one Ed25519 signature and one TLS record for each sign of life; that of a change the
same for each bundle; that of a renewal are the three signatures that are verified and the one that is made.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import ssl
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from tests.parts.x509 import make_leaf, make_root, pem

from bench import issue
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
from daypass.server.tls import Leaf, context_with
from daypass.store import open_store
from daypass.wire import CertType, PublicKey, SshSignature, sign_blob, sshsig
from daypass.wire.binding import POSSESSION_NAMESPACE, renewal_message

HOSTS, RENEWALS = 10_000, 6000
IDLE = 60.0  # seconds
CONNECTIONS = 32


def measure(quick: bool) -> dict[str, float]:
    hosts = HOSTS // 10 if quick else HOSTS
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as home, company(Path(home)) as ca:
        where = Where(Path("/etc/daypass/daypass.toml"), Path(home) / "ca")
        fleet = asyncio.run(_enrolled(where, hosts))
        results = _renewals(ca, fleet[: RENEWALS // (10 if quick else 1)])
        with _listening(ca, fleet, Path(home) / "fleet") as ends:
            return results | _held(ca, ends, hosts) | _fanout(where, ends, hosts, ca)


async def _enrolled(where: Where, hosts: int) -> list[Listener]:
    """As many hosts on record. How they came there is measured elsewhere: there is no token."""
    async with opened(load_parts(where.load())) as (ca, _):
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
    found, least = _ask(ends, "count"), _floor(hosts / (BEAT * 0.9))
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
    while (found := _ask(ends, "count"))["bundles"] < hosts:
        if time.monotonic() > began + 120:
            raise SystemExit(f"bench: the change reached {found['bundles']} of {hosts} hosts")
        time.sleep(0.2)
    took, least = found["last"] - began, _floor(hosts)
    return {
        "bundle_fanout_10k_ms": took * 1000,
        "bundle_first_ms": (found["first"] - began) * 1000,
        "bundle_fanout_cpu_ms": (tree_cpu(ca.pid) - before) * 1000,
        "bundle_fanout_floor_ms": least * 1000,
        "bundle_fanout_over_floor": took / least,
    }


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
    least = _renewal_floor()
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


def _floor(lines: float) -> float:
    """CPU seconds of so many signatures over a line, and TLS records with it."""
    key, line = Ed25519PrivateKey.generate(), b"x" * 800
    start = time.process_time()
    for _ in range(2000):
        key.sign(line)
    signing = (time.process_time() - start) / 2000
    return lines * (signing + _record_floor())


def _record_floor(rounds: int = 20_000) -> float:
    """CPU seconds of one TLS record of 1 KiB, and of handing it to the kernel."""
    near, far = ssl.MemoryBIO(), ssl.MemoryBIO()
    root, key = make_root("bench", days=1)
    leaf, leaf_key = make_leaf(root, key, ("localhost",), days=1)
    chain = leaf.public_bytes(Encoding.PEM)
    server = context_with(Leaf(chain, pem(leaf_key), 0, 1))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    one, two = server.wrap_bio(far, near, server_side=True), client.wrap_bio(near, far)
    for _ in range(3):
        for each in (two, one):
            with suppress(ssl.SSLWantReadError):
                each.do_handshake()
    line, start = b"x" * 1024, time.process_time()
    with Path(os.devnull).open("wb", buffering=0) as sink:
        for _ in range(rounds):
            one.write(line)
            sink.write(near.read())
    return (time.process_time() - start) / rounds


def _renewal_floor(rounds: int = 2000) -> float:
    key, message = Ed25519PrivateKey.generate(), b"x" * 400
    signature, public = key.sign(message), key.public_key()
    start = time.process_time()
    for _ in range(rounds):
        for _ in range(3):
            public.verify(signature, message)
        key.sign(message)
    return (time.process_time() - start) / rounds


def _resident(pid: int) -> float:
    """KiB (proc(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith("VmRSS:")).split()[1])
