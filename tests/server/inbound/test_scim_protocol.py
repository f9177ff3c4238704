"""SCIM as its own judge sees it: scim2-tester, whole, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server
from tests.server.inbound.directory import Pushing, run_pushing


@pytest.fixture(scope="module")
def pushing() -> Iterator[Pushing]:
    with run_pushing() as found:
        yield found


def test_the_judge_of_scim_servers_finds_nothing_to_complain_of(pushing: Pushing) -> None:
    results = check_server(SyncSCIMClient(pushing.web))
    bad = [f"{each.title}: {each.reason}" for each in results if each.status in (Status.ERROR, Status.CRITICAL)]
    assert len(results) > 60
    assert bad == []
