"""What ties a cloud instance's document to its keys and this CA, where the cloud says what it is told (trust 5.4)."""

from __future__ import annotations

from collections.abc import Callable, Collection

from msgspec import Struct

from daypass.config import Config
from daypass.wire import PublicKey
from daypass.wire.clouddocs import challenge, challenge_expires, google_audience

__all__ = ["Challenge", "Challenges"]


class Challenge(Struct, frozen=True):
    """`nonce`: for Azure, good until `expires` (unix seconds); `audience`: for Google; `resources`: what a token of
    Azure's managed identity is to be made for, where one is wanted."""

    nonce: str
    expires: int
    audience: str
    resources: tuple[str, ...] = ()


class Challenges:
    """`secret` is the same in every process of the CA; `config` is what is in force."""

    def __init__(self, ca_id: bytes, secret: Callable[[], bytes], config: Callable[[], Config]) -> None:
        self._ca_id, self._secret, self._config = ca_id, secret, config

    def of(self, keys: Collection[PublicKey], now: float) -> Challenge:
        """Raises Misconfigured where the CA's secrets key can't be read."""
        clouds = self._config().clouds
        return Challenge(
            nonce=challenge(self._secret(), self._ca_id, keys, now),
            expires=challenge_expires(now),
            audience=google_audience(self._ca_id, keys),
            resources=tuple(dict.fromkeys(each.audience for each in clouds if each.audience)),
        )
