"""The main job once more, on PostgreSQL."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.parts.postgres import Postgres

from daypass.demo.company import company


def test_the_main_job_on_postgresql(postgres: Postgres) -> None:
    with tempfile.TemporaryDirectory(prefix="daypass-e2e-") as home:
        with company(Path(home), database=postgres.fresh_url()) as firm:
            firm.sign_in("alice")
            assert firm.ssh(firm.host, "whoami").stdout.strip() == firm.account
            firm.kill_ca()
            firm.start_ca()
            firm.sign_in("alice", "--force")
            assert firm.ssh(firm.host, "true").returncode == 0
            assert "entries" in firm.daypass("ledger", "verify", "--root", str(firm.ca_root)).stdout
        assert not list(Path(home).rglob("*.sqlite*"))
