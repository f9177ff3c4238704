"""A CA that answers, and will not speak with this host: its certificate is revoked, or it is on record no more.

That is noted in the state until the CA has word for it again, so that `host status` and monitoring hear of it at
once, and not after a day of silence. What the CA says here is shown, and opens or closes nothing.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from daypass.errors import DaypassError, Unauthenticated
from daypass.host import files
from daypass.host.alone import alone
from daypass.host.settings import Paths
from daypass.host.state import State

__all__ = ["note_refusal", "note_refusal_alone"]


def note_refusal(paths: Paths, error: DaypassError) -> None:
    """For whoever has asked the CA, holds no lock, and can do without this where another does."""
    if isinstance(error, Unauthenticated):
        with suppress(DaypassError, OSError), alone(paths):
            note_refusal_alone(paths, error)


def note_refusal_alone(paths: Paths, error: DaypassError) -> None:
    """The same for who holds `alone`. Another error than Unauthenticated is no refusal."""
    state = State.load(paths.state)
    if state is not None and isinstance(error, Unauthenticated) and state.refused != error.message:
        files.write(paths.state, msgspec.structs.replace(state, refused=error.message).encode(), 0o600)
