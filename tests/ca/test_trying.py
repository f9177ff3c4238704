"""Every way in, tried from the operator's chair: whatever goes wrong in a test is a finding, never an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from daypass.ca.ports import Finding
from daypass.ca.trying import Tried, Trying, Way
from daypass.errors import NotFound, Unavailable
from daypass.model import Credential, Proof
from tests.ca.heart import heart
from tests.parts.op import DISCOVERY, DOWN, Op


class Broken:
    """A provisioner whose test does whatever `does` does."""

    name = type = "sshpop"

    def __init__(self, does: Callable[[], Awaitable[Any]]) -> None:
        self._does = does

    async def test(self) -> Sequence[Finding]:
        found: Sequence[Finding] = await self._does()
        return found

    def recognises(self, _token: str) -> bool:
        return False

    async def authenticate(self, _credential: Credential) -> Proof:
        raise AssertionError


async def unavailable() -> None:
    raise Unavailable("its backend is down", hint="start it")


async def hangs() -> None:
    await asyncio.Event().wait()


async def crashes() -> None:
    raise ZeroDivisionError("secret detail")


@pytest.mark.parametrize(
    ("does", "what", "hint"),
    [
        (unavailable, "its backend is down", "start it"),
        (hangs, "it gave no answer within 0.01 seconds", ""),
        (crashes, "the test itself failed", "the log of daypass ca serve says how"),
    ],
)
def test_whatever_goes_wrong_in_a_test_is_a_finding(
    op: Op, tmp_path: Path, does: Callable[[], Awaitable[Any]], what: str, hint: str
) -> None:
    async def main() -> Tried:
        async with heart(op, tmp_path / "ca.sqlite") as ca:
            return await Trying(ca.authority.force, Broken(does), patience=0.01).test("sshpop")

    tried = asyncio.run(main())
    assert not tried.ok
    assert list(tried.findings) == [Finding(ok=False, what=what, hint=hint)]


def test_every_way_in_is_listed_with_whom_it_serves(op: Op, tmp_path: Path) -> None:
    async def main() -> Sequence[Way]:
        async with heart(op, tmp_path / "ca.sqlite") as ca:
            return await ca.authority.trying.every()

    assert asyncio.run(main()) == [
        Way("join", "join", ("hosts",)),
        Way("idp", "oidc", ("people",), op.issuer),
        Way("sshpop", "sshpop", ("hosts",)),
    ]


def test_a_provider_that_is_down_is_told_and_the_others_stay_well(op: Op, tmp_path: Path) -> None:
    op.answers[DISCOVERY] = DOWN

    async def main() -> dict[str, bool]:
        async with heart(op, tmp_path / "ca.sqlite") as ca:
            return {name: (await ca.authority.trying.test(name)).ok for name in ("join", "idp", "sshpop")}

    assert asyncio.run(main()) == {"join": True, "idp": False, "sshpop": True}


def test_the_addresses_to_register_are_told_and_a_name_that_is_none_is_not_found(op: Op, tmp_path: Path) -> None:
    async def main() -> Tried:
        async with heart(op, tmp_path / "ca.sqlite") as ca:
            with pytest.raises(NotFound, match="no provisioner") as caught:
                await ca.authority.trying.test("\x1b[2J")
            assert caught.value.hint == "there is join, idp, sshpop" and "\x1b" not in caught.value.message
            return await ca.authority.trying.test("idp")

    tried = asyncio.run(main())
    assert tried.ok and "http://127.0.0.1/callback" in tried.register
