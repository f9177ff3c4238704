"""`/v1/host/ack` on a whole CA: what a host answers is kept, and nothing it says is more than its word."""

from __future__ import annotations

import json
from typing import Any

from tests.parts.sshpop import Holder
from tests.server.company import Company

from daypass.server.pacing import ack_within
from daypass.wire import Certificate

PATH = "/v1/host/ack"


def ack(company: Company, host: Holder, status: int = 200, **told: Any) -> Any:
    body = json.dumps({"bundle_version": 1, "krl_version": 1} | told).encode()
    answer = company.web.post(PATH, content=body, headers={"authorization": host.host_header("POST", PATH, body)})
    assert answer.status_code == status, answer.text
    return answer.json()


def host_id(company: Company, certificate: Certificate) -> str:
    found = company.wait(company.heart.store.on_record(certificate.serial))
    assert found is not None
    assert found.host is not None
    return found.host


def test_what_a_host_has_applied_is_kept(company: Company) -> None:
    host = company.host()
    assert ack(company, host, bundle_version=17, krl_version=4).keys() == {"again"}
    found = company.wait(company.heart.store.acks())[host_id(company, host.certificate)]
    assert (found.bundle_version, found.krl_version) == (17, 4)


def test_nonsense_is_refused_or_left_out_and_the_host_goes_on(company: Company) -> None:
    host = company.host()
    ack(company, host, 400, krl_version="7")
    ack(company, host, 400, sessions=[{"id": 1}])
    strange = {"id": "\x00" * 12, "account": "a", "address": "", "since": 0, "way": "key"}
    ack(company, host, sessions=[strange], endings=[{"ending": "e' OR 1=1", "time": 0}])
    assert company.wait(company.heart.store.host_sessions(host_id(company, host.certificate))).sessions == ()  # type: ignore[union-attr]


def test_ten_thousand_hosts_spread_what_a_few_say_at_once() -> None:
    assert (ack_within(10), ack_within(10_000)) == (0.1, 50.0)
