"""The list that all are given: the same by every process, never a lower version, and none that can't be loaded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.ca.krl_ports import REVOKED_FOR, RevokedSerials
from daypass.ca.krls import CHECK_EVERY, Krls, Loads, MadeKrl, parses
from daypass.ca.ports import Recorded
from daypass.errors import Unavailable
from daypass.store import SqlStore, open_store
from daypass.wire import CertType, Krl, PublicKey
from tests.store.build import NOW, POLICY, certificate, recording
from tests.store.ends import revoke

Scenario = Callable[["Desk"], Awaitable[None]]
Run = Callable[[Scenario], None]


@dataclass
class Desk:
    store: SqlStore

    def krls(self, loads: Loads = parses) -> Krls:
        """As a process of the CA has it."""
        return Krls(self.store, CertType.USER, loads)

    async def revoked(self, who: str = "alice") -> int:
        """Whoever was given a certificate has it no more."""
        made = certificate()
        assert await self.store.record(recording(who, certificates=[made])) == Recorded()
        await revoke(self.store, [made.serial], reason="lost", actor="root", now=NOW)
        return made.serial


@pytest.fixture
def run(tmp_path: Path) -> Run:
    @asynccontextmanager
    async def desk() -> AsyncIterator[Desk]:
        url = f"sqlite:///{tmp_path}/ca.sqlite"
        store = open_store(url, create=True)
        try:
            await store.publish("config_version = 1", POLICY, actor="root", now=NOW)
            yield Desk(store)
        finally:
            await store.close()

    async def play(scenario: Scenario) -> None:
        async with desk() as made:
            await scenario(made)

    return lambda scenario: asyncio.run(play(scenario))


def serials(krl: MadeKrl) -> list[tuple[int, int]]:
    return [pair for section in Krl.parse(krl.krl).sections for pair in section.serials]


async def refuses(_krl: bytes) -> bool:
    return False


def test_an_empty_list_is_there_from_the_start(run: Run) -> None:
    """A missing one has sshd refuse every key, plain ones too (trust 6.1)."""

    async def scenario(desk: Desk) -> None:
        found = await desk.krls().current(NOW)
        assert (Krl.parse(found.krl).sections, found.version) == ((), NOW * 1000)

    run(scenario)


def test_all_processes_give_out_the_same_bytes_at_any_time(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        first, second = desk.krls(), desk.krls()
        made = await first.current(NOW)
        assert await second.current(NOW + 60) == made
        await desk.revoked()
        after = await second.current(NOW + 61)
        assert after.version > made.version
        assert await first.current(NOW + 62) == after

    run(scenario)


def test_both_that_notice_at_once_end_with_one_list(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        serial = await desk.revoked()
        found = await asyncio.gather(*(desk.krls().current(NOW + each) for each in range(3)))
        assert len({each.digest for each in found}) == 1
        assert serials(found[0]) == [(serial, serial)]

    run(scenario)


def test_what_is_revoked_stands_in_the_very_next_list(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        krls = desk.krls()
        before = await krls.current(NOW)
        serial = await desk.revoked()
        after = await krls.current(NOW)  # in the same second: the version grows all the same
        assert (serials(after), after.version) == ([(serial, serial)], before.version + 1)

    run(scenario)


def test_versions_never_go_back_though_a_clock_does(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        before = await desk.krls().current(NOW)
        await desk.revoked()
        assert (await desk.krls().current(NOW - 86400)).version == before.version + 1

    run(scenario)


def test_what_has_served_leaves_within_an_hour_and_nothing_new_is_no_new_list(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        krls, end = desk.krls(), NOW + 57600 + REVOKED_FOR
        await desk.revoked()
        listed = await krls.current(end - 1)
        assert await krls.current(end + CHECK_EVERY - 2) == listed
        gone = await krls.current(end + CHECK_EVERY - 1)
        assert serials(gone) == []
        assert await krls.current(end + 9 * CHECK_EVERY) == gone

    run(scenario)


def test_a_list_that_can_not_be_loaded_goes_to_nobody_and_the_last_one_stays(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(desk: Desk) -> None:
        with pytest.raises(Unavailable):
            await desk.krls(refuses).current(NOW)
        before = await desk.krls().current(NOW)
        serial = await desk.revoked()
        assert await desk.krls(refuses).current(NOW) == before
        assert "can't be loaded" in caplog.text
        assert serials(await desk.krls().current(NOW)) == [(serial, serial)]

    run(scenario)


def test_what_the_offline_root_has_revoked_has_a_section_of_its_own_whoever_made_the_list(run: Run) -> None:
    """A process with an older trust document may have made the one in the store (trust 8.5)."""
    key = PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key())

    async def scenario(desk: Desk) -> None:
        await desk.revoked()
        behind, said = desk.krls(), list[RevokedSerials]()
        ahead = Krls(desk.store, CertType.USER, parses, lambda: tuple(said))
        first = await behind.current(NOW)
        assert await ahead.current(NOW) == first
        said.append(RevokedSerials(key, ((7, 7), (9, 9))))
        second = await ahead.current(NOW)
        sections = Krl.parse(second.krl).sections
        assert (second.version > first.version, len(sections), sections[-1].ca_key) == (True, 2, key)
        assert sections[-1].serials == ((7, 7), (9, 9))
        assert await ahead.current(NOW) == second

    run(scenario)
