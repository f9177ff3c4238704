"""What the CA says of today, asked with the day pass (trust 4.2): hosts, revoked host certificates, and whether it
still is one."""

from __future__ import annotations

import time

from daypass.client import enrolled, mine, trust
from daypass.client.openssh import sshconfig
from daypass.client.settings import Context, Settings
from daypass.errors import DaypassError, Unauthenticated

__all__ = ["refresh", "taken_back"]

_PATIENCE = 5.0  # seconds for each step: what is here already is nearly as good
_SHORT = 2.0  # seconds, where somebody waits for what is most likely as it was
_ENDED = ("pass.revoked", "pass.unknown", "pass.locked")


def refresh(settings: Settings, context: Context) -> bool:
    """Whether a list of today is here now. Nothing is said of what stands in its way: the old one still serves."""
    try:
        return _fetched(settings, context, _PATIENCE)
    except DaypassError:
        return False


def taken_back(settings: Settings, context: Context) -> bool:
    """Whether the CA says that the day pass holds no longer. A CA that can't be asked says nothing against it."""
    try:
        _fetched(settings, context, _SHORT)
    except Unauthenticated as error:
        return error.code in _ENDED
    except DaypassError:
        return False
    return False


def _fetched(settings: Settings, context: Context, patience: float) -> bool:
    membership = trust.load(context)
    with mine.speaking(membership, patience) as (remote, prove, _):
        signed = remote.my_bundle(prove)
        news = enrolled.verify(membership, signed, time.time(), _say_nothing)
        enrolled.keep(membership, news)
    if news is not None:
        sshconfig.update(settings, membership)
    return news is not None


def _say_nothing(_: str) -> None:
    pass
