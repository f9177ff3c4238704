"""Which hosts the person may log in to: asked of the CA by the day pass, kept as it came, signed, for later."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import msgspec

from daypass import trusted
from daypass.api import MyHost, MyHosts, Signed
from daypass.client import mine, trust
from daypass.client.settings import Context, write_file
from daypass.errors import DaypassError

__all__ = ["chosen", "kept", "refresh"]

_PATIENCE = 5.0  # seconds for each step: what is here already is nearly as good


def refresh(context: Context) -> bool:
    """Whether a list of today is here now. Nothing is said of what stands in its way: the old one still serves."""
    try:
        membership = trust.load(context)
        known = kept(context)
        with mine.speaking(membership, _PATIENCE) as (remote, prove, _):
            signed = remote.my_hosts(prove)
        version = known.version if known is not None else 0
        trusted.verify_my_hosts(signed, membership.trust, now=time.time(), known_version=version)
        write_file(context.my_hosts, msgspec.json.encode(signed))
    except DaypassError:
        return False
    return True


def kept(context: Context) -> MyHosts | None:
    """None where there is none that this CA's keys of today have signed, or its own files are damaged."""
    try:
        signed = msgspec.json.decode(context.my_hosts.read_bytes(), type=Signed)
        return trusted.verify_my_hosts(signed, trust.load(context).trust)
    except (OSError, msgspec.MsgspecError, DaypassError):
        return None


def chosen(hosts: Sequence[MyHost], word: str, labels: Sequence[tuple[str, str]]) -> Iterator[MyHost]:
    """`word`: a pattern with * or ?, else a part of a name; empty is every host. All labels must be there."""
    pattern = word.lower() if set("*?") & set(word) else f"*{word.lower()}*"
    for host in hosts:
        named = any(fnmatchcase(name, pattern) for name in (host.name, *host.names))
        if named and all(host.labels.get(label) == value for label, value in labels):
            yield host
