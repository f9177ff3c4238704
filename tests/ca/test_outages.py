"""A provider that is down keeps nobody else out, is told as such, and needs no restart once it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from daypass.ca.trying import Tried
from daypass.config import ProviderSection
from daypass.errors import Unauthenticated, Unavailable
from daypass.provisioners.discovery import PAUSE
from tests.ca.heart import ENGINEERS, Heart, heart, new_key
from tests.parts.op import DISCOVERY, DOWN, JWKS, Answer, Op, run_op


@pytest.fixture
def second() -> Iterator[Op]:
    with run_op() as op:
        yield op


def both(op: Op, second: Op) -> dict[str, Any]:
    providers = [
        ProviderSection(name=name, issuer=each.issuer, client_id=each.client_id, max_age="")
        for name, each in (("one", op), ("two", second))
    ]
    roles = [replace(ENGINEERS, name=f"engineers-{name}", provider=name) for name in ("one", "two")]
    return {"providers": providers, "roles": roles}


async def at(ca: Heart, op: Op, login: str) -> str:
    """The login of whoever signs in there."""
    ca.op = op
    issuance, _ = await ca.sign_in(sub=f"{login}-1", email=f"{login}@example.com")
    return issuance.login


@pytest.mark.parametrize("answer", [DOWN, Answer(status=503, body=b"")])
def test_a_provider_that_is_down_at_start_keeps_nobody_else_out_and_heals(
    op: Op, second: Op, tmp_path: Path, answer: Answer
) -> None:
    op.answers[DISCOVERY] = answer

    async def main() -> None:
        async with heart(op, tmp_path / "ca.sqlite", **both(op, second)) as ca:
            for _ in range(2):
                with pytest.raises(Unavailable) as down:
                    await at(ca, op, "alice")
                assert ('"one"' in down.value.message, down.value.code) == (True, "oidc.provider")
                assert down.value.retry_after and down.value.hint
                assert await at(ca, second, "bob") == "bob"
            assert (await ca.enrol(await ca.join_token(), new_key())).host is not None
            op.answers.clear()
            ca.clock.later += PAUSE
            assert await at(ca, op, "alice") == "alice"

    asyncio.run(main())


def test_one_that_goes_down_in_the_middle_serves_by_the_keys_it_has_left(op: Op, second: Op, tmp_path: Path) -> None:
    async def main() -> None:
        async with heart(op, tmp_path / "ca.sqlite", **both(op, second)) as ca:
            assert await at(ca, op, "alice") == "alice"
            op.answers |= {DISCOVERY: DOWN, JWKS: DOWN}
            assert await at(ca, op, "anna") == "anna"
            tried: Tried = await ca.authority.trying.test("one")
            assert not tried.ok and (await ca.authority.trying.test("two")).ok
            op.rotate()  # and nobody can know its new key
            with pytest.raises(Unauthenticated, match="does not publish"):
                await at(ca, op, "alex")
            op.answers.clear()
            ca.clock.later += PAUSE
            assert await at(ca, op, "alex") == "alex"
            assert (await ca.authority.trying.test("one")).ok

    asyncio.run(main())
