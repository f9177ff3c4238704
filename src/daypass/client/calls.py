"""Calls that show something one holds already: one's day pass (trust 4.2), or a host certificate (SSHPOP)."""

from __future__ import annotations

import os
import secrets
import time
from typing import TYPE_CHECKING

from daypass.api import CALL_NONCE_SIZE, REQUEST_NAMESPACE, PassProof
from daypass.client.signin import subject
from daypass.remote import Prove
from daypass.wire import Certificate
from daypass.wire.binding import request_message
from daypass.wire.sshpop import PROVISIONER, sshpop_token

if TYPE_CHECKING:
    from daypass.wire.pyca import PrivateKey

__all__ = ["host_token", "prover"]


def prover(ca_id: bytes, certificate: Certificate, by: subject.Prove) -> Prove:
    """What `Remote.my_…` takes to speak for the person of `certificate`; `by` is its key. Every call signs anew."""

    def prove(method: str, path: str, body: bytes) -> str:
        now, nonce = int(time.time()), os.urandom(CALL_NONCE_SIZE)
        message = request_message(ca_id, method, path, body, now, nonce)
        proof = by(REQUEST_NAMESPACE, message).encode()
        return PassProof(certificate=certificate.encode(), time=now, nonce=nonce, proof=proof).header()

    return prove


def host_token(
    url: str, act: str, certificate: Certificate, key: PrivateKey, *, provisioner: str = PROVISIONER
) -> str:
    """The `ott` of `Remote.renew`, `rekey` and `revoke_host`, good once and for five minutes.

    `act` is the route's last word; `key` is the certificate's; a step-ca may call its provisioner otherwise.
    """
    audience = f"{url}/1.0/ssh/{act}"
    now, jti = int(time.time()), secrets.token_hex(32)
    return sshpop_token(key, certificate, audience=audience, issuer=provisioner, now=now, jti=jti)
