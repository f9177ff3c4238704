"""The identity token of an instance of Google's, for this CA and its keys."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.parts.clouds import google, google_token, web
from tests.parts.jose import stranger
from tests.provisioners.desk import StillClock
from tests.provisioners.kinds import CA_ID, Desk, Made, rs256

from daypass.config import CloudSection
from daypass.model import Credential, Secret
from daypass.provisioners.gcp import MAX_AGE, GcpProvisioner
from daypass.provisioners.instance import LEEWAY

__all__ = ["open_desk"]


@contextmanager
def open_desk(runner: asyncio.Runner) -> Iterator[Desk]:
    clock, state = StillClock(), {"down": False}
    section = CloudSection(name="gcp", type="gcp", accounts=["shop-prod"], host_name="{instance}.example.com")
    http = web(state=state)
    yield Desk(
        provisioner=GcpProvisioner(section, CA_ID, clock, http),
        clock=clock,
        runner=runner,
        make=_started,
        life=MAX_AGE,
        early=LEEWAY,
        routes=("enrol", "agent-enrol"),
        unbound=("act",),
        outage=lambda down: state.update(down=down),
        bare=rs256(google().pem),
    )
    runner.run(http.aclose())


def _started(made: Made) -> Credential:
    number = str(int.from_bytes(os.urandom(6)))
    by = None if made.known else stranger()
    token = google_token(made.at, made.ca_id, [made.key], by, engine={"instance_id": number})
    return Credential(Secret(token), (made.key,), act=made.act or b"enrol", possessed=True)
