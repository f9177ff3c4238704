"""kill -9 of the CA under load: nothing that was answered is lost, and nobody's sign-in is burned.

(step-ca burns 2 to 5 tokens a kill: their owners must sign in again.)
"""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.parts.op import Op, run_op

from daypass.api import SshSignRequest
from daypass.demo.company import Company
from daypass.errors import DaypassError
from daypass.remote import Remote
from daypass.trusted import extract_trust_root
from daypass.wire import Certificate, PublicKey
from daypass.wire.binding import login_nonce

KILLS, THREADS, SIGN_INS = 4, 8, 400


@dataclass
class SignIn:
    """Somebody's sign-in: asked for again and again until there is an answer."""

    request: SshSignRequest
    answers: list[bytes]
    lost: int = 0  # questions without an answer


@pytest.fixture(scope="module")
def op() -> Iterator[Op]:
    with run_op() as running:
        yield running


@pytest.fixture(scope="module")
def firm(op: Op) -> Iterator[Company]:
    with tempfile.TemporaryDirectory(prefix="daypass-e2e-") as home:
        built = Company(Path(home), op)  # type: ignore[arg-type]  # nobody is disabled here
        try:
            built.found_ca()
            built.start_ca()
            yield built
        finally:
            built.close()


@pytest.fixture(scope="module")
def roots(firm: Company) -> str:
    with Remote(firm.url, None) as blind:
        return blind.root_unverified(firm.bootstrap_line.partition("#")[2])


def sign_in(op: Op, ca_id: bytes, number: int) -> SignIn:
    key = PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key())
    salt, name = os.urandom(32), f"p{number}"
    token = op.mint(nonce=login_nonce(ca_id, key.blob, b"login", salt), sub=name, email=f"{name}@example.com")
    return SignIn(SshSignRequest(publicKey=key.blob, ott=token, certType="user", salt=salt), [])


def ask(firm: Company, roots: str, waiting: list[SignIn], stop: threading.Event) -> None:
    """One client: takes sign-ins off the list and puts those without an answer back."""
    while waiting and not stop.is_set():
        each = waiting.pop()
        try:
            with Remote(firm.url, roots, timeout=5) as remote:
                each.answers.append(remote.sign(each.request).crt)
        except DaypassError:
            each.lost += 1
            waiting.append(each)
            time.sleep(0.05)


def test_a_ca_killed_under_load_loses_nothing_and_burns_no_sign_in(firm: Company, op: Op, roots: str) -> None:
    ca_id = extract_trust_root(roots)
    everybody = [sign_in(op, ca_id, number) for number in range(SIGN_INS)]
    waiting, stop = list(everybody), threading.Event()
    with ThreadPoolExecutor(THREADS) as pool:
        clients = [pool.submit(ask, firm, roots, waiting, stop) for _ in range(THREADS)]
        try:
            for _ in range(KILLS):
                time.sleep(random.uniform(0.05, 0.4))  # noqa: S311 - any moment will do
                firm.kill_ca()
                firm.start_ca()
            for client in clients:
                client.result(60)
        finally:
            stop.set()
    with Remote(firm.url, roots) as remote:
        for each in everybody:
            each.answers.append(remote.sign(each.request).crt)
    assert sum(each.lost for each in everybody) >= KILLS, "the kills met no load: this shows nothing"
    assert all(len(set(each.answers)) == 1 for each in everybody), "a retry was given another certificate"
    certificates = [Certificate.parse(each.answers[0]) for each in everybody]
    assert [cert.public_key.blob for cert in certificates] == [each.request.publicKey for each in everybody]
    assert len({cert.serial for cert in certificates}) == SIGN_INS
    issued = ledger(firm)
    assert sorted(issued) == sorted(cert.serial for cert in certificates)


def ledger(firm: Company) -> list[int]:
    """Serials of every user certificate on record, from a ledger that verifies."""
    firm.daypass("ledger", "verify", "--root", str(firm.ca_root))
    shown = firm.daypass("ledger", "show", "--json", "--limit", "1000", "--root", str(firm.ca_root)).stdout
    entries = [msgspec.json.decode(line) for line in shown.splitlines()]
    return [entry["serial"] for entry in entries if entry["act"] == "certificate.issue"]
