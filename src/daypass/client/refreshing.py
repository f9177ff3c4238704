"""Today's list of hosts and revoked host certificates, fetched with the day pass (trust 4.2)."""

from __future__ import annotations

import time

from daypass.client import enrolled, mine, trust
from daypass.client.openssh import sshconfig
from daypass.client.settings import Context, Settings
from daypass.errors import DaypassError

__all__ = ["refresh"]

_PATIENCE = 5.0  # seconds for each step: what is here already is nearly as good


def refresh(settings: Settings, context: Context) -> bool:
    """Whether a list of today is here now. Nothing is said of what stands in its way: the old one still serves."""
    try:
        membership = trust.load(context)
        with mine.speaking(membership, _PATIENCE) as (remote, prove, _):
            signed = remote.my_bundle(prove)
            news = enrolled.verify(membership, signed, time.time(), _say_nothing)
            enrolled.keep(membership, news)
        if news is not None:
            sshconfig.update(settings, membership)
    except DaypassError:
        return False
    return news is not None


def _say_nothing(_: str) -> None:
    pass
