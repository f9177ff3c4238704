"""`daypass needs-renewal`: for cron, so without click. Exit codes are step's: 0 due, 1 not, 2 no file, 255 else."""

from __future__ import annotations

import time

from daypass.cli.output import data, duration, show_error
from daypass.client.files.due import DEFAULT, is_due, share_used
from daypass.errors import DaypassError, Invalid, NotFound

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.client.files.shown import ShownCertificate

__all__ = ["check", "needs_renewal"]

_DUE, _NOT_DUE, _NO_FILE, _ELSE = 0, 1, 2, 255


def needs_renewal(arguments: Sequence[str]) -> int | None:
    """`daypass needs-renewal [FILE] [--expires-in WHEN] [--verbose]`; None where help is asked for."""
    if {"-h", "--help"} & set(arguments):
        return None
    try:
        file, threshold, verbose = _read(list(arguments))
    except Invalid as error:
        show_error(error)
        return _ELSE
    return check(file, threshold, verbose=verbose)


def check(file: str, threshold: str, *, verbose: bool) -> int:
    """The exit code; every error is shown."""
    from daypass.client.files.sshfile import only_certificate

    try:
        certificate, now = only_certificate(file).certificate, time.time()
        assert certificate is not None  # noqa: S101  only_certificate has seen to it
        due = is_due(certificate, threshold, now)
    except DaypassError as error:
        show_error(error)
        return _NO_FILE if isinstance(error, NotFound) else _ELSE
    if verbose:
        data(_verdict(certificate, due, now))
    return _DUE if due else _NOT_DUE


def _read(rest: list[str]) -> tuple[str, str, bool]:
    """File, threshold, verbose."""
    files, threshold, verbose = list[str](), DEFAULT, False
    while rest:
        word = rest.pop(0)
        if word in ("--verbose", "-v"):
            verbose = True
        elif word.startswith("--expires-in="):
            threshold = word.partition("=")[2]
        elif word == "--expires-in" and rest:
            threshold = rest.pop(0)
        elif word.startswith("-") and word != "-":
            raise _usage(f"there is no option {word}, or it lacks its value")
        else:
            files.append(word)
    if len(files) > 1:
        raise _usage("one certificate at a time")
    return (files or ["-"])[0], threshold, verbose


def _usage(message: str) -> Invalid:
    return Invalid(message, hint="see: daypass needs-renewal --help")


def _verdict(certificate: ShownCertificate, due: bool, now: float) -> str:
    verdict = "the certificate needs renewal" if due else "the certificate does not need renewal"
    if now >= certificate.valid_before:
        return f"{verdict}: it has expired"
    if share_used(certificate, now) <= 0:
        return verdict
    left = duration(certificate.valid_before - now)
    return f"{verdict}: {share_used(certificate, now):.0%} of its time is used, {left} left"
