"""A table that this machine can't use, for now: a file of its is missing or broken. The other ways in go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from daypass.ca.ports import Clock, Finding, Provisioner
from daypass.config import WaySection
from daypass.errors import DaypassError, Unavailable
from daypass.model import Credential, Proof

__all__ = ["Later"]

AGAIN = 5  # seconds until it is tried again
log = logging.getLogger("daypass.ca")


class Later:
    """Tried again whenever somebody comes, so that it heals once the machine is put right."""

    def __init__(self, section: WaySection, make: Callable[[], Provisioner], clock: Clock) -> None:
        self.name, self._make, self._clock = section.name, make, clock
        self.type = str(getattr(section, "type", type(section).__name__.removesuffix("Section").lower()))
        self._made: Provisioner | None = None
        self._next, self._error = float("-inf"), DaypassError("it was not tried yet")

    def recognises(self, token: str) -> bool:
        made = self._tried()
        return made is not None and made.recognises(token)

    async def authenticate(self, credential: Credential) -> Proof:
        """Raises Unavailable while it can't be made."""
        made = self._tried()
        if made is None:
            raise Unavailable(
                f'"{self.name}" can\'t be used on this machine of the CA right now',
                code="ways.machine",
                hint=f"operator: daypass ca provisioner test {self.name}",
                retry_after=AGAIN,
            )
        return await made.authenticate(credential)

    async def test(self) -> Sequence[Finding]:
        made = self._tried()
        if made is not None:
            return await made.test()
        return [Finding(ok=False, what=self._error.message, hint=self._error.hint or "look at the CA's log")]

    def _tried(self) -> Provisioner | None:
        if self._made is None and self._clock.monotonic() >= self._next:
            try:
                self._made = self._make()
            except DaypassError as error:
                if error.message != self._error.message:
                    log.warning("%s can't be used here: %s", self.name, error.message)
                self._error, self._next = error, self._clock.monotonic() + AGAIN
        return self._made
