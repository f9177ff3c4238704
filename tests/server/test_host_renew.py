"""`/v1/host/renew` over the wire: every key signs for itself, for this host and these keys (trust 3.3)."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.parts.sshpop import Holder
from tests.server.company import Company, b64
from tests.server.kit import CA_ID, key

from daypass.wire import Certificate, PublicKey, SshSignature, sign_blob, sshsig
from daypass.wire.binding import HEARTBEAT_NAMESPACE, POSSESSION_NAMESPACE, renewal_message

PATH = "/v1/host/renew"


def entries(
    company: Company, host: Holder, *keys: Ed25519PrivateKey, ca_id: bytes = CA_ID, of: Holder | None = None,
    namespace: str = POSSESSION_NAMESPACE, over: tuple[Ed25519PrivateKey, ...] = (),
) -> list[dict[str, str]]:  # fmt: skip
    found = company.wait(company.heart.store.on_record((of or host).serial))
    assert found is not None and found.host is not None
    blobs = [PublicKey.from_cryptography(each.public_key()).blob for each in (over or keys)]
    message = sshsig.to_be_signed(namespace, renewal_message(ca_id, found.host, blobs))

    def entry(private: Ed25519PrivateKey) -> dict[str, str]:
        public = PublicKey.from_cryptography(private.public_key())
        proof = SshSignature(public, namespace, "sha512", sign_blob(private, message)).encode()
        return {"public_key": b64(public.blob), "proof": b64(proof)}

    return [entry(each) for each in keys]


def post(company: Company, host: Holder, keys: list[dict[str, str]]) -> tuple[int, Any]:
    body = json.dumps({"keys": keys}).encode()
    headers = {"authorization": host.host_header("POST", PATH, body)}
    answer = company.web.post(PATH, content=body, headers=headers)
    return answer.status_code, answer.json()


def test_certificates_come_in_the_order_of_their_keys(company: Company) -> None:
    host, (new, public) = company.host(), key()
    status, body = post(company, host, entries(company, host, new, host.private))
    assert status == 201
    made = [Certificate.parse(b64decode(each)) for each in body["certificates"]]
    assert [each.public_key for each in made] == [public, host.certificate.public_key]


WRONG: dict[str, Callable[[Company, Holder, Ed25519PrivateKey], list[dict[str, str]]]] = {
    "for another CA": lambda c, h, new: entries(c, h, new, ca_id=bytes(32)),
    "for another host": lambda c, h, new: entries(c, h, new, of=c.host()),
    "in another namespace": lambda c, h, new: entries(c, h, new, namespace=HEARTBEAT_NAMESPACE),
    "over fewer keys": lambda c, h, new: entries(c, h, new, h.private, over=(new,)),
    "over other keys": lambda c, h, new: entries(c, h, new, over=(h.private,)),
    "by another key": lambda c, h, new: [entries(c, h, new)[0] | {"proof": entries(c, h, h.private)[0]["proof"]}],
}


@pytest.mark.parametrize("how", WRONG)
def test_a_key_that_did_not_sign_for_this_is_not_certified(company: Company, how: str) -> None:
    host = company.host()
    status, body = post(company, host, WRONG[how](company, host, key()[0]))
    assert (status, body["code"]) == (401, "possession")


@pytest.mark.parametrize("number", [0, 9])
def test_a_host_has_one_to_eight_keys(company: Company, number: int) -> None:
    host = company.host()
    status, body = post(company, host, entries(company, host, *(key()[0] for _ in range(number))))
    assert (status, body["code"]) == (400, "enrol.keys")


def test_no_key_stands_twice(company: Company) -> None:
    host = company.host()
    status, body = post(company, host, entries(company, host, host.private, host.private))
    assert (status, body["code"]) == (400, "enrol.keys")
