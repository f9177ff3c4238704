"""The sign-in that plain ssh starts: one at a time, within bounds, and whatever comes of it, ssh goes on.

The person is asked on the terminal or in the browser, never on ssh's stdout and before ssh connects to anything.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from daypass.client import contexts, holding, marker
from daypass.client.glance import login_name
from daypass.client.openssh import autologin, waiting
from daypass.client.openssh.sshline import Ssh
from daypass.client.openssh.waiting import Failure
from daypass.client.settings import Context, MachineDefaults, Settings
from daypass.client.signin.browser import open_in_browser
from daypass.client.signin.login import Login, until
from daypass.client.signin.typed import Code, say_code
from daypass.errors import DaypassError
from daypass.model import parse_duration

__all__ = ["SshSignIn"]

_PATIENCE = 5.0  # seconds for each step over the network: ssh waits
_REACH_SECONDS = 10.0  # until the person is asked, whatever the network does
_SIGN_IN_SECONDS = 120.0
_LONGEST_SECONDS = _SIGN_IN_SECONDS + 30.0  # with what is to be done once they have answered


@dataclass(frozen=True, slots=True)
class SshSignIn:
    """For one connection. `say` reaches the person's terminal, `warn` whoever reads ssh's stderr; one line a call."""

    settings: Settings
    ssh: Ssh
    at_terminal: bool
    has_browser: bool
    say: Callable[[str], None]
    warn: Callable[[str], None]
    began: float = field(default_factory=time.time)

    def run(self) -> bool:
        """Whether there is a pass now. Says in one line why not."""
        context, defaults = self.settings.current(), self.settings.machine_defaults()
        if context is None or not defaults.auto_login or not self.ssh.wants_pass():
            return False
        try:
            with waiting.alone(context, _LONGEST_SECONDS, lambda: self._is_signed_in(context), self._wait) as done:
                return done or self._has_pass(context) or self._take_turn(context, defaults)
        except DaypassError as error:  # nothing could be written, or somebody takes very long
            self._explain(context, error.message)
            return False

    def _wait(self) -> None:
        self.say("waiting for the sign-in that another ssh has started")

    def _is_signed_in(self, context: Context) -> bool:
        """At a glance, for those who wait: the marker is written last."""
        return marker.is_ahead(str(context.folder), time.time()) and self._has_pass(context)

    def _has_pass(self, context: Context) -> bool:
        return autologin.has_pass(str(context.folder), self.settings.environ)

    def _take_turn(self, context: Context, defaults: MachineDefaults) -> bool:
        """Alone now: those before us may have failed, and then the same is not tried again behind them."""
        failure = waiting.last(context)
        since = min(self.ssh.started, self.began)
        if failure and (
            failure.when >= self.began or failure.stands(self.began, at_terminal=self.at_terminal, since=since)
        ):
            self._explain(context, failure.message)
            return False
        return self._try(context, defaults)

    def _try(self, context: Context, defaults: MachineDefaults) -> bool:
        watch = _Watch(lambda asked: self._fail(context, asked, "it took too long"))
        try:
            held = self._login(defaults, watch.asked).run()
        except DaypassError as error:
            self._fail(context, watch.was_asked, error.message)
            return False
        except OSError as error:
            self._fail(context, watch.was_asked, error.strerror or type(error).__name__)
            return False
        finally:
            watch.end()
        holding.tell_ssh(held, context, self.settings.environ)
        certificate = held.certificate
        who = login_name(certificate.principals, certificate.key_id)
        self.say(f"signed in as {who}, until {until(certificate)}")
        return True

    def _login(self, defaults: MachineDefaults, asked: Callable[[], None]) -> Login:
        """As `daypass login` would, in the way this place allows."""

        def open_browser(url: str) -> None:
            asked()
            open_in_browser(url, self.say)

        def show_code(code: Code) -> None:
            asked()
            say_code(code, self.say)

        return Login(
            settings=self.settings,
            say=self.say,
            open_browser=open_browser,
            lifetime=parse_duration(defaults.lifetime) if defaults.lifetime else None,
            confirm=defaults.confirm,
            patience=_PATIENCE,
            sign_in_seconds=_SIGN_IN_SECONDS,
            device=not self.has_browser,  # or not at all: nobody is to wait here for a browser that can't open
            show_code=show_code,
            notify=defaults.notify,
        )

    def _fail(self, context: Context, was_asked: bool, message: str) -> None:
        self._explain(context, message)
        try:
            waiting.note(context, Failure(time.time(), was_asked, message))
        except DaypassError:  # a full disk, say; then the next connection tries again
            return

    def _explain(self, context: Context, message: str) -> None:
        """Once for a connection by way of others: the ssh that leads to a host of this company has said it."""
        if not any(each.reads(str(context.known_hosts)) for each in self.ssh.above):
            again = contexts.login_command(self.settings, context)
            self.warn(f"{message}; not signed in, ssh goes on without ({again} tries again)")


class _Watch:
    """Ends this process when the sign-in does not get on: a name server can keep Python waiting as long as it likes.

    Never by a signal, which ssh would take for a fault of its configuration.
    """

    def __init__(self, give_up: Callable[[bool], None]) -> None:
        self.was_asked = False
        self._give_up = give_up
        self._asked, self._ended = threading.Event(), threading.Event()
        threading.Thread(target=self._wait, daemon=True).start()

    def asked(self) -> None:
        """The person has been asked: theirs is the time."""
        self.was_asked = True
        self._asked.set()

    def end(self) -> None:
        self._ended.set()
        self._asked.set()

    def _wait(self) -> None:
        in_time = self._asked.wait(_REACH_SECONDS) and self._ended.wait(_LONGEST_SECONDS)
        if not in_time:
            self._give_up(self.was_asked)
            os._exit(1)
