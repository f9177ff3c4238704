"""What a process of the CA says of its keys: at once when they change, and now and then that it is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from daypass.ca.clock import ClockGuard
from daypass.ca.presence import SAY_EVERY, Presence
from tests.ca.heart import Heart

Play = Callable[[Callable[[Heart], Awaitable[None]]], None]


def test_what_signs_is_said_once_a_minute_and_whenever_it_changes(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        going = [(1, {"user": "SHA256:a"})]
        presence = Presence(ca.store, ClockGuard(ca.clock), "ca-1:/trust.json", lambda: going[0])
        said = []
        for wait, version, key in (
            (0, 1, "a"),
            (0, 1, "a"),
            (SAY_EVERY, 1, "a"),
            (1, 1, "b"),
            (1, 2, "b"),
            (1, 2, "b"),
        ):
            ca.clock.ahead += wait
            going[0] = version, {"user": f"SHA256:{key}"}
            said.append(await presence.say())
        assert said == [True, False, True, True, True, False]
        (machine,) = await ca.store.machines()
        assert (machine.trust_version, machine.keys) == (2, {"user": "SHA256:b"})

    play(scenario)
