"""Signing in by a conversation, in the terminal: what the heart asks of the stack behind it, and of the store.

A failure is counted before the stack hears the password, so that many at once are no more guesses than one by one.
Pauses belong to an account as tried from one place: a device that has signed in as that account before, else a
network. Over all places failures only make answers slow, and not for who comes from where that account has signed in
before: so nobody can lock out anybody else, be it from behind the same address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from daypass.model import Secret
from daypass.wire import PublicKey

__all__ = [
    "Account",
    "Asked",
    "Converses",
    "Counted",
    "FailureStore",
    "Prompt",
    "Talk",
    "network_key",
    "pause_after",
    "slow_after",
    "who_key",
]

FREE, FIRST, LONGEST = 3, 5, 900  # failures without a pause, the first pause and the longest, in seconds
SLOW_FROM, SLOWEST = 10, 5.0  # failures over all networks that are answered at once, and seconds at most
FORGET = 3600  # seconds after the last failure that they count no more


class Prompt(Struct, frozen=True):
    """What the stack asks or tells: `style` is secret, text (asked, shown as it is typed), info or error."""

    style: str
    text: str


class Asked(Struct, frozen=True):
    prompts: tuple[Prompt, ...]

    @property
    def wanted(self) -> int:
        """How many answers it takes."""
        return len(self.questions)

    @property
    def questions(self) -> tuple[str, ...]:
        return tuple(each.text for each in self.prompts if each.style in ("secret", "text"))


class Account(Struct, frozen=True):
    """Who it was, as the CA's machine knows them."""

    name: str
    uid: int
    groups: tuple[str, ...]


class Talk(Protocol):
    """One conversation under way, in a process of its own."""

    @property
    def over(self) -> bool:
        """By itself, too: its time has run out."""

    async def next(self, answers: Sequence[Secret] | None) -> Asked | Account:
        """`answers` to what was asked last, None to begin.

        Raises Unauthenticated (the stack says no), Denied (it knows them, and lets them in no more), Unavailable
        (nobody can say), and then it is over.
        """

    def end(self) -> None:
        """Whatever it does; once more changes nothing."""


@runtime_checkable
class Converses(Protocol):
    """A provisioner that people sign in at by a conversation."""

    @property
    def name(self) -> str: ...

    def talk(self, account: str, address: str) -> Talk: ...

    def token(self, account: Account, key: PublicKey, nonce: str) -> Secret:
        """What the caller shows at once to the route that they signed in for."""

    def device_token(self, account: str, device: str) -> Secret:
        """What a device shows the next time that this account signs in there."""

    def device(self, account: str, token: Secret) -> str:
        """Which device it was given to, for this account; empty for what is none."""


class Counted(Struct, frozen=True):
    """`until`: this account is asked from this place no sooner. `failures`: of the account, over all places.
    `known`: it has signed in from there before. `own`: its failures from this place."""

    until: int = 0
    failures: int = 0
    known: bool = False
    own: int = 0


class FailureStore(Protocol):
    """`who` and `network` (a device's place, too) are hashes. Rows are forgotten some time after the last event."""

    async def sign_in_failures(self, provider: str, who: str, network: str, now: int) -> Counted: ...

    async def charge_sign_in(self, provider: str, who: str, network: str, now: int) -> Counted:
        """One more failure, unless it is paused; as it was before."""

    async def refund_sign_in(self, provider: str, who: str, network: str, now: int) -> None:
        """It was none: nobody could say."""

    async def sign_in_worked(self, provider: str, who: str, network: str, now: int) -> None:
        """It was right: this network is known from now on, and its failures are over."""

    async def add_event(self, act: str, details: Mapping[str, object], *, actor: str, now: int) -> None:
        """An entry of the ledger."""


def pause_after(failures: int) -> int:
    """Seconds: none for the first, then growing by doubles."""
    return 0 if failures < FREE else min(LONGEST, FIRST << min(failures - FREE, 20))


def slow_after(failures: int) -> float:
    """Seconds that an account under attack is slow for those whom nobody knows."""
    return 0.0 if failures < SLOW_FROM else min(SLOWEST, 0.5 * 2.0 ** min(failures - SLOW_FROM, 10))


def who_key(provider: str, account: str) -> str:
    return _hash(f"{provider}\0{account}")


def network_key(provider: str, account: str, network: str) -> str:
    """Of this account alone: rows of several don't tell who shares a network."""
    return _hash(f"{provider}\0{account}\0{network}")


def _hash(text: str) -> str:
    return hashlib.sha256(b"daypass-failures-v1\0" + text.encode()).hexdigest()[:32]
