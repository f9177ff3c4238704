"""What a person may do at the CA with nothing but their day pass: see what is theirs, and give it up (trust 4.2)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from daypass.api import MyCertificate, MyEnding
from daypass.client import calls, enrolled, holding, trust
from daypass.client.holding import Held
from daypass.client.logout import logout_at
from daypass.client.settings import Settings
from daypass.client.signin.subject import agent_signer
from daypass.client.trust import Membership
from daypass.errors import Unauthenticated
from daypass.remote import TIMEOUT, Prove, Remote

__all__ = ["certificates", "leave", "revoke", "speaking"]


@contextlib.contextmanager
def speaking(membership: Membership, patience: float = TIMEOUT) -> Iterator[tuple[Remote, Prove, Held]]:
    """The CA, what proves each call to it, and the day pass that does; once all went well, the revoked host
    certificates come along. Raises Unauthenticated without a day pass."""
    held = holding.held(membership, time.time())
    if held is None:
        raise Unauthenticated(
            f"you are not signed in at {membership.context.name}",
            code="no-pass",
            hint="run daypass login, then again",
        )
    certificate = held.certificate
    by = agent_signer(held.agent, certificate.encode(), certificate.public_key)
    with membership.remote(patience) as remote:
        prove = calls.prover(membership.ca_id, certificate, by)
        yield remote, prove, held
        enrolled.heed(membership, lambda: remote.my_bundle(prove), time.time())


def certificates(settings: Settings) -> list[MyCertificate]:
    """One's own that have not expired, newest first."""
    with speaking(trust.current(settings)) as (remote, prove, _):
        return remote.my_certificates(prove).certificates


def revoke(settings: Settings, serial: int, reason: str) -> tuple[MyCertificate, bool]:
    """Give one up; and whether it was the day pass itself, which is then out of the agent too."""
    membership = trust.current(settings)
    with speaking(membership) as (remote, prove, held):
        revoked = remote.my_revoke(serial, reason, prove)
    was_pass = held.certificate.serial == serial
    if was_pass:
        logout_at(settings, membership.context)
    return revoked, was_pass


def leave(membership: Membership, reason: str, *, wait: bool = False) -> MyEnding:
    """End all that one has at this company, on every machine, and what hosts say of it where one waits. Raises
    Unauthenticated without a day pass, Unavailable where the CA can't be reached."""
    with speaking(membership) as (remote, prove, _):
        return remote.my_leave(reason, prove, wait=wait)
