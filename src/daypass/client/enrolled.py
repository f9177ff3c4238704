"""Which hosts this laptop knows to be enrolled, and which of their certificates are revoked (trust 5.3, 6.2).

Both come in one signed document with each certificate. It is kept as received: its version never goes back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from daypass import trusted
from daypass.api import ClientBundle, Signed
from daypass.client.settings import Context, write_file
from daypass.client.trust import Membership
from daypass.errors import Conflict, DaypassError

__all__ = ["News", "heed", "keep", "names", "verify", "ways"]


FRESH = 5  # seconds; the CA makes no other bundle within them


@dataclass(frozen=True, slots=True)
class News:
    """A bundle that is believed, and as it was received."""

    signed: Signed
    bundle: ClientBundle


def verify(membership: Membership, signed: Signed | None, now: float, say: Callable[[str], None]) -> News | None:
    """What is to be kept. None where the CA sent none, or one that is older than what this laptop has: to send an
    old one gains no more than to send none. Raises Unauthenticated or Invalid for one that can't be believed.
    """
    if signed is None:
        return None
    kept = _kept(membership.context)
    try:
        bundle = trusted.verify_client_bundle(
            signed, membership.trust, now=now, known_version=kept.version if kept else 0
        )
    except Conflict as error:
        say(f"{error.message}; the newer one stays")
        return None
    return News(signed, bundle)


def keep(membership: Membership, news: News | None) -> None:
    """Nothing for None. The bundle last: with it, the revocation list is there."""
    if news is not None:
        write_file(membership.context.revoked_host_keys, news.bundle.host_krl)
        write_file(membership.context.bundle, msgspec.json.encode(news.signed))


def heed(membership: Membership, fetch: Callable[[], Signed], now: float) -> None:
    """With any call that is made anyhow: which host certificates are revoked by now (trust 6.2). What stands in its
    way is not said, for the call itself went well. Hosts that are new wait for `refreshing`: their part of ssh's
    configuration is written there.
    """
    kept = _kept(membership.context)
    if kept is not None and 0 <= now - kept.issued_at < FRESH:
        return
    try:
        news = verify(membership, fetch(), now, _say_nothing)
    except DaypassError:
        return
    if news is not None and kept is not None and _same(kept, news.bundle):
        keep(membership, news)
    elif news is not None:
        write_file(membership.context.revoked_host_keys, news.bundle.host_krl)


def _same(one: ClientBundle, other: ClientBundle) -> bool:
    return (one.enrolled, one.bastions) == (other.enrolled, other.bastions)


def _say_nothing(_: str) -> None:
    pass


def names(membership: Membership) -> tuple[str, ...]:
    """Hosts to be met strictly: of the bundle kept, what the host CA may speak for today. None before a login."""
    kept = _kept(membership.context)
    if kept is None:
        return ()
    ours, all_of_them = trusted.host_names(membership.trust), frozenset(kept.enrolled)
    return tuple(name for name in kept.enrolled if ours.admits(name, all_of_them))


def ways(membership: Membership) -> dict[str, tuple[str, ...]]:
    """Bastion -> those of `names` that ssh reaches through it."""
    kept, known = _kept(membership.context), frozenset(names(membership))
    found = kept.bastions if kept is not None else []
    return {way.via: tuple(each for each in way.hosts if each in known) for way in found if way.via in known}


def _kept(context: Context) -> ClientBundle | None:
    """Verified when it came; the key it was signed with may be gone from the trust document since."""
    try:
        signed = msgspec.json.decode(context.bundle.read_bytes(), type=Signed)
        return msgspec.json.decode(signed.document, type=ClientBundle)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None
