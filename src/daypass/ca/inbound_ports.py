"""What the heart asks of a provider's part about what that sends of its own accord: logout tokens and events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

__all__ = ["Deed", "Feed", "InboundStore", "LogoutToken", "Reader", "SecurityEvents", "Signal", "Subject", "Told"]


class LogoutToken(Struct, frozen=True, kw_only=True):
    """A verified one (Back-Channel Logout 1.0 section 2.4). `session` is its `sid`; one of the two is not empty."""

    issuer: str
    jti: str
    subject: str = ""  # as a person's identity has it
    session: str = ""


class Subject(Struct, frozen=True, kw_only=True):
    """Whom an event is about: by the first of these that is given. `session` narrows it to one sign-in, by the
    provider's name for that (`sid`)."""

    issuer: str
    subject: str = ""
    email: str = ""
    session: str = ""


class Deed(Struct, frozen=True):
    """What an event asks for. `ends`: certificates; `locks` and `opens`: the account."""

    ends: bool = False
    locks: bool = False
    opens: bool = False


class Signal(Struct, frozen=True, kw_only=True):
    """One event of a SET. `type` is the last part of its URI. No subjects: it names nobody in a form that is known.
    `at`: when it happened, in unix seconds, by the transmitter's clock."""

    type: str
    deed: Deed
    subjects: tuple[Subject, ...]
    at: float
    status: str = ""  # of the stream, where that is what changed


class SecurityEvents(Struct, frozen=True, kw_only=True):
    """A verified SET (RFC 8417)."""

    issuer: str
    jti: str
    signals: tuple[Signal, ...]


class Told(Struct, frozen=True):
    """What a poll brought (RFC 8936 section 2.3): SETs by jti, unverified."""

    sets: dict[str, str]
    more: bool = False


class Feed(Protocol):
    """A stream of events that is polled."""

    async def poll(self, done: Sequence[str], refused: dict[str, tuple[str, str]]) -> Told:
        """`done` are on record here; of the `refused` this is err and description (RFC 8935 section 2.4). Waits for
        events where the transmitter does. Raises Unavailable."""


class Reader(Protocol):
    """Verifies what one provider sends. Raises Unauthenticated, code `oidc.` and the check that failed; Unavailable
    without its keys."""

    async def logout(self, token: str) -> LogoutToken: ...

    async def events(self, token: str) -> SecurityEvents: ...

    @property
    def takes_logout(self) -> bool: ...

    @property
    def takes_events(self) -> bool: ...

    @property
    def feed(self) -> Feed | None: ...


class InboundStore(Protocol):
    """What events of providers are compared with."""

    async def signed_in(self, signin: str) -> bool:
        """Whether any certificate, live or not, is of this sign-in (`model.sign_in`)."""

    async def take_word(self, provider: str, person: int, at: float) -> bool:
        """Whether nothing later is known of what this provider said of the person's account; then this is the last
        word. The same again is, too."""
