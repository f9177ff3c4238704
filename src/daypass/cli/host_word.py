"""What `daypass host status` says of the CA's word: when it last came, and how old the list of revoked ones is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from daypass.cli.output import duration, moment, printable, utc

if TYPE_CHECKING:
    from daypass.host.settings import Paths
    from daypass.host.state import State

__all__ = ["told", "word"]


def told(state: State, paths: Paths, now: float) -> Iterator[str]:
    from daypass.host.closing import closes_at, is_closed, krl_made_at

    made, closes = krl_made_at(paths.krl), closes_at(paths, state)
    yield f"last word from the CA {moment(state.heard_at)}, {duration(max(0, now - state.heard_at))} ago"
    if made is not None and not is_closed(paths.krl):
        yield f"revoked certificates as of {moment(made)} (KRL {state.krl_version})"
        if closes is not None:
            yield f"without word no certificate is let in from {moment(closes)} on"
    if bastions := _bastions(paths, state):
        yield f"people come through {' or '.join(map(printable, bastions))}"


def _bastions(paths: Paths, state: State) -> list[str]:
    """By the CA's word, the one that laptops use first. It is shown, and sshd asks for none of them."""
    from daypass.host.documents import Documents

    kept = Documents.load(paths, state)
    return kept.bundle.bastions if kept is not None else []


def word(state: State, paths: Paths) -> dict[str, object]:
    """The same for scripts."""
    from daypass.host.closing import closes_at, is_closed, krl_made_at

    closes, made = closes_at(paths, state), krl_made_at(paths.krl)
    return {
        "last_word": utc(state.heard_at),
        "krl_made": utc(made) if made is not None else None,
        "closed": is_closed(paths.krl),
        "closes_at": utc(closes) if closes is not None else None,
        "bastions": _bastions(paths, state),
    }
