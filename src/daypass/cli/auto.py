"""`daypass auto-login`: what ssh runs, through the script `check`, where there is no valid day pass.

Exit code 0 has ssh offer the pass; any other has it go on without. Nothing is ever written to stdout.
"""

# pathlib costs more than all there is to do before the sign-in.
# ruff: noqa: PTH118

from __future__ import annotations

import os
import sys

from daypass.cli.output import printable
from daypass.client import place
from daypass.client.openssh import autologin
from daypass.errors import DaypassError

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.client.openssh.sshline import Ssh

__all__ = ["auto_login"]

_YES, _NO, _INTERRUPTED = 0, 1, 130


def auto_login(arguments: Sequence[str]) -> int | None:
    """`daypass auto-login --context NAME`; None for anything else: click explains it better."""
    if len(arguments) != 2 or arguments[0] != "--context":
        return None
    home, name = place.home("", os.environ), arguments[1]
    folder = os.path.join(home, "contexts", name)
    if autologin.has_pass(folder, os.environ):
        return _YES
    ssh = autologin.who_asks(home, folder, os.environ)
    return _NO if ssh is None else _ask(name, ssh)


def _ask(name: str, ssh: Ssh) -> int:
    from daypass.client.signin import desk  # not before somebody may be asked

    terminal, has_browser = _terminal(), desk.has_browser(os.environ)
    if terminal is None and not has_browser:
        return _NO
    voice = _Voice(terminal)
    try:
        return _sign_in(name, ssh, terminal is not None, has_browser, voice)
    except DaypassError as error:
        voice.warn(error.message)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # ssh must go on, whatever is wrong with us
        voice.warn(f"internal fault ({type(error).__name__}); daypass login says more")
    return _NO


def _sign_in(name: str, ssh: Ssh, at_terminal: bool, has_browser: bool, voice: _Voice) -> int:
    from daypass.client.openssh.sshsignin import SshSignIn
    from daypass.client.settings import Settings

    settings = Settings.load(context=name)
    return _YES if SshSignIn(settings, ssh, at_terminal, has_browser, voice.say, voice.warn).run() else _NO


def _terminal() -> int | None:
    """The person's own, whatever ssh's output is connected to; None where there is none."""
    if sys.platform == "win32":
        return None
    try:
        return os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY)
    except OSError:
        return None


class _Voice:
    """Where the person, and whoever reads ssh's stderr, are told things.

    Nothing that is started here gets that stderr: a browser outlives ssh, and whoever reads to the end would wait
    for it.
    """

    def __init__(self, terminal: int | None) -> None:
        nowhere = os.open(os.devnull, os.O_RDWR)
        try:
            self._stderr = os.dup(2)
        except OSError:  # closed before we came
            self._stderr = nowhere
        self._terminal = self._stderr if terminal is None else terminal
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)

    def say(self, text: str) -> None:
        self._write(self._terminal, text)

    def warn(self, text: str) -> None:
        self._write(self._stderr, text)

    def _write(self, descriptor: int, text: str) -> None:
        lines = "".join(f"daypass: {printable(line)}\n" for line in text.split("\n") if line.strip())
        _let_us_write()
        try:
            os.write(descriptor, lines.encode("utf-8", "replace"))
        except OSError:
            return


def _let_us_write() -> None:
    """Also in the background of a terminal that stops who writes (termios(3), TOSTOP): others wait for our lock."""
    if sys.platform != "win32":
        import signal

        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
