"""A job's token, minted for this CA and the key that is to be certified."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.parts.jose import stranger
from tests.parts.op import DOWN, JWKS, Op, run_op
from tests.provisioners.desk import StillClock
from tests.provisioners.jobs import a_platform, client, minted, provisioner, table
from tests.provisioners.kinds import Desk, Made, rs256

from daypass.model import Credential, Secret
from daypass.provisioners.claims import LEEWAY
from daypass.wire.workload import audience_for

__all__ = ["open_desk"]


@contextmanager
def open_desk(runner: asyncio.Runner) -> Iterator[Desk]:
    http, clock = client(), StillClock()
    with run_op() as op:
        a_platform(op)
        yield Desk(
            provisioner=provisioner(table(op), clock, http),
            clock=clock,
            runner=runner,
            make=lambda made: _started(op, made),
            life=300 + LEEWAY,
            early=LEEWAY,
            routes=("sign",),
            outage=lambda down: op.answers.update({JWKS: DOWN}) if down else op.answers.clear(),
            bare=rs256(op.key.pem),
        )
    runner.run(http.aclose())


def _started(op: Op, made: Made) -> Credential:
    key = op.key if made.known else stranger()
    audience = audience_for(made.ca_url, made.key.fingerprint)
    token = minted(op, at=int(made.at), key=key, aud=audience, jti=os.urandom(8).hex())
    return Credential(Secret(token), (made.key,), act=made.act or b"login", possessed=True)
