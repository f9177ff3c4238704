"""`[[port22]]` -> its provisioner: which names it has, and who has one already."""

from __future__ import annotations

from daypass.ca.ports import Clock, HostRecord, Question, Store
from daypass.ca.reach import glob
from daypass.config import Port22Section
from daypass.model import Identity, Kind, OnceId
from daypass.provisioners.port22 import Port22Provisioner

__all__ = ["port22"]


def port22(section: Port22Section, ca_id: bytes, store: Store, clock: Clock) -> Port22Provisioner:
    patterns = [glob(each) for each in section.hosts]

    def fits(name: str) -> bool:
        return any(pattern.fullmatch(name) for pattern in patterns)

    async def lookup(name: str) -> HostRecord | None:
        nobody = Identity(kind=Kind.HOST, provider=section.name, issuer=ca_id.hex(), subject=name)
        return (await store.view(Question(nobody, OnceId(section.name, name), name))).host

    return Port22Provisioner(section, ca_id, fits, lookup, clock)
