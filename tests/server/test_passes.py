"""Calls by the day pass over HTTP: from our client to the answer, and heads of every size (trust 4.2)."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Iterator

import msgspec
import pytest
from tests.ca.test_calls import changed
from tests.parts.sshpop import Holder
from tests.server.company import Company
from tests.server.kit import read_all

from daypass.api import ClientBundle, MyCertificate
from daypass.client.calls import prover
from daypass.client.signin.subject import signer
from daypass.errors import NotFound, Unauthenticated
from daypass.remote import Prove, Remote
from daypass.wire import Certificate

PATH = "/v1/me/certificates"


@pytest.fixture
def ca(company: Company) -> Iterator[Remote]:
    with Remote(company.url, company.root.pem) as remote:
        yield remote


def proving(company: Company, holder: Holder) -> Prove:
    return prover(company.heart.authority.ca_id, holder.certificate, signer(holder.private))


def test_our_client_lists_gives_up_and_fetches_the_hosts(company: Company, ca: Remote) -> None:
    mine, spare, host = company.person("carol"), company.person("carol"), company.host()
    prove = proving(company, mine)
    listed = ca.my_certificates(prove).certificates
    assert [each.serial for each in listed] == [spare.serial, mine.serial]
    certificate = spare.certificate
    assert listed[0] == MyCertificate(
        serial=certificate.serial, key_id=certificate.key_id, principals=list(certificate.principals),
        valid_after=certificate.valid_after, valid_before=certificate.valid_before,
    )  # fmt: skip
    gone = ca.my_revoke(spare.serial, "lost laptop", prove)
    assert gone.revoked_at is not None and ca.my_revoke(spare.serial, "", prove) == gone
    with pytest.raises(NotFound, match="no certificate with serial"):
        ca.my_revoke(host.serial, "", prove)
    with pytest.raises(Unauthenticated, match="revoked"):
        ca.my_certificates(proving(company, spare))
    bundle = msgspec.json.decode(ca.my_bundle(prove).document, type=ClientBundle)
    assert bundle.ca_id == company.heart.authority.ca_id.hex()
    assert b"-----BEGIN SSH SIGNATURE-----" in ca.my_bundle(prove).signature.encode()


def test_a_call_that_is_overheard_is_worth_nothing(company: Company) -> None:
    mine = company.person()
    header = mine.header("GET", PATH)
    assert company.web.get(PATH, headers={"authorization": header}).status_code == 200
    again = company.web.get(PATH, headers={"authorization": header})
    assert (again.status_code, again.json()["code"]) == (401, "pass.replay")
    elsewhere = company.web.get("/v1/me/bundle", headers={"authorization": mine.header("GET", PATH)})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (401, "pass.proof")
    body = company.web.post(
        "/v1/me/revoke",
        content=b'{"serial":2}',
        headers={"authorization": mine.header("POST", "/v1/me/revoke", b"{}")},
    )
    assert (body.status_code, body.json()["code"]) == (401, "pass.proof")


@pytest.mark.parametrize("count", [0, 2])
def test_there_is_one_proof_or_none(company: Company, count: int) -> None:
    headers = [("authorization", company.person().header("GET", PATH)) for _ in range(count)]
    answer = company.web.get(PATH, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "pass.missing")
    assert "daypass login" in answer.json()["hint"]


def test_a_head_request_is_signed_as_one(company: Company) -> None:
    mine = company.person()
    assert company.web.head(PATH, headers={"authorization": mine.header("HEAD", PATH)}).status_code == 200
    assert company.web.head(PATH, headers={"authorization": mine.header("GET", PATH)}).status_code == 401


def test_an_answer_about_a_person_is_kept_by_no_cache(company: Company) -> None:
    answer = company.web.get(PATH, headers={"authorization": company.person().header("GET", PATH)})
    assert answer.headers["cache-control"] == "no-store"


def test_no_proof_is_in_any_log(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    header = company.person().header("GET", PATH)
    company.web.get(PATH, headers={"authorization": header})
    company.web.get(PATH, headers={"authorization": header})
    assert header.partition(" ")[2][-40:] not in caplog.text


def with_principals(holder: Holder, count: int, size: int) -> Holder:
    names = tuple(f"role:{at:0{size}}" for at in range(count))
    made: Certificate = changed(holder.certificate, principals=names)
    return Holder(holder.private, made.with_signature(holder.certificate.signature))


@pytest.mark.parametrize("size", [20, 98])
def test_a_pass_with_256_principals_gets_through(company: Company, size: int) -> None:
    """However its bytes arrive. The certificate's signature is another's, so it is heard, and not believed."""
    header = with_principals(company.person(), 256, size).header("GET", PATH)
    head = f"GET {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {header}\r\n\r\n".encode()
    context = ssl.create_default_context(cadata=company.root.pem)
    plain = socket.create_connection(("127.0.0.1", int(company.url.rpartition(":")[2])), timeout=15)
    with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        for start in range(0, len(head), 16000):
            connection.sendall(head[start : start + 16000])
            time.sleep(0.02)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 401 ") and b'"code":"pass.proof"' in answer
