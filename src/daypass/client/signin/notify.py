"""A word on the desktop when a day pass is about to end; nothing of ours stays in memory for it.

A shell waits, with a fixed script: the certificate's file tells it whether the pass is still the one it was given on
its standard input, the clock on the wall when to speak (a laptop sleeps). What stands in its arguments is public.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Mapping

from daypass.client.settings import Context
from daypass.times import moment
from daypass.wire import Certificate

__all__ = ["start", "when"]

_LEAD = 30 * 60  # seconds before the end; of a short pass, the last eighth
_LOOK_EVERY = "20"  # seconds
_SCRIPT = """\
file=$1 when=$2 every=$3
shift 3
pass=$(cat)
while [ "$(date +%s)" -lt "$when" ]; do
    sleep "$every"
    [ "$(cat "$file" 2>/dev/null)" = "$pass" ] || exit 0
done
exec "$@" </dev/null
"""
_OSASCRIPT = ("on run texts", 'display notification (item 1 of texts) with title "daypass"', "end run")


def start(
    context: Context,
    certificate: Certificate,
    environ: Mapping[str, str],
    *,
    which: Callable[[str], str | None] = shutil.which,
    every: str = _LOOK_EVERY,
) -> bool:
    """Tell the person shortly before `certificate` ends, unless it was replaced or given up by then.

    Called once a pass, when it has been kept. False where this desktop has no way to tell anybody anything.
    `every`: seconds between two looks.
    """
    text = f"Your day pass for {context.name} ends {moment(certificate.valid_before)}. For a new one: daypass login"
    command = _command(text, which)
    if not command:
        return False
    shell = subprocess.Popen(
        ["sh", "-c", _SCRIPT, "daypass-notify", str(context.certificate), str(when(certificate)), every, *command],
        env=dict(environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    as_kept = certificate.line(f"daypass:{context.name}").encode()  # the file may hold a newer one by now
    with contextlib.suppress(OSError), shell.stdin as given:  # type: ignore[union-attr]
        given.write(as_kept)
    return True


def when(certificate: Certificate) -> int:
    """Unix seconds."""
    length = certificate.valid_before - certificate.valid_after
    return certificate.valid_before - min(_LEAD, length // 8)


def _command(text: str, which: Callable[[str], str | None]) -> list[str]:
    sends = which("notify-send")
    if sends:
        return [sends, "--app-name=daypass", "daypass", text]
    asks = which("osascript")
    return [asks, *(part for line in _OSASCRIPT for part in ("-e", line)), text] if asks else []
