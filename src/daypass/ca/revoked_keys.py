"""A host key whose certificate was revoked is certified no more under that name.

A host shows its certificate to everybody who connects, so whoever has stolen the key would have the new one, too, and
pass for the host again.
"""

from __future__ import annotations

from collections.abc import Iterable

from daypass.ca.host_ports import HostCertificate, HostRecord
from daypass.ca.ports import Store
from daypass.errors import Denied
from daypass.wire import PublicKey

__all__ = ["GIVEN_UP", "require_unrevoked"]

GIVEN_UP = "given up by its host"  # the reason of a revocation by which a host has left: it may come back as it was


async def require_unrevoked(store: Store, host: HostRecord | None, keys: Iterable[PublicKey], now: int) -> None:
    """`host`: who has the name on record. One that was removed is gone from it, and may come back as it was."""
    if host is None:
        return
    newest = dict[bytes, HostCertificate]()
    for each in await store.host_certificates(host.id, now):
        newest.setdefault(each.public_key, each)
    if any(_is_refused(newest.get(key.blob)) for key in keys):
        raise Denied(
            f"the certificate of this host key was revoked, so {host.name} needs new host keys",
            code="policy.revoked-key",
            hint="there: rm /etc/ssh/ssh_host_*; ssh-keygen -A; then enrol again with this token. "
            f"If nobody else can have the key: daypass host remove {host.name} first",
        )


def _is_refused(newest: HostCertificate | None) -> bool:
    return newest is not None and newest.revoked_at is not None and newest.revoke_reason != GIVEN_UP
