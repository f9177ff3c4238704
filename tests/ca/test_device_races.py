"""Sign-ins on another device: two processes, two tabs, browsers that hang up; and what must not be written down."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from daypass.ca import codes
from daypass.ca.device import Devices, Progress
from daypass.config import ProviderSection
from daypass.errors import (
    Conflict,
    Denied,
    Unauthenticated,
)
from daypass.store import SqlStore, open_store
from daypass.wire.binding import login_nonce
from tests.ca.elsewhere import (
    Browser,
    begun,
    refused,
    until,
)
from tests.ca.heart import CA_ID, Heart, MovingClock, heart
from tests.parts.op import Answer, Op

Play = Callable[..., None]
TOKEN = "/token"


NONCE_OF_ANOTHER = "dp1.another"


# -- races ----------------------------------------------------------------------------------------------------


class Processes:
    """A second CA process: other `Devices`, on a store of its own, over the same database."""

    def __init__(self, first: Heart, store: SqlStore, devices: Devices) -> None:
        self.first, self.store, self.devices = first, store, devices


def in_two_processes(op: Op, database: str, scenario: Callable[[Heart, Heart], Awaitable[None]]) -> None:
    async def go() -> None:
        clock = MovingClock()
        async with heart(op, database, clock=clock) as one:
            store = open_store(database)
            other = Devices(one.authority.issue, store, clock, one.authority.force, ca_id=CA_ID)
            two = Heart(one.authority, store, op, clock, one.settings, other)
            try:
                await scenario(one, two)
            finally:
                await store.close()

    asyncio.run(go())


def test_every_step_may_go_to_another_process(op: Op, database: str) -> None:
    async def scenario(one: Heart, two: Heart) -> None:
        terminal, browser = await begun(one), Browser(two.devices)
        await browser.type(terminal)
        browser.devices = one.devices
        fields = await browser.allow(terminal)
        browser.devices = two.devices
        await browser.come_back(**fields)
        assert (await terminal.poll(one.devices)) == (await terminal.poll(two.devices))

    in_two_processes(op, database, scenario)


def test_of_answers_that_come_at_once_one_is_dealt_with(op: Op, database: str) -> None:
    """Two tabs, a page loaded again, two processes: one code redeemed, one certificate."""

    async def scenario(one: Heart, two: Heart) -> None:
        terminal, browser = await begun(one), Browser(one.devices)
        fields = await browser.allow(terminal)
        tabs = [Browser(ca.devices, browser.secret).come_back(**fields) for ca in (one, two, one, two)]
        answers = await asyncio.gather(*tabs, return_exceptions=True)
        assert all(
            isinstance(each, Conflict) and each.code == "device.busy"
            for each in answers
            if isinstance(each, Exception)
        )
        assert sum(not isinstance(each, Exception) for each in answers) >= 1
        assert op.hits[TOKEN] == 1
        assert (await one.acts()).count("device.issue") == (await one.acts()).count("certificate.issue") == 1
        assert (await terminal.poll()).state is Progress.ISSUED

    in_two_processes(op, database, scenario)


def test_of_a_yes_and_a_no_at_once_the_no_holds_or_came_too_late(op: Op, database: str) -> None:
    async def scenario(one: Heart, two: Heart) -> None:
        terminal, browser = await begun(one), Browser(one.devices)
        fields = await browser.allow(terminal)
        tab = Browser(two.devices, browser.secret)
        came, said = await asyncio.gather(browser.come_back(**fields), tab.say(yes=False), return_exceptions=True)
        assert isinstance(came, Exception) != isinstance(said, Exception)
        issued = (await one.acts()).count("certificate.issue")
        if said == "":
            assert issued == 0
            await refused(Denied, terminal.poll(), "device.denied")
        else:
            assert issued == 1 and (await terminal.poll()).state is Progress.ISSUED

    in_two_processes(op, database, scenario)


def test_a_browser_that_hangs_up_undoes_nothing(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        terminal, browser = await begun(ca), Browser(ca.devices)
        fields = await browser.allow(terminal)
        ca.op.answers[TOKEN] = Answer(seconds=0.2)
        coming = asyncio.create_task(browser.come_back(**fields))
        await until(lambda: ca.op.hits[TOKEN])
        coming.cancel()
        for _ in range(100):
            polled = await terminal.poll()
            if polled.state is Progress.ISSUED:
                break
            await asyncio.sleep(0.05)
        assert polled.issued is not None

    play(scenario)


# -- secrets --------------------------------------------------------------------------------------------------


def test_no_secret_is_in_any_log_or_row(op: Op, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Device code, user code, browser secret, state, verifier, code, ID token, client secret; also where it fails."""
    caplog.set_level(logging.DEBUG)
    section = ProviderSection(
        name="idp",
        issuer=op.issuer,
        client_id="laptops",
        web_client_id="daypass",
        web_client_secret="hunter2-hunter2",
    )
    secrets = {"hunter2-hunter2"}

    async def scenario(ca: Heart, salt: bytes, nonce: str | None) -> None:
        terminal, browser = await begun(ca, salt=salt), Browser(ca.devices)
        fields = await browser.allow(terminal)
        token = ca.op.mint(nonce=nonce or login_nonce(CA_ID, terminal.key.blob, b"login", salt))
        ca.op.answers[TOKEN] = Answer(body=json.dumps({"id_token": token}).encode())
        with contextlib.suppress(Unauthenticated):
            await browser.come_back(**fields)
        with contextlib.suppress(Denied):
            await terminal.poll()
        sent, code = ca.op.asked[TOKEN][-1], terminal.begun.user_code
        secrets.update({terminal.begun.device_code, code, code.replace("-", ""), browser.secret, browser.state})
        secrets.update({sent.form["code_verifier"], sent.form["code"], sent.headers["authorization"].split()[1]})
        secrets.update({token, token.rpartition(".")[2]})

    async def go() -> None:
        async with heart(op, tmp_path / "ca.sqlite", providers=[section]) as ca:
            await scenario(ca, b"s" * 32, None)
            await scenario(ca, b"t" * 32, NONCE_OF_ANOTHER)
            assert {"device.issue"} < set(await ca.acts())
            caplog.records.extend(_rows(tmp_path))

    asyncio.run(go())
    said = "\n".join(f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records)
    assert TOKEN in said and "alice@build-7" in said, "this sees nothing"
    assert len(secrets) == 20
    for secret in secrets:
        assert secret not in said


def _rows(folder: Path) -> list[logging.LogRecord]:
    """What lies in the database's files while it is open, as if it had been logged."""
    files = [path.read_bytes().decode("latin-1") for path in folder.glob("ca.sqlite*")]
    return [logging.LogRecord("rows", 0, "", 0, text.replace("%", ""), None, None) for text in files]


def test_what_is_made_of_a_secret_gives_nothing_else_away() -> None:
    """The state goes through the provider's address; the verifier must not be read off it, nor a code looked up."""
    one = codes.Browser("x")
    made = [one.hash, one.state, one.verifier, one.challenge, codes.user_hash("x"), codes.device_hash("x")]
    assert len(set(made)) == 6 and hashlib.sha256(b"x").digest() not in made
