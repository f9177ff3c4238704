"""`daypass`: where every command line starts, and the one place where an error becomes an exit code.

What a shell prompt or ssh runs is dispatched before click and the network libraries are imported: click alone
costs four times Python's own start-up. Everything else is loaded by name when it is asked for.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

from daypass.cli.output import note, show_error
from daypass.errors import DaypassError, Internal, Misconfigured

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

__all__ = ["QUICK", "main"]

QUICK = {
    "status": "daypass.cli.quick:status",
    "auto-login": "daypass.cli.auto:auto_login",
    "__complete": "daypass.cli.complete:complete",
    "check-host": "daypass.cli.files_hosts:check_host",
    "needs-renewal": "daypass.cli.files_due:needs_renewal",
    "host": "daypass.cli.host_run:quick",
}
"""Command -> a function of its arguments that returns an exit code, or None to leave them to click."""

_NO, _INTERRUPTED = 1, 130  # as in cli.exits, whose enum costs a shell prompt a third of a start-up


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (without the program's name) and return its exit code. Never raises."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    gc.disable()  # what is loaded stays: to look for garbage in it is a tenth of a command's time
    try:
        return _run(arguments)
    except DaypassError as error:
        _trace()
        return _failed(error)
    except KeyboardInterrupt:
        note("")
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does.
        _let_go_of(sys.stdout)
        return _NO
    except OSError as error:
        # A file or an output that can't be read or written: the person's machine says more than we could.
        _trace()
        _let_go_of(sys.stdout)
        return _failed(_trouble(error))
    except Exception as error:
        _trace()
        return _failed(_fault(error))
    finally:
        gc.enable()
        if "daypass.client.journal" in sys.modules:
            import_module("daypass.client.journal").stop()
        _let_go_of(sys.stderr)  # what is left in it must not change the exit code


def _run(arguments: list[str]) -> int:
    if arguments and arguments[0] in QUICK:
        quick: Callable[[Sequence[str]], int | None] = _load(QUICK[arguments[0]])
        code = quick(arguments[1:])
        if code is not None:
            return code
    # Imported here: it brings click along.
    from daypass.cli.group import run

    return run(arguments)


def _load(target: str) -> Callable[[Sequence[str]], int | None]:
    module, _, name = target.partition(":")
    function: Callable[[Sequence[str]], int | None] = getattr(import_module(module), name)
    return function


def _failed(error: DaypassError) -> int:
    from daypass.cli.exits import exit_of

    if "daypass.client.journal" in sys.modules:  # a log is kept
        import logging

        logging.getLogger("daypass.cli").info("failed with %s: %s", error.code, error.message)
    show_error(error)
    return int(exit_of(error))


def _trouble(error: OSError) -> DaypassError:
    where = error.filename if isinstance(error.filename, str) else "output"
    import errno

    disk = error.errno in (errno.EROFS, errno.ENOSPC, errno.EDQUOT)
    hint = "is the disk full or read-only?" if disk else "DAYPASS_DEBUG=1 shows where"
    return Misconfigured(f"{where}: {error.strerror or type(error).__name__}", hint=hint)


def _let_go_of(stream: TextIO | None) -> None:
    """What it can't take stays in its buffer, and Python would try again, and complain, while it ends."""
    try:
        if stream is not None:
            stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[union-attr]


def _fault(error: Exception) -> Internal:
    """An error nobody foresaw: its text may hold anything, so only its kind is shown."""
    return Internal(
        f"internal fault ({type(error).__name__})",
        hint="this is a bug; run it again with DAYPASS_DEBUG=1 and report what it prints",
    )


def _trace() -> None:
    if os.environ.get("DAYPASS_DEBUG"):
        import traceback

        traceback.print_exc()


if __name__ == "__main__":
    sys.exit(main())
