"""What rotation asks: which keys every machine of the CA goes by, and which certificates a key has signed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from tests.store.build import CA_KEY, NOW, certificate, host_recording, recording
from tests.store.ends import revoke

from daypass.ca.rotation_ports import Machine
from daypass.model import HostFacts
from daypass.store import SqlStore
from daypass.wire import CertType

Run = Callable[[Callable[[SqlStore], Coroutine[Any, Any, None]]], None]
KEYS = {"user": "SHA256:u", "host": "SHA256:h", "bundle": "SHA256:b", "tls": "ab" * 32}


def test_a_machine_goes_by_a_trust_document_since_it_first_said_so(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        for version, now in ((1, NOW), (1, NOW + 60), (2, NOW + 120), (2, NOW + 180)):
            await store.machine_seen("ca-1:/etc/daypass/trust.json", version, KEYS, now)
        await store.machine_seen("ca-0:/trust.json", 1, KEYS, NOW)
        assert await store.machines() == [
            Machine("ca-0:/trust.json", 1, KEYS, NOW, NOW),
            Machine("ca-1:/etc/daypass/trust.json", 2, KEYS, NOW + 120, NOW + 180),
        ]

    run(scenario)


def test_a_machine_that_was_taken_down_is_forgotten_after_a_month(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.machine_seen("old", 1, KEYS, NOW)
        for days, known in ((30, ["new", "old"]), (31, ["new"])):
            await store.machine_seen("new", 1, KEYS, NOW + days * 86400)
            assert [each.name for each in await store.machines()] == known

    run(scenario)


def test_a_key_s_live_certificates_are_named_by_host_and_by_login(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        ended, held, revoked = (certificate(valid_before=NOW + each) for each in (10, 500, 600))
        await store.record(recording("alice", certificates=[ended, held, revoked]))
        await revoke(store, [revoked.serial], reason="lost", actor="root", now=NOW)
        await store.record(host_recording(HostFacts("web-1.example.com"), valid_before=NOW + 900))
        for kind, named in ((CertType.USER, ("alice", NOW + 500)), (CertType.HOST, ("web-1.example.com", NOW + 900))):
            (found,) = await store.live_certificates(kind, NOW + 10)
            assert (found.name, found.valid_before) == named
            assert (found.ca_key, found.recorded_at) == (CA_KEY.fingerprint, NOW)

    run(scenario)
