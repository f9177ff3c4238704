"""What the agent in shell is answered: the documents of any host, in lines."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256

import httpx2
import pytest
from tests.parts.sshpop import Holder
from tests.server.company import Company

from daypass import shell_agent
from daypass.wire import SshSignature
from daypass.wire.binding import TEXT_BUNDLE_NAMESPACE


def sync(company: Company, host: Holder, **said: object) -> httpx2.Response:
    body, path = json.dumps(said).encode(), "/v1/host/agent/sync"
    return company.web.post(path, content=body, headers={"authorization": host.host_header("POST", path, body)})


def lines(answer: httpx2.Response) -> dict[str, str]:
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    head, *found, end, last = answer.text.split("\n")
    assert (head, end, last) == ("daypass-agent-v1", "end", "")
    return dict(line.split(" ", 1) for line in found)


def test_the_script_is_the_one_whose_digest_user_data_names(company: Company) -> None:
    answer = company.web.get("/v1/host/agent.sh")
    assert sha256(answer.content).hexdigest() == shell_agent.digest()
    assert answer.content.startswith(b"#!/bin/sh\n")


def test_a_bundle_in_lines_is_signed_for_that_and_nothing_else(company: Company) -> None:
    found = lines(sync(company, company.host("web-77.example.com")))
    bundle = b64decode(found["bundle"])
    signature = SshSignature.parse(b64decode(found["bundle-signature"]))
    signature.verify(TEXT_BUNDLE_NAMESPACE, bundle, signature.public_key)
    assert b"\nname web-77.example.com\n" in bundle
    assert f"\nkrl {sha256(b64decode(found['krl'])).hexdigest()}\n".encode() in bundle


def test_what_the_host_has_does_not_come_again(company: Company) -> None:
    host = company.host()
    krl = sha256(b64decode(lines(sync(company, host))["krl"])).hexdigest()
    assert "krl" not in lines(sync(company, host, krl_digest=krl))
    assert "trust" not in lines(sync(company, host, krl_digest=krl, trust_version=0))


@pytest.mark.parametrize("route", ["sync", "stream", "agent/sync"])
def test_a_machine_of_the_ca_that_is_behind_takes_no_newer_key_from_a_host(company: Company, route: str) -> None:
    """Its bundle names the keys it knows: a host would give up the newer one that another machine has told it of."""
    host, path = company.host(f"{route.replace('/', '-')}.example.com"), f"/v1/host/{route}"
    body = json.dumps({"trust_version": 1}).encode()
    answer = company.web.post(path, content=body, headers={"authorization": host.host_header("POST", path, body)})
    assert (answer.status_code, answer.json()["code"]) == (503, "host-call.behind")
    assert "trust.json" in answer.json()["hint"] and answer.headers["retry-after"]
