"""Signing in on another device, at a page of the CA's own (trust 8.2).

The CA gets the public key first, with proof that it is ours; its page shows machine, address and the key's
fingerprint; the person types the code there and signs in. What the code is for is settled before anyone types it.
"""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable

from daypass.api import DEVICE_NAMESPACE, DeviceAnswer, DevicePoll, DeviceRequest
from daypass.client.signin.attempt import Attempt
from daypass.client.signin.polling import LONGEST_SECONDS, Polling
from daypass.client.signin.typed import Code
from daypass.errors import Unavailable
from daypass.wire import Certificate
from daypass.wire.binding import device_message

__all__ = ["MACHINE_CHARACTERS", "machine_name", "sign_in"]

MACHINE_CHARACTERS = 64


def sign_in(attempt: Attempt, show: Callable[[Code], None]) -> Certificate:
    """The whole sign-in. Raises Denied for a no, Unavailable where nobody signed in, or any of the error tree."""
    machine = machine_name()
    with attempt.progress.waiting(attempt.ca):
        started = attempt.remote.device_start(_request(attempt, machine))
    seconds = min(started.expires_in, LONGEST_SECONDS, attempt.sign_in_seconds or LONGEST_SECONDS)
    show(
        Code(
            page=started.page,
            code=started.user_code,
            minutes=max(1, round(seconds / 60)),
            machine=machine,
            fingerprint=attempt.subject.key.fingerprint,
        )
    )
    polling = Polling(attempt.ca, started.interval, attempt.say)
    answer = polling.until(_Question(attempt, started.device_code), seconds)
    if answer is None:
        raise Unavailable(
            "nobody signed in on the other device in time",
            code="sign-in-timeout",
            hint="run daypass login again for a new code",
        )
    return attempt.keep(answer.crt, answer.bundle)


def machine_name() -> str:
    """This machine as people know it, and who asks there: `alice@build-7`; printable, and cut."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as containers have
        user = "unknown"
    name = f"{user}@{socket.gethostname() or 'unknown'}"
    return "".join(each if each.isprintable() else "?" for each in name)[:MACHINE_CHARACTERS]


def _request(attempt: Attempt, machine: str) -> DeviceRequest:
    message = device_message(attempt.membership.ca_id, attempt.salt, machine)
    return DeviceRequest(
        public_key=attempt.subject.key.blob,
        salt=attempt.salt,
        proof=attempt.subject.prove(DEVICE_NAMESPACE, message).encode(),
        machine=machine,
        provider=attempt.provider.name,
        lifetime=attempt.lifetime,
        role=attempt.subject.role,
    )


class _Question:
    """Has somebody signed in? Says once that the code was typed."""

    def __init__(self, attempt: Attempt, device_code: str) -> None:
        self._attempt, self._poll = attempt, DevicePoll(device_code=device_code)
        self._seen = False

    def __call__(self) -> DeviceAnswer | None:
        answer = self._attempt.remote.device_poll(self._poll)
        if answer.state == "issued":
            return answer
        if answer.state == "seen" and not self._seen:
            self._seen = True
            self._attempt.say("the code was typed; waiting for the sign-in there")
        return None
