"""`step ssh renew`, `rekey` and `revoke` as they come over the wire: exact statuses and step's own words."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from tests.server.company import Company, b64
from tests.server.kit import key, possession

from daypass.client.calls import host_token
from daypass.client.signin.subject import signer
from daypass.errors import Denied, Invalid, Unauthenticated
from daypass.remote import Remote
from daypass.wire import Certificate, CertType
from daypass.wire.binding import POSSESSION_NAMESPACE, possession_message

NAME = "https://ca.example.com"


@pytest.fixture
def ca(company: Company) -> Iterator[Remote]:
    with Remote(company.url, company.root.pem) as remote:
        yield remote


def post(company: Company, path: str, **body: Any) -> tuple[int, Any]:
    answer = company.web.post(path, json=body)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("prefix", ["", "/1.0"])
def test_all_three_answer_as_step_ca_does(company: Company, prefix: str) -> None:
    host, (_, public) = company.host(), key()
    status, body = post(company, f"{prefix}/ssh/renew", ott=host.token("renew"))
    assert (status, set(body)) == (201, {"crt"})
    again = Certificate.parse(base64.b64decode(body["crt"]))
    assert (again.public_key, again.principals) == (host.certificate.public_key, host.certificate.principals)
    status, body = post(company, f"{prefix}/ssh/rekey", ott=host.token("rekey"), publicKey=b64(public.blob))
    assert (status, set(body)) == (201, {"crt"})
    assert Certificate.parse(base64.b64decode(body["crt"])).public_key == public
    asked = {"serial": str(host.serial), "ott": host.token("revoke"), "reasonCode": 0, "reason": "", "passive": True}
    assert post(company, f"{prefix}/ssh/revoke", **asked) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("path", "change", "status", "message"),
    [
        ("/ssh/renew", {"ott": ""}, 400, "missing or empty ott"),
        ("/ssh/rekey", {"ott": ""}, 400, "missing or empty ott"),
        ("/ssh/rekey", {"publicKey": ""}, 400, "missing or empty public key"),
        ("/ssh/rekey", {"publicKey": "AAAA"}, 400, "error parsing publicKey"),
        ("/ssh/rekey", {"publicKey": "%"}, 400, "publicKey is not standard base64"),
        ("/ssh/rekey", {"proof": "AAAA"}, 401, "proof does not prove possession"),
        ("/ssh/revoke", {"serial": ""}, 400, "missing serial"),
        ("/ssh/revoke", {"serial": "0x10"}, 400, "not a number in decimal"),
        ("/ssh/revoke", {"serial": "-1"}, 400, "not a number in decimal"),
        ("/ssh/revoke", {"serial": 1}, 400, "expected a string"),
        ("/ssh/revoke", {"ott": ""}, 400, "missing ott"),
        ("/ssh/revoke", {"reasonCode": 11}, 400, "reasonCode out of bounds"),
        ("/ssh/revoke", {"reasonCode": -1}, 400, "reasonCode out of bounds"),
        ("/ssh/revoke", {"reason": "a\nb"}, 400, "one line"),
        ("/ssh/revoke", {"passive": False}, 501, "non-passive revocation not implemented"),
        ("/ssh/revoke", {"serial": "1"}, 403, 'request serial "1" and token subject'),
    ],
)
def test_what_is_wrong_is_said_in_step_s_words(
    company: Company, path: str, change: dict[str, Any], status: int, message: str
) -> None:
    host = company.host()
    honest = {
        "ott": host.token(path.rpartition("/")[2]), "publicKey": b64(key()[1].blob),
        "serial": str(host.serial), "passive": True,
    }  # fmt: skip
    found, body = post(company, path, **(honest | change))
    assert (found, body["status"]) == (status, status)
    assert message in body["message"]
    assert host.token("renew").rpartition(".")[2] not in str(body)
    renewed, _ = post(company, "/ssh/renew", ott=host.token("renew"))
    assert renewed == 201  # nothing was revoked


@pytest.mark.parametrize("act", ["renew", "rekey", "revoke"])
def test_a_person_s_certificate_is_no_host_s(company: Company, act: str) -> None:
    person = company.person()
    body = {"ott": person.token(act), "publicKey": b64(key()[1].blob), "serial": str(person.serial), "passive": True}
    status, answer = post(company, f"/ssh/{act}", **body)
    assert (status, answer["message"]) == (400, "sshpop certificate must be a host ssh certificate")


def test_no_host_revokes_another_s(company: Company) -> None:
    """CVE-2025-66406: step-ca let any host revoke any certificate."""
    host, victim, person = company.host(), company.host(), company.person()
    for serial in (victim.serial, person.serial, 1):
        for token in (host.token("revoke"), host.token("revoke", sub=str(serial))):
            status, _ = post(company, "/ssh/revoke", serial=str(serial), ott=token, passive=True)
            assert status in (401, 403)
    for each in (victim.serial, person.serial):
        found = company.wait(company.heart.store.on_record(each))
        assert found is not None and found.revoked_at is None


def test_our_client_renews_rekeys_and_revokes(company: Company, ca: Remote) -> None:
    host, (fresh, public) = company.host(), key()
    again = Certificate.parse(ca.renew(host_token(NAME, "renew", host.certificate, host.private)).crt)
    assert again.serial != host.serial
    ott = host_token(NAME, "rekey", again, host.private)
    proof = signer(fresh)(POSSESSION_NAMESPACE, possession_message(company.heart.authority.ca_id, ott)).encode()
    moved = Certificate.parse(ca.rekey(ott, public, proof).crt)
    assert (moved.type, moved.public_key, moved.principals) == (CertType.HOST, public, host.certificate.principals)
    entry = company.wait(company.heart.store.ledger(0, 100_000))[-1].entry
    assert b'"act":"host.rekey"' in entry and b'"proven":true' in entry
    ca.revoke_host(host_token(NAME, "revoke", moved, fresh), moved.serial, reason="decommissioned", reason_code=5)
    with pytest.raises(Invalid, match="already revoked"):
        ca.revoke_host(host_token(NAME, "revoke", moved, fresh), moved.serial)
    with pytest.raises(Unauthenticated, match="revoked"):
        ca.renew(host_token(NAME, "renew", moved, fresh))


def test_our_client_is_told_why_not(company: Company, ca: Remote) -> None:
    host, other = company.host(), company.host()
    with pytest.raises(Denied, match="another host"):
        ca.rekey(host_token(NAME, "rekey", host.certificate, host.private), other.certificate.public_key)
    ott = host_token(NAME, "rekey", host.certificate, host.private)
    with pytest.raises(Unauthenticated, match="by another key"):
        ca.rekey(ott, key()[1], possession(other.private, ott))
    with pytest.raises(Unauthenticated, match="was not made for"):
        ca.renew(host_token("https://other.example.com", "renew", host.certificate, host.private))
