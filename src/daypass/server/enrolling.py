"""A host's first certificates, however it asks for them."""

from __future__ import annotations

from msgspec import Struct

from daypass import api
from daypass.ca.host_ports import HostRecord
from daypass.errors import Internal
from daypass.server import signing
from daypass.server.callers import UNKNOWN
from daypass.server.ports import Heart

__all__ = ["Enrolled", "enrolled"]


class Enrolled(Struct, frozen=True):
    """The host on record, and a certificate (wire blob) for each key, in the order of the request."""

    host: HostRecord
    certificates: tuple[bytes, ...]


async def enrolled(heart: Heart, address: str, body: api.EnrolRequest) -> Enrolled:
    """`address`: where the request comes from (`callers`). Raises any of the error tree."""
    request, credential = signing.enrolment(body, heart.ca_id, "" if address == UNKNOWN else address)
    issuance = await heart.issue(request, credential)
    if issuance.host is None:
        raise Internal("the authority recorded no host for a host's certificate")
    by_key = {issued.public_key: issued.certificate for issued in issuance.certificates}
    return Enrolled(issuance.host, tuple(by_key[key.blob] for key in request.keys))
