"""kill -9 at any write of a login: ssh goes on working, and the next login leaves one identity and one pass."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from daypass.client.openssh import sshsetup
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership
from daypass.wire import Certificate
from tests.parts.kill import killed_at

HOST = "web-1.corp.test"
FILES = 4  # at least: valid, pass.conf, certificate, agent; each is synced, and its folder once it is in place


def test_a_login_that_is_killed_leaves_nothing_that_the_next_does_not_mend(
    sign_in: Callable[..., Login], settings: Settings, joined: Membership
) -> None:
    sshsetup.apply(settings, sshsetup.plan(settings))
    sign_in().run()
    command = ["ssh", "-T", "-F", str(settings.ssh_folder / "config"), "-G", HOST]
    number = 1
    while killed_at(number, sign_in().run):
        assert subprocess.run(command, capture_output=True, check=True).stderr == b"", number
        held = sign_in().run()
        assert [each.blob for each in held.agent.identities()] == [held.certificate.encode()], number
        assert Certificate.from_line(joined.context.certificate.read_text()) == held.certificate, number
        assert sign_in().held() == held, number
        number += 1
    assert number > 2 * FILES
