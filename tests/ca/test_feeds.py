"""Streams that are polled (RFC 8936): on record before they are acknowledged, and asked again after every trouble."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daypass.ca.feeds import Feeds
from daypass.ca.inbound_ports import Feed
from daypass.config import ProviderSection, SignalsSection
from daypass.errors import Unavailable
from tests.ca.heart import Heart
from tests.ca.test_inbound import holds, signed_in
from tests.parts.op import Op
from tests.parts.transmitter import CAEP, Transmitter, run_transmitter
from tests.provisioners.test_events import alice

Play = Callable[..., None]
REVOKED = f"{CAEP}session-revoked"


@pytest.fixture
def transmitter() -> Iterator[Transmitter]:
    with run_transmitter() as running:
        yield running


@pytest.fixture
def provider(op: Op, transmitter: Transmitter, tmp_path: Path) -> dict[str, object]:
    bearer = tmp_path / "bearer"
    bearer.write_text(f"{transmitter.bearer}\n")
    signals = SignalsSection(
        audience=transmitter.audience, issuer=transmitter.issuer, poll_url=f"{transmitter.issuer}/poll",
        poll_token_file=str(bearer),
    )  # fmt: skip
    section = ProviderSection(name="idp", issuer=op.issuer, client_id=op.client_id, max_age="", signals=signals)
    return {"providers": [section]}


def feed(heart: Heart) -> Feed:
    found = heart.authority.inbound.readers()["idp"].feed
    assert found is not None
    return found


def test_what_is_on_record_is_acknowledged_and_what_is_no_event_refused(
    play: Play, provider: dict[str, object], transmitter: Transmitter
) -> None:
    async def scenario(heart: Heart) -> None:
        mine = await signed_in(heart)
        good = transmitter.queue(REVOKED, sub_id=alice(heart.op))
        bad = transmitter.queue(REVOKED, sub_id=alice(heart.op), aud="somebody else")
        feeds = Feeds(heart.authority.inbound)
        answers, pause = await feeds.turn("idp", feed(heart))
        assert await holds(heart, mine) == [False]
        assert (transmitter.acknowledged, pause) == ([], 0.0)
        await feeds.turn("idp", feed(heart), answers)
        assert transmitter.acknowledged == [good]
        assert transmitter.refused[bad]["err"] == "invalid_audience"
        assert not transmitter.waiting
        assert transmitter.asked[-1]["returnImmediately"] is False

    play(scenario, **provider)


def test_what_can_not_be_recorded_now_is_not_acknowledged_and_comes_again(
    play: Play, provider: dict[str, object], transmitter: Transmitter
) -> None:
    async def scenario(heart: Heart) -> None:
        mine, inbound = await signed_in(heart), heart.authority.inbound
        jti = transmitter.queue(REVOKED, sub_id=alice(heart.op))
        feeds = Feeds(inbound)
        heart.clock.ahead = 1000  # the clock was moved: nothing is recorded
        answers, _ = await feeds.turn("idp", feed(heart))
        assert await holds(heart, mine) == [True]
        heart.clock.ahead = 0
        answers, _ = await feeds.turn("idp", feed(heart), answers)
        assert await holds(heart, mine) == [False]
        assert jti in transmitter.waiting
        await feeds.turn("idp", feed(heart), answers)
        assert jti not in transmitter.waiting

    play(scenario, **provider)


def test_two_processes_that_poll_the_same_stream_make_one_ending(
    play: Play, provider: dict[str, object], transmitter: Transmitter
) -> None:
    async def scenario(heart: Heart) -> None:
        await signed_in(heart)
        transmitter.queue(REVOKED, sub_id=alice(heart.op))
        both = [Feeds(heart.authority.inbound).turn("idp", feed(heart)) for _ in range(2)]
        await asyncio.gather(*both)
        assert len(await heart.store.endings(0, 10)) == 1

    play(scenario, **provider)


@pytest.mark.parametrize("trouble", ["down", "another bearer", "no bearer", "more than a bearer"])
def test_trouble_is_told_without_the_bearer(
    play: Play, provider: dict[str, object], transmitter: Transmitter, tmp_path: Path, trouble: str
) -> None:
    async def scenario(heart: Heart) -> None:
        if trouble == "down":
            transmitter.down = True
        elif trouble == "another bearer":
            transmitter.bearer = "replaced"
        else:
            (tmp_path / "bearer").write_text("" if trouble == "no bearer" else "let-me-poll\r\nX-More: 1")
        with pytest.raises(Unavailable) as error:
            await Feeds(heart.authority.inbound).turn("idp", feed(heart))
        assert "let-me-poll" not in error.value.message

    play(scenario, **provider)


def test_the_process_follows_every_stream_until_the_configuration_has_it_no_more(
    play: Play, provider: dict[str, object], transmitter: Transmitter, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(heart: Heart) -> None:
        mine = await signed_in(heart)
        transmitter.queue(REVOKED, sub_id=alice(heart.op))
        feeds = Feeds(heart.authority.inbound)
        watching = asyncio.create_task(feeds.watch())
        async with asyncio.timeout(60):
            while await holds(heart, mine) != [False] or transmitter.waiting:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await heart.publish(providers=[], roles=[])
        await heart.authority.force.look()
        async with asyncio.timeout(60):
            while feeds.following:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        watching.cancel()

    with caplog.at_level(logging.DEBUG):
        play(scenario, **provider)
    assert "let-me-poll" not in caplog.text
