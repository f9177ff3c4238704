"""An ID token of an OpenID provider, bound to the key by its nonce."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from tests.parts.jose import stranger
from tests.parts.op import DOWN, JWKS, Op, run_op
from tests.provisioners.desk import TRUST_STORE, StillClock, section_for
from tests.provisioners.kinds import CA_ID, Desk, Made, rs256

from daypass.model import Credential, Secret
from daypass.provisioners.claims import LEEWAY
from daypass.provisioners.oidc import OidcProvisioner
from daypass.wire.binding import login_nonce

__all__ = ["open_desk"]


@contextmanager
def open_desk(runner: asyncio.Runner) -> Iterator[Desk]:
    http, clock = httpx2.AsyncClient(verify=TRUST_STORE), StillClock()
    with run_op() as op:
        op.now = clock.now
        yield Desk(
            provisioner=OidcProvisioner(section_for(op), CA_ID, clock, http),
            clock=clock,
            runner=runner,
            make=lambda made: _signed_in(op, made),
            life=300 + LEEWAY,
            early=LEEWAY,
            routes=("sign", "step-user", "act"),
            outage=lambda down: op.answers.update({JWKS: DOWN}) if down else op.answers.clear(),
            bare=rs256(op.key.pem),
        )
    runner.run(http.aclose())


def _signed_in(op: Op, made: Made) -> Credential:
    at, act = int(made.at), made.act or b"login"
    salt = os.urandom(32)
    nonce = login_nonce(made.ca_id, made.key.blob, act, salt)
    key = op.key if made.known else stranger()
    token = op.mint(key=key, iat=at, exp=at + 300, auth_time=at - 30, nonce=nonce)
    return Credential(Secret(token), (made.key,), act=act, salt=salt)
