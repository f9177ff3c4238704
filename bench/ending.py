"""Take a person out: how long until no host lets them in, and until their open sessions are gone.

200 hosts listen to one CA: 190 as tasks of one process (`bench.applying`), ten as machines with systemd, sshd and
`daypass host run`. An event names a person who is on all ten. The clock starts before the CA has it, and stops at a
host with the rename of its list of revoked certificates, and with the end of the person's ssh. A login at each
machine then confirms that the list is the one that counts.

The floor is what none of it can do without: one write to the disk, the list loaded by ssh-keygen at the CA and at a
host, one signature and one TLS record for each host.
"""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.parts.machine import Machine, Yard, install_daypass, ours, run_yard
from tests.parts.needs import need
from tests.parts.openssh import make_key
from tests.parts.processes import wait_until
from tests.parts.yard_ca import YardCa, run_yard_ca

from bench import fleet_floor
from bench.fleet import _ask, _some, signed_in, take_out
from bench.listening import Listener
from bench.measure import percentile
from daypass import keygen
from daypass.assemble import opened
from daypass.assemble.parts import load_parts
from daypass.cli.admin_options import Where
from daypass.host import files
from daypass.wire import CertificateSection, Krl, PublicKey

MACHINES, TASKS, EVENTS = 10, 190, 15
PATIENCE = 30.0  # seconds for a list to be everywhere
CLOSING = 10.0  # seconds for sessions to end
ROLES = """
[[roles]]
name = "ops"
hosts = ["*"]
groups = ["engineers"]
accounts = ["root"]
"""


@dataclass(frozen=True, slots=True)
class Person:
    """`key`: their day pass, its certificate beside it, as ssh finds it."""

    subject: str
    key: Path


@dataclass(slots=True)
class Times:
    """Seconds from the event on, one for each host."""

    refused: list[float]
    closed: list[float]


def measure(quick: bool) -> dict[str, float]:
    machines, tasks, events = (2, 18, 3) if quick else (MACHINES, TASKS, EVENTS)
    with ExitStack() as stack:
        yard = stack.enter_context(run_yard(machines, binds=ours()))
        ca = stack.enter_context(run_yard_ca(yard, ROLES))
        # In memory: that 190 hosts share one disk is so here alone.
        here = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="daypass-bench-", dir="/dev/shm")))
        people = [_person(here, f"p{number}") for number in range(events)]
        fleet = asyncio.run(_prepared(ca, people, tasks))
        for number, machine in enumerate(yard.machines):
            _enrol(machine, ca, f"real-{number}.example.com")
        ends = stack.enter_context(_applying(yard, ca, fleet, here))
        found = [_event(yard, ca, ends, person, tasks) for person in people]
    refused = [each for times in found for each in times.refused]
    closed = [each for times in found for each in times.closed]
    least = _least(machines + tasks)
    results = {
        "revoke_to_refused_p50_ms": percentile(refused, 0.5) * 1000,
        "revoke_to_refused_p99_ms": percentile(refused, 0.99) * 1000,
        "revoke_to_refused_floor_ms": least * 1000,
        "revoke_to_refused_over_floor": percentile(refused, 0.99) / least,
    }
    if len(closed) == events * machines:
        results["revoke_to_session_closed_p50_ms"] = percentile(closed, 0.5) * 1000
        results["revoke_to_session_closed_p99_ms"] = percentile(closed, 0.99) * 1000
        results["revoke_to_session_closed_over_floor"] = percentile(closed, 0.99) / least
    else:
        print(f"bench: {len(closed)} of {events * machines} sessions were closed", file=sys.stderr)
    return results


def _person(folder: Path, name: str) -> Person:
    (folder / name).mkdir(mode=0o700)
    return Person(name, make_key(folder / name / "id"))


async def _prepared(ca: YardCa, people: Sequence[Person], tasks: int) -> list[Listener]:
    """Day passes for these people, and so many hosts on record."""
    async with opened(load_parts(Where(ca.config, Path("/")).load())) as (heart, _):
        for person in people:
            public = PublicKey.from_line(person.key.with_suffix(".pub").read_text())
            certificate = await signed_in(heart, person.subject, public, "sso")
            person.key.with_name("id-cert.pub").write_text(f"{certificate.line()}\n")
        return await _some(heart, range(tasks))


def _enrol(machine: Machine, ca: YardCa, name: str) -> None:
    install_daypass(machine)
    machine.run("daypass", "host", "enroll", "--token-file", "-", stdin=ca.token(name))
    listens = lambda: "in touch with" in machine.run("systemctl", "status", "daypass-host", check=False).stdout  # noqa: E731
    wait_until(listens, f"{name} to listen", seconds=60)


@contextmanager
def _applying(yard: Yard, ca: YardCa, fleet: Sequence[Listener], folder: Path) -> Iterator[subprocess.Popen[str]]:
    file, hosts, trust = folder / "fleet", folder / "hosts", Where(ca.config, Path("/")).load().ca.trust
    file.write_bytes(pickle.dumps(fleet))
    hosts.mkdir()
    root = next((ca.folder / "keys").glob("*.crt"))
    argv = yard.enter(sys.executable, "-m", "bench.applying", ca.url, root, file, hosts, trust)
    with subprocess.Popen(list(map(str, argv)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as ends:
        try:
            found = _ask(ends, "open")
            assert found["open"] == len(fleet), found
            yield ends
        finally:
            ends.kill()


def _event(yard: Yard, ca: YardCa, ends: subprocess.Popen[str], person: Person, tasks: int) -> Times:
    sessions = [_session(yard, person, machine) for machine in yard.machines]
    _ask(ends, "mark")
    with ThreadPoolExecutor(len(sessions)) as threads:
        closing = [threads.submit(_ended, each) for each in sessions]
        began = time.time()
        take_out(Where(ca.config, Path("/")), person.subject)
        refused = _lists(yard, ends, tasks, began)
        ended = [each.result() for each in closing]
    for machine in yard.machines:
        assert _login(yard, person, machine, "true").wait(30) != 0, f"{person.subject} gets in at {machine.name}"
    return Times([each - began for each in refused], [each - began for each in ended if each is not None])


def _lists(yard: Yard, ends: subprocess.Popen[str], tasks: int, began: float) -> list[float]:
    """When (unix seconds) each list was in place: a rename changes its file's ctime, give or take a tick of 4 ms."""
    lists = [machine.root / "etc/ssh/daypass/krl" for machine in yard.machines]
    end = began + PATIENCE
    while time.time() < end:
        times = [each.stat().st_ctime for each in lists]
        applied = _ask(ends, "count")["times"]
        if len(applied) >= tasks and min(times) > began:
            return [*applied[:tasks], *times]
        time.sleep(0.1)
    raise SystemExit(f"bench: {len(applied)} tasks, {sum(each > began for each in times)} machines have the list")


def _session(yard: Yard, person: Person, machine: Machine) -> subprocess.Popen[str]:
    """Somebody at work there."""
    session = _login(yard, person, machine, "echo in; exec sleep 600")
    assert session.stdout is not None and session.stdout.readline() == "in\n", machine.name
    return session


def _login(yard: Yard, person: Person, machine: Machine, command: str) -> subprocess.Popen[str]:
    options = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes")
    given = [word for each in (*options, f"IdentityFile={person.key}", "LogLevel=ERROR") for word in ("-o", each)]
    argv = yard.enter("ssh", "-F", "none", *given, f"root@{machine.address}", command)
    quiet = subprocess.DEVNULL
    return subprocess.Popen(list(map(str, argv)), stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, text=True)


def _ended(session: subprocess.Popen[str]) -> float | None:
    """When (unix seconds); None for one that nobody ends."""
    with suppress(subprocess.TimeoutExpired):
        session.wait(CLOSING)
        return time.time()
    session.kill()
    session.wait()
    return None


def _least(hosts: int) -> float:
    """Seconds."""
    key = PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key())
    krl = Krl(int(time.time() * 1000), 1, "daypass", (CertificateSection(key, ((5, 9),)),)).encode()
    program = need("ssh-keygen")
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as disk:
        began = time.perf_counter()
        for _ in range(20):
            files.write(Path(disk) / "krl", krl, 0o644)
            keygen.loads(program, krl)
            keygen.loads(program, krl)
        return (time.perf_counter() - began) / 20 + fleet_floor.lines(hosts)
