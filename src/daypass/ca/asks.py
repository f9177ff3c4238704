"""What a sign-in on another device is asked with, and what it is answered (trust 8.2)."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from daypass.model import Issued
from daypass.wire import PublicKey

__all__ = ["DeviceAsk", "DeviceAsked", "DeviceBegun", "DeviceDone", "DevicePolled", "Progress"]


class Progress(StrEnum):
    """What the machine that waits is told."""

    WAITING = "waiting"  # nobody has typed the code
    SEEN = "seen"  # somebody has
    ISSUED = "issued"


class DeviceAsk(Struct, frozen=True):
    """What a machine asks for. The caller has seen a proof that it holds `key` (wire's `device_message`).

    `provider` is empty where there is one; `lifetime` is in seconds, None for a day pass.
    """

    key: PublicKey
    salt: bytes
    machine: str
    provider: str = ""
    lifetime: int | None = None
    role: str = ""  # alone; empty: a day pass


class DeviceBegun(Struct, frozen=True):
    """`device_code` is secret and fetches the certificate; `user_code` is typed by the person. Times are seconds."""

    device_code: str
    user_code: str
    interval: int
    expires_in: int


class DevicePolled(Struct, frozen=True):
    state: Progress
    issued: Issued | None = None


class DeviceAsked(Struct, frozen=True):
    """What a person must see before they say yes. `machine` is the asking machine's own word: escape it.

    `fingerprint` is the key's (SHA256:…), `provider` the name of the host where they will sign in, `started_at` unix
    seconds.
    """

    machine: str
    address: str
    fingerprint: str
    provider: str
    lifetime: int | None
    started_at: int
    role: str = ""


class DeviceDone(Struct, frozen=True):
    """`valid_before`: unix seconds."""

    login: str
    valid_before: int
    machine: str
