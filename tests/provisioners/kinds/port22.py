"""The port-22 proof: a name and a time, and whoever answers at that name. Who answers with which key is a table here;
that ssh finds it out, test_hostproof.py shows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count

from tests.provisioners.desk import StillClock
from tests.provisioners.kinds import CA_ID, Desk, Made

from daypass.ca.ports import HostRecord
from daypass.config import Port22Section
from daypass.errors import Unauthenticated
from daypass.model import Credential, Secret
from daypass.provisioners.port22 import LEEWAY, MAX_AGE, Port22Provisioner
from daypass.wire import PublicKey
from daypass.wire.nametoken import NameToken

__all__ = ["SECTION", "open_desk"]

SECTION = Port22Section(name="scan", hosts=["old-*.example.com"], networks=["10.0.0.0/8"])


@contextmanager
def open_desk(runner: asyncio.Runner) -> Iterator[Desk]:
    clock, answering, turn = StillClock(), dict[str, PublicKey](), count()

    async def prove(
        where: str, keys: Sequence[PublicKey], networks: Sequence[str], *, port: int, caller: str
    ) -> None:
        assert networks == SECTION.networks and port == SECTION.port
        if any(answering.get(where) != key for key in keys):
            raise Unauthenticated("another key", code="port22.key")

    async def lookup(name: str) -> HostRecord | None:
        return None

    def make(made: Made) -> Credential:
        name = f"old-{next(turn)}.example.com"
        if made.known:
            answering[name] = made.key
        word = NameToken(int(made.at), name).encode()
        return Credential(Secret(word), (made.key,), act=made.act or b"enrol", possessed=True)

    def fits(name: str) -> bool:
        return name.startswith("old-") and name.endswith(".example.com")

    yield Desk(
        provisioner=Port22Provisioner(SECTION, CA_ID, fits, lookup, clock, prove),
        clock=clock,
        runner=runner,
        make=make,
        life=MAX_AGE,
        early=LEEWAY,
        routes=("enrol", "agent-enrol"),
        unbound=("ca",),  # the keys' signatures over it are for one CA; the server has looked at them by then
        tampered=_others,
        secrets=lambda _: (),  # it says what everybody may know
    )


def _others(token: str) -> Iterator[str]:
    """Other names, and other forms. A time near this one is another word, which the keys have not signed."""
    asked = NameToken.decode(token)
    yield NameToken(asked.time, f"old-x{asked.name}").encode()
    yield NameToken(asked.time, f"{asked.name}.example.com").encode()
    yield from (token[:-1], f"{token}A", f"{token}.", f" {token}", f"{token}\n", token[5:], token.upper())
