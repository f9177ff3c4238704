"""Fail-closed (trust 6.1): a host that has had no word from its CA for as long as its bundle says lets nobody in by
certificate.

It does so by a KRL that revokes the user CA keys themselves, never by a missing file, which would have sshd refuse
every key, plain ones too. Keys in authorized_keys and passwords work as before. The next sync brings the CA's own
list back: the digest of this one is not the one that the bundle names.
"""

from __future__ import annotations

from pathlib import Path

from daypass import trusted
from daypass.errors import DaypassError, Invalid
from daypass.host import files
from daypass.host.alone import alone
from daypass.host.documents import Documents
from daypass.host.settings import Paths
from daypass.host.state import State
from daypass.wire import KrlHeader
from daypass.wire.krl import refusing

__all__ = ["close_if_due", "close_overdue", "closes_at", "is_closed", "krl_made_at", "without_word"]

SOONEST = 600  # seconds; no CA lets a host close sooner (config.failclosed)
_COMMENT = "daypass: closed"  # by which our own closing list is told from the CA's


def closes_at(paths: Paths, state: State) -> int | None:
    """The unix time from which nobody gets in by certificate; None where this host goes on with what it has."""
    kept = Documents.load(paths, state)
    after = kept.bundle.fail_closed_after if kept is not None else 0
    return state.heard_at + after if after > 0 else None


def close_if_due(paths: Paths, state: State, now: float) -> bool:
    """Whether this call has closed the host. For whoever has just asked the CA in vain, and holds `alone`.

    Only documents that hold are gone by: what somebody wrote into the folder closes nothing.
    """
    kept = Documents.load(paths, state)
    if kept is None or not 0 < kept.bundle.fail_closed_after <= now - state.heard_at or is_closed(paths.krl):
        return False
    keys = trusted.public_keys([*kept.trust.user_ca, *kept.bundle.user_ca])
    header = KrlHeader(state.krl_version, int(now), _COMMENT)
    files.write(paths.krl, refusing(keys, header), 0o644)
    return True


def close_overdue(paths: Paths, now: float) -> bool:
    """The same for whoever holds no lock; a look at the time where the CA has been heard of late."""
    state = State.load(paths.state)
    if state is None or now - state.heard_at < SOONEST:
        return False
    with alone(paths):
        return close_if_due(paths, State.load(paths.state) or state, now)


def without_word(paths: Paths, state: State, now: float, error: DaypassError) -> DaypassError:
    """Closes the host if it is time to; the same error, which says so."""
    if not close_if_due(paths, state, now):
        return error
    text = f"{error.message}; so long without word from the CA that certificates are refused here from now on"
    return type(error)(text, code=error.code, hint=error.hint)


def is_closed(krl: Path) -> bool:
    found = _header(krl)
    return found is not None and found.comment == _COMMENT


def krl_made_at(krl: Path) -> int | None:
    """When the list that sshd reads was made, unix seconds; None where it is gone or none."""
    found = _header(krl)
    return None if found is None else found.generated_at


def _header(krl: Path) -> KrlHeader | None:
    try:
        return KrlHeader.parse(krl.read_bytes())
    except (OSError, Invalid):
        return None
