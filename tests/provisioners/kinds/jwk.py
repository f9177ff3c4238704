"""A one-time token for a person, by a JSON Web Key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric import ec
from tests.parts.onetime import jwk_of, one_time
from tests.provisioners.desk import StillClock
from tests.provisioners.kinds import CA_URL, Desk, Made, es256

from daypass.ca.ports import OnRecord
from daypass.config import JwkSection
from daypass.model import Credential, Secret
from daypass.provisioners.jwk import JwkProvisioner
from daypass.provisioners.onetime import LEEWAY

__all__ = ["open_desk", "open_jwk"]

HOLDER, STRANGER = (ec.derive_private_key(number, ec.SECP256R1()) for number in (7, 8))
SALT = bytes(32)  # one of our clients sends along, whatever the token is


async def nothing_on_record(_serial: int) -> OnRecord | None:
    return None


@contextmanager
def open_desk(runner: asyncio.Runner) -> Iterator[Desk]:
    yield open_jwk(runner, JwkSection(name="people", key=jwk_of(HOLDER), users=True), "alice@example.com", "user")


def open_jwk(runner: asyncio.Runner, section: JwkSection, subject: str, kind: str) -> Desk:
    clock = StillClock()

    def make(made: Made) -> Credential:
        token = one_time(
            HOLDER if made.known else STRANGER, issuer=section.name, now=made.at, subject=subject, kind=kind,
            url=made.ca_url, keys=(made.key,),
        )  # fmt: skip
        act = made.act if kind == "host" and made.act else b"login"
        return Credential(Secret(token), (made.key,), act=act, salt=SALT)

    provisioner = JwkProvisioner(section, [CA_URL.removeprefix("https://")], nothing_on_record, clock)
    return Desk(
        provisioner=provisioner,
        clock=clock,
        runner=runner,
        make=make,
        life=300 + LEEWAY,
        early=LEEWAY,
        routes=("sign", "step-user") if kind == "user" else ("step-host", "enrol", "agent-enrol"),
        unbound=() if kind == "user" else ("act",),  # step asks for hosts' certificates at the route for people's
        bare=es256(HOLDER.public_key()),
    )
