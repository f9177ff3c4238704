"""A join token: a word of the operator's, bound to nothing but the host it was made for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.provisioners.desk import StillClock
from tests.provisioners.kinds import CA_ID, CA_URL, Desk, Made

from daypass.ca.token_ports import JoinToken
from daypass.model import Credential, HostFacts, Secret
from daypass.provisioners.join import JoinTokenProvisioner, secret_hash
from daypass.wire.jointoken import JoinTokenText

__all__ = ["open_desk"]

LIFE = 600


@contextmanager
def open_desk(runner: asyncio.Runner) -> Iterator[Desk]:
    tokens, clock = dict[str, JoinToken](), StillClock()

    async def lookup(token_id: str) -> JoinToken | None:
        return tokens.get(token_id)

    def make(made: Made) -> Credential:
        text = JoinTokenText(CA_URL, "ab" * 32, os.urandom(8).hex(), os.urandom(16).hex() + "s" * 11)
        if made.known:
            tokens[text.id] = _on_record(text, int(made.at))
        return Credential(Secret(text.encode()), (made.key,), act=made.act or b"enrol", possessed=True)

    yield Desk(
        provisioner=JoinTokenProvisioner(CA_ID, lookup, clock),
        clock=clock,
        runner=runner,
        make=make,
        life=LIFE,
        early=None,
        routes=("enrol", "agent-enrol"),
        unbound=("key", "ca", "act"),
        tampered=_others,
    )


def _on_record(text: JoinTokenText, at: int) -> JoinToken:
    facts = HostFacts(f"h{text.id}.example.com")
    return JoinToken(text.id, secret_hash(text.secret), facts, created_by="root", expires_at=at + LIFE)


def _others(token: str) -> Iterator[str]:
    """Where the CA is said to be is the host's to believe; id and secret are what counts here."""
    text = JoinTokenText.decode(token)
    for changed in ({"id": _flip(text.id)}, {"secret": _flip(text.secret)}, {"secret": "t" * 43}):
        yield JoinTokenText(**{**_members(text), **changed}).encode()
    yield from (token[:-1], f"{token}A", f"{token}=", f" {token}", token[1:])


def _members(text: JoinTokenText) -> dict[str, str]:
    return {name: getattr(text, name) for name in ("url", "fingerprint", "id", "secret")}


def _flip(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")
