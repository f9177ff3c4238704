"""What a host is given with its certificates is newer than what it goes by, however fast it comes back."""

from __future__ import annotations

import json
import re
import time
from base64 import b64decode

import pytest
from tests.server.company import Company, enrolment
from tests.server.kit import key
from tests.server.test_host_renew import entries


def had() -> int:
    """By a process of the CA whose clock is honestly ahead of this one's."""
    return int(time.time() + 3) * 1000 + 7


@pytest.mark.parametrize("path", ["/v1/host/enroll", "/v1/host/agent/enroll"])
def test_an_enrolment_anew(company: Company, path: str) -> None:
    private, public = key()
    before = had()
    asked = enrolment(private, public, company.join_token(f"again{len(path)}.example.com"))
    answer = company.web.post(path, json=asked | {"bundle_version": before})
    assert answer.status_code == 201 and version(answer.text) > before


def test_a_renewal_by_the_shell_agent(company: Company) -> None:
    host, before = company.host(), had()
    body = json.dumps({"keys": entries(company, host, host.private), "bundle_version": before}).encode()
    path = "/v1/host/agent/renew"
    answer = company.web.post(path, content=body, headers={"authorization": host.host_header("POST", path, body)})
    assert answer.status_code == 201 and version(answer.text) > before


def version(answer: str) -> int:
    """Of the bundle, in JSON or in lines."""
    if answer.startswith("{"):
        return int(json.loads(json.loads(answer)["bundle"]["document"])["version"])
    found = re.search(r"^bundle (\S+)$", answer, re.MULTILINE)
    assert found is not None, answer
    line = re.search(rb"^version (\d+)$", b64decode(found[1]), re.MULTILINE)
    assert line is not None
    return int(line[1])
