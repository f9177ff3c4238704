"""A table that a machine can't use stops nobody but itself, and one that no machine could use is refused before."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from daypass.assemble import usable
from daypass.assemble.later import AGAIN, Later
from daypass.assemble.ways import Around, Others
from daypass.config import Config, JwkSection, WorkloadSection, X5cSection, load
from daypass.errors import DaypassError, Misconfigured, Unavailable
from daypass.founding import Plan, found
from daypass.model import Credential, Secret
from daypass.provisioners.workload import WorkloadProvisioner
from tests.parts.clientcert import make_root
from tests.provisioners.desk import NOW, StillClock

SHORT = '{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}'
NO_ROOT = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "daypass.toml"
    found(Plan("Example", "https://ca.example.com", ("*.example.com",), file), now=1_800_000_000)
    return load(file)


@pytest.mark.parametrize(
    "tables",
    [{"jwk": [JwkSection(name="ops", key=SHORT, users=True)]}, {"x5c": [X5cSection(name="mesh", roots=[NO_ROOT])]}],
    ids=["jwk", "x5c"],
)
def test_a_key_that_is_none_is_never_published(config: Config, tables: dict[str, Any]) -> None:
    """Published, it would stop every sign-in at every process of the CA."""
    usable(config)
    with pytest.raises(Misconfigured):
        usable(replace(config, **tables))


def test_a_file_that_is_missing_stops_one_way_in_until_it_is_there(config: Config, tmp_path: Path) -> None:
    roots, clock = tmp_path / "roots.pem", StillClock()
    section = WorkloadSection(name="jobs", issuer="https://jobs.example.com", roots_file=str(roots))
    with asyncio.Runner() as runner:
        http = httpx2.AsyncClient()
        way = Later(section, lambda: WorkloadProvisioner(section, config, clock, http), clock)
        assert (way.name, way.type, way.recognises("e30.e30.e30")) == ("jobs", "oidc", False)
        with pytest.raises(Unavailable) as down:
            runner.run(way.authenticate(Credential(Secret("t"), ())))
        assert "jobs" in down.value.message and down.value.hint
        (finding,) = runner.run(way.test())
        assert not finding.ok and str(roots) in finding.what and finding.hint
        roots.write_text(make_root(NOW).pem)
        clock.ticks += AGAIN
        with pytest.raises(DaypassError) as refused:
            runner.run(way.authenticate(Credential(Secret("t"), ())))
        assert refused.value.code != "ways.machine"
        runner.run(http.aclose())


@pytest.mark.parametrize("change", [{"names": ["ca-2.example.com"]}, {"url": "https://ca-2.example.com"}])
def test_a_way_in_is_kept_until_its_table_or_the_name_that_tokens_are_made_for_changes(
    config: Config, tmp_path: Path, change: dict[str, Any]
) -> None:
    (tmp_path / "roots.pem").write_text(make_root(NOW).pem)
    section = WorkloadSection(name="jobs", issuer="https://jobs.example.com", roots_file=str(tmp_path / "roots.pem"))
    others, nothing, http = Others(), Any, httpx2.AsyncClient()

    def made(config: Config) -> Any:
        (way,) = others.made(Around(nothing, nothing, http, StillClock(), replace(config, workloads=[section])))  # type: ignore[arg-type]
        return way

    first = made(config)
    assert made(replace(config, roles=[])) is first
    other = made(replace(config, ca=replace(config.ca, **change)))
    assert other is not first
    asyncio.run(http.aclose())
