"""What the CA seals at the end of a conversation; the conversation itself is tested in test_pamtalk.py."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.provisioners.desk import SALT, StillClock
from tests.provisioners.kinds import CA_ID, Desk, Made

from daypass.ca.pam_ports import Account
from daypass.config import PamSection
from daypass.model import Credential
from daypass.provisioners.pam import LIFETIME, SKEW, PamProvisioner
from daypass.wire.binding import login_nonce

__all__ = ["ALICE", "open_desk", "provisioner"]

ALICE = Account("alice", 1001, ("engineers",))


def provisioner(clock: StillClock, ca_id: bytes, secret: bytes = b"s", folder: str = "") -> PamProvisioner:
    table = PamSection(name="unix", folder=folder)
    return PamProvisioner(table, ca_id, lambda use: sha256(secret + use).digest(), clock)


@contextmanager
def open_desk(runner: asyncio.Runner) -> Iterator[Desk]:
    clock = StillClock()

    def make(made: Made) -> Credential:
        act = b"login" if made.act is None else made.act
        maker = provisioner(StillClock(made.at), made.ca_id, b"s" if made.known else b"other")
        nonce = login_nonce(made.ca_id, made.key.blob, act, SALT)
        return Credential(maker.token(ALICE, made.key, nonce), (made.key,), act=act, salt=SALT, possessed=True)

    with TemporaryDirectory() as folder:
        Path(folder, "daypass").write_text("auth required pam_unix.so\naccount required pam_unix.so\n")
        yield Desk(
            provisioner=provisioner(clock, CA_ID, folder=folder),
            clock=clock,
            runner=runner,
            make=make,
            life=LIFETIME,
            early=SKEW,
            routes=("sign", "act"),
        )
