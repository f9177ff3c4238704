"""What `daypass host status` says of the CA's word: when it last came, and how old the list of revoked ones is; and
whether certificates alone are let in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from daypass.cli.output import duration, moment, printable, utc

if TYPE_CHECKING:
    from daypass.host.breakglass import Kept
    from daypass.host.enforcement import State as Enforcement
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
    if glass := _break_glass(paths):
        by = f", by {', '.join(glass.keys)}" if glass.keys else ""
        how = "shut by never in host.toml" if glass.refused else "open" if glass.keys else "NOT in force"
        yield f"break-glass into {printable(glass.account)} is {how}{by}"
    if enforced := _enforced(paths):
        but = f" (but for {', '.join(map(printable, enforced.exceptions))})" if enforced.exceptions else ""
        how = (
            f"since {moment(enforced.since)}" if enforced.confirmed
            else f"until {moment(enforced.deadline)}, unless it is confirmed: daypass host enforce --confirm"
        )  # fmt: skip
        yield f"certificates only{but} {how}"


def _bastions(paths: Paths, state: State) -> list[str]:
    """By the CA's word, the one that laptops use first. It is shown, and sshd asks for none of them."""
    from daypass.host.documents import Documents

    kept = Documents.load(paths, state)
    return kept.bundle.bastions if kept is not None else []


def _break_glass(paths: Paths) -> Kept | None:
    from daypass.host.breakglass import Kept

    return Kept.load(paths.break_glass_state)


def _enforced(paths: Paths) -> Enforcement | None:
    """What can't be understood is taken back by whoever keeps this host fresh."""
    from daypass.errors import Misconfigured
    from daypass.host.enforcement import State as Enforcement

    try:
        return Enforcement.load(paths.enforcement)
    except Misconfigured:
        return None


def word(state: State, paths: Paths) -> dict[str, object]:
    """The same for scripts."""
    from daypass.host.closing import closes_at, is_closed, krl_made_at

    closes, made, enforced = closes_at(paths, state), krl_made_at(paths.krl), _enforced(paths)
    return {
        "last_word": utc(state.heard_at),
        "krl_made": utc(made) if made is not None else None,
        "closed": is_closed(paths.krl),
        "closes_at": utc(closes) if closes is not None else None,
        "bastions": _bastions(paths, state),
        "break_glass": _glass_facts(paths),
        "certificates_only": enforced is not None,
        "confirm_until": utc(enforced.deadline) if enforced is not None and not enforced.confirmed else None,
    }


def _glass_facts(paths: Paths) -> dict[str, object] | None:
    kept = _break_glass(paths)
    if kept is None:
        return None
    against = kept.said or kept.told or None
    return {"account": kept.account, "keys": kept.keys, "against": against, "by_owner": kept.refused}
