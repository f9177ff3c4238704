"""The word on the desktop: said once, shortly before the end, and not for a pass that is gone. The shell is real."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daypass.client.logout import logout
from daypass.client.settings import Settings
from daypass.client.signin import notify
from daypass.client.signin.login import Login
from daypass.client.trust import Membership
from daypass.wire import Certificate
from tests.client.laptop import shells_that_wait
from tests.client.mini_ca import MiniCa
from tests.parts.needs import need
from tests.parts.processes import wait_until

SignIn = Callable[..., Login]


@pytest.fixture
def desktop(tmp_path: Path) -> Path:
    """A PATH with a notify-send that writes down what it is given."""
    folder = tmp_path / "desktop"
    folder.mkdir()
    told, program = folder / "told", folder / "notify-send"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >>'{told}'\n")
    program.chmod(0o755)
    return folder


def told(desktop: Path) -> list[str]:
    return (desktop / "told").read_text().splitlines() if (desktop / "told").exists() else []


def waiting(member: Membership) -> list[list[str]]:
    """Arguments of every shell that waits for this company's pass to end."""
    return list(shells_that_wait(member.context.certificate).values())


@pytest.fixture
def started(
    sign_in: SignIn, company: MiniCa, joined: Membership, desktop: Path
) -> Iterator[Callable[[int], Certificate]]:
    """A pass that ends in so many seconds, and the shell that waits for its last eighth."""

    def start(seconds: int) -> Certificate:
        company.lifetime = seconds
        certificate = sign_in(force=True).run().certificate
        which = {"notify-send": str(desktop / "notify-send")}.get
        assert notify.start(joined.context, certificate, {"PATH": "/usr/bin:/bin"}, which=which, every="0.05")
        return certificate

    yield start
    joined.context.certificate.unlink(missing_ok=True)
    wait_until(lambda: not waiting(joined), "the shells to end")


def test_the_desktop_is_told_shortly_before_the_end(
    started: Callable[[int], Certificate], joined: Membership, desktop: Path
) -> None:
    started(9)  # with the minute before its start, the last eighth has begun: it is told at once
    wait_until(lambda: bool(told(desktop)), "being told")
    wait_until(lambda: not waiting(joined), "the shell to end")
    app, title, text = told(desktop)
    assert (app, title) == ("--app-name=daypass", "daypass")
    assert f"Your day pass for {joined.context.name} ends" in text and "daypass login" in text


def test_while_there_is_time_nobody_is_told(
    started: Callable[[int], Certificate], joined: Membership, desktop: Path
) -> None:
    started(3600)
    time.sleep(0.3)
    assert not told(desktop) and len(waiting(joined)) == 1  # after several looks


def test_a_pass_that_was_given_up_is_not_told_of(
    started: Callable[[int], Certificate], joined: Membership, settings: Settings, desktop: Path
) -> None:
    started(3600)
    logout(settings)
    wait_until(lambda: not waiting(joined), "the shell to end")
    assert not told(desktop)


def test_a_pass_that_was_replaced_leaves_one_shell_for_the_new_one(
    started: Callable[[int], Certificate], joined: Membership, desktop: Path
) -> None:
    for _ in range(3):
        last = started(3600)
    wait_until(lambda: len(waiting(joined)) == 1, "the other shells to end")
    assert str(notify.when(last)) in waiting(joined)[0]
    assert not told(desktop)


def test_nothing_secret_stands_in_its_arguments(started: Callable[[int], Certificate], joined: Membership) -> None:
    certificate = started(3600)
    wait_until(lambda: len(waiting(joined)) == 1, "the shell to have its arguments")  # a moment after its exec
    (arguments,) = waiting(joined)
    rest = arguments[arguments.index("daypass-notify") + 1 :]
    assert rest[:3] == [str(joined.context.certificate), str(notify.when(certificate)), "0.05"]
    assert [Path(each).name for each in rest[3:6]] == ["notify-send", "--app-name=daypass", "daypass"]
    assert len([each for each in rest if each]) == 7


def test_a_desktop_that_can_tell_nobody_anything_starts_nothing(sign_in: SignIn, joined: Membership) -> None:
    certificate = sign_in().run().certificate
    assert not notify.start(joined.context, certificate, {}, which=lambda _: None)
    assert not waiting(joined)


def test_on_a_mac_the_text_is_an_argument_and_no_script() -> None:
    hostile = 'x" & (do shell script "id") & "'
    command = notify._command(hostile, {"osascript": "/usr/bin/osascript"}.get)
    assert command[0] == "/usr/bin/osascript" and command[-1] == hostile
    assert not any("shell script" in each for each in command[:-1])


@pytest.mark.parametrize(("hours", "minutes"), [(16, 30), (8, 30), (4, 30), (2, 15), (0.5, 3.75)])
def test_it_is_said_half_an_hour_before_the_end_or_in_the_last_eighth(
    hours: float, minutes: float, sign_in: SignIn, company: MiniCa
) -> None:
    company.lifetime = int(hours * 3600) - 60
    certificate = sign_in().run().certificate
    assert certificate.valid_before - notify.when(certificate) == minutes * 60


def test_the_script_is_one_that_every_shell_understands() -> None:
    subprocess.run([need("shellcheck"), "-s", "sh", "-"], input=notify._SCRIPT, text=True, check=True)
