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

__all__ = ["require_unrevoked"]


async def require_unrevoked(store: Store, host: HostRecord | None, keys: Iterable[PublicKey], now: int) -> None:
    """`host`: who has the name on record. One that was removed is gone from it, and may come back as it was."""
    if host is None:
        return
    newest = dict[bytes, HostCertificate]()
    for each in await store.host_certificates(host.id, now):
        newest.setdefault(each.public_key, each)
    if any(key.blob in newest and newest[key.blob].revoked_at is not None for key in keys):
        raise Denied(
            f"the certificate of this host key was revoked, so {host.name} needs new host keys",
            code="policy.revoked-key",
            hint="there: rm /etc/ssh/ssh_host_*; ssh-keygen -A; then enrol again with this token. "
            f"If nobody else can have the key: daypass host remove {host.name} first",
        )
