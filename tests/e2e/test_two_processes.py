"""Two `daypass ca serve` on one PostgreSQL, each with its own file, publishing at once while people sign in."""

from __future__ import annotations

import json
import random
import re
import shutil
import tempfile
import threading
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.test_kill import SignIn, ask, sign_in
from tests.parts.op import Op, run_op
from tests.parts.postgres import Postgres
from tests.parts.processes import wait_until

from daypass.cli.exits import Exit
from daypass.demo.company import Company
from daypass.remote import Remote
from daypass.trusted import extract_trust_root
from daypass.wire import Certificate

ROUNDS, CLIENTS = 4, 4


class Other(Company):
    """The same CA once more: a copy of its machine, on another port."""

    def copied_from(self, first: Company) -> None:
        shutil.copytree(first.ca_root, self.ca_root, ignore=shutil.ignore_patterns("*.sock"))
        text = self.config.read_text()
        self.config.write_text(re.sub(r'(?m)^listen = ".*"', f'listen = "0.0.0.0:{self.ca_port}"', text))


def publish(firm: Company, hours: int) -> int:
    """From this machine's file; the day pass lasts so long by it."""
    text = firm.config.read_text()
    firm.config.write_text(re.sub(r'(?m)^user = "\d+h"', f'user = "{hours}h"', text))
    return firm.daypass("ca", "reload", "--root", str(firm.ca_root), check=False).returncode


@pytest.fixture(scope="module")
def op() -> Iterator[Op]:
    with run_op() as running:
        yield running


@pytest.fixture
def pair(op: Op, postgres: Postgres) -> Iterator[tuple[Company, Company]]:
    with tempfile.TemporaryDirectory(prefix="daypass-e2e-") as home:
        for name in ("one", "two"):
            (Path(home) / name).mkdir()
        one = Company(Path(home) / "one", op, database=postgres.fresh_url())  # type: ignore[arg-type]
        two = Other(Path(home) / "two", op)  # type: ignore[arg-type]
        try:
            one.found_ca()
            two.copied_from(one)
            one.start_ca()
            two.start_ca()
            yield one, two
        finally:
            two.close()
            one.close()


def test_two_processes_publish_while_both_sign(pair: tuple[Company, Company], op: Op) -> None:
    with Remote(pair[0].url, None) as blind:
        roots = blind.root_unverified(pair[0].bootstrap_line.partition("#")[2])
    ca_id, stop, codes = extract_trust_root(roots), threading.Event(), set[int]()
    waiting, everybody = list[SignIn](), list[SignIn]()
    with ThreadPoolExecutor(CLIENTS + 2) as pool:
        for number in range(ROUNDS):
            fresh = [sign_in(op, ca_id, 100 * number + each) for each in range(40)]
            everybody += fresh
            waiting += fresh
            asking = [pool.submit(ask, pair[each % 2], roots, waiting, stop) for each in range(CLIENTS)]
            publishing = [pool.submit(publish, firm, 2 + 2 * number + at) for at, firm in enumerate(pair)]
            codes |= {each.result(60) for each in publishing}
            for each in asking:
                each.result(60)
    assert codes <= {Exit.OK, Exit.CONFLICT} and Exit.OK in codes
    assert all(len(each.answers) == 1 for each in everybody)
    last = [sign_in(op, ca_id, 900 + at) for at in range(2)]
    for firm, one in zip(pair, last, strict=True):
        ask(firm, roots, [one], stop)
    entries = ledger(pair[0])
    assert entries == ledger(pair[1])
    serials = {Certificate.parse(each.answers[0]).serial for each in everybody + last}
    issued = [entry for entry in entries if entry["act"] == "certificate.issue"]
    assert {entry["serial"] for entry in issued} == serials and len(issued) == len(serials) == 40 * ROUNDS + 2
    one_after_another(entries)
    assert len({entry["version"] for entry in issued}) > 1, "nobody signed in while it changed: this shows nothing"
    for entry in issued:
        assert round((entry["valid_before"] - entry["time"]) / 3600) == hours(pair[0], entry["version"])
    assert {entry["version"] for entry in issued[-2:]} == {entries[-1]["version"]}


def one_after_another(entries: list[dict[str, Any]]) -> None:
    """Every version is published once, on the one before it; from there on all is done under it and its hash."""
    version, hashes = 0, dict[int, str]()
    for entry in entries:
        assert entry["version"] == version
        assert hashes.setdefault(version, entry["policy"]) == entry["policy"]
        if entry["act"] == "config.publish":
            version += 1
            assert entry["published"] == version
            hashes[version] = entry["hash"]


def ledger(firm: Company) -> list[dict[str, Any]]:
    firm.daypass("ledger", "verify", "--root", str(firm.ca_root))
    shown = firm.daypass("ledger", "show", "--json", "--limit", "10000", "--root", str(firm.ca_root)).stdout
    return [json.loads(line) for line in shown.splitlines()]


@cache
def hours(firm: Company, version: int) -> int:
    told = firm.daypass("ca", "config", "show", str(version), "--root", str(firm.ca_root)).stdout
    return int(tomllib.loads(told).get("lifetimes", {}).get("user", "16h").removesuffix("h"))


def test_a_key_is_rotated_on_two_machines_and_neither_is_left_behind(pair: tuple[Company, Company], op: Op) -> None:
    """Each has its own files; the record tells each of the other."""
    one, two = pair
    with Remote(one.url, None) as blind:
        roots = blind.root_unverified(one.bootstrap_line.partition("#")[2])
    rotate(one, "--announce")
    (old, new), theirs = rotate(one)["announced"], str(two.ca_root / "etc/daypass/trust.json")
    assert theirs in waited_for(one)
    for name in ("trust.json", "keys/user_ca-2", "keys/user_ca-2.pub"):
        shutil.copy(one.ca_root / "etc/daypass" / name, two.ca_root / "etc/daypass" / name)
    (two.ca_root / "etc/daypass/offline/trust_root").unlink()
    rotate(two, "--announce")
    wait_until(lambda: theirs not in waited_for(one), "the second machine to believe the new key")
    rotate(one, "--sign")
    wait_until(lambda: signs(one, op, roots, old, new) == new, "the first to sign with it")
    assert signs(two, op, roots, old, new) == old
    assert theirs in waited_for(one), "the second signs with the old key still"
    rotate(two, "--sign")
    wait_until(lambda: signs(two, op, roots, old, new) == new, "the second to sign with it")
    wait_until(lambda: theirs not in waited_for(one), "the second to say so")


def rotate(firm: Company, *stage: str) -> dict[str, Any]:
    options = (*stage, "--yes") if stage else ()
    found: dict[str, Any] = json.loads(
        firm.daypass("ca", "rotate", "user", *options, "--json", "--root", str(firm.ca_root)).stdout
    )
    return found


def waited_for(firm: Company) -> str:
    return json.dumps(rotate(firm)["waits_for"])


def signs(firm: Company, op: Op, roots: str, old: str, new: str) -> str:
    """Fingerprint of the key by which somebody new is given a certificate there."""
    someone = sign_in(op, extract_trust_root(roots), random.randrange(10**4, 10**9))  # noqa: S311
    ask(firm, roots, [someone], threading.Event())
    found = Certificate.parse(someone.answers[0]).signature_key.fingerprint
    assert found in (old, new)
    return found
