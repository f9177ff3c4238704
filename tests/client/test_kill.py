"""kill -9 at any write of a login: ssh goes on working, and the next login leaves one identity and one pass."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from itertools import count

from daypass.client import sshsetup
from daypass.client.login import Login
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.wire import Certificate

HOST = "web-1.corp.test"
FILES = 4  # at least: valid, pass.conf, certificate, agent; each is synced, and its folder once it is in place


def killed_at(login: Login, number: int) -> bool:
    """Log in, in a process that kills itself when it syncs for the `number`th time; false where that never came."""
    child = os.fork()
    if child == 0:
        try:
            _die_at(number)
            login.run()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _die_at(number: int) -> None:
    real, calls = os.fsync, count(1)

    def fsync(descriptor: int) -> None:
        real(descriptor)
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = fsync  # type: ignore[assignment]


def test_a_login_that_is_killed_leaves_nothing_that_the_next_does_not_mend(
    sign_in: Callable[..., Login], settings: Settings, joined: Membership
) -> None:
    sshsetup.apply(settings, sshsetup.plan(settings))
    sign_in().run()
    command = ["ssh", "-T", "-F", str(settings.ssh_folder / "config"), "-G", HOST]
    number = 1
    while killed_at(sign_in(), number):
        assert subprocess.run(command, capture_output=True, check=True).stderr == b"", number
        held = sign_in().run()
        assert [each.blob for each in held.agent.identities()] == [held.certificate.encode()], number
        assert Certificate.from_line(joined.context.certificate.read_text()) == held.certificate, number
        assert sign_in().held() == held, number
        number += 1
    assert number > 2 * FILES
