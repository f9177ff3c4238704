"""What has become of revocations and who is on which host, over HTTP: who may ask, and what they are told."""

from __future__ import annotations

import json
from typing import Any

from tests.ca.acting import shown
from tests.server.company import Company
from tests.server.kit import wait_for
from tests.server.test_acks import ack, host_id

from daypass.ca.ending_ports import Ending, Source


def asked(company: Company, route: str, status: int = 200, *, groups: tuple[str, ...] = (), **body: Any) -> list[Any]:
    """By root at the socket, or by a sign-in with these groups."""
    path, content = f"/v1/admin/{route}", json.dumps(body).encode()
    if groups:
        sub = f"op-{groups[0]}"
        act = shown(company.op, path=path, body=content, groups=list(groups), sub=sub, email=f"{sub}@example.com")
        answer = company.web.post(path, content=content, headers={"authorization": act.header()})
    else:
        answer = company.local.post(path, content=content)
    assert answer.status_code == status, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def ended(company: Company, serial: int, actor: str = "uid:0") -> str:
    ending = Ending(source=Source.OPERATOR, actor=actor, reason="lost", about="a laptop", serials=(serial,))
    made = company.wait(company.heart.store.end(ending, now=int(company.heart.clock.now())))

    def covered() -> bool:
        found = company.wait(company.heart.store.ending(made.id))
        return found is not None and found.user_krl is not None

    wait_for(covered)
    return made.id


def test_an_ending_is_listed_and_shown_and_waited_for(company: Company) -> None:
    person, host = company.person("proof-1"), company.host("a-proof-1.example.com")
    ending = ended(company, person.serial)
    (first,) = asked(company, "ending_follow", ending=ending, seconds=0)
    assert first["state"] == "waiting"
    assert "a-proof-1.example.com" in [each["host"] for each in first["unreached"]]
    before = first["applied"]
    ack(company, host, krl_version=2**60)
    (found,) = asked(company, "ending_show", groups=("audit",), ending=ending)
    assert found["progress"]["applied"] == before + 1
    assert (found["ending"]["id"], found["ending"]["reason"]) == (ending, "lost")
    assert ending in [each["id"] for each in asked(company, "endings", groups=("audit",))]


def test_it_is_followed_by_who_made_it_and_by_who_may_read(company: Company) -> None:
    mine, roots = (
        ended(company, company.person("proof-2").serial, actor="idp:op-revoke"),
        ended(company, company.person("proof-3").serial),
    )
    for ending, groups, status in (
        (mine, ("revoke",), 200), (roots, ("revoke",), 403), (roots, ("audit",), 200), (mine, ("nobody",), 403),
    ):  # fmt: skip
        asked(company, "ending_follow", status, groups=groups, ending=ending, seconds=0)
    for route, body in (("endings", {}), ("ending_show", {"ending": mine}), ("sessions", {})):
        asked(company, route, 403, groups=("revoke",), **body)
    asked(company, "session_end", 403, groups=("audit",), session="0" * 12)
    asked(company, "ending_show", 404, ending="e" * 11)
    asked(company, "endings", 400, limit=0)


def test_sessions_are_listed_by_host_and_one_is_ended(company: Company) -> None:
    person, host = company.person("proof-4"), company.host("proof-4.example.com")
    ca = person.certificate.signature_key.fingerprint
    session = {"id": "a" * 12, "account": "deploy", "address": "192.0.2.9", "since": 9, "way": "certificate",
               "ca": ca, "serial": person.serial, "key_id": person.certificate.key_id}  # fmt: skip
    ack(company, host, sessions=[session])
    (found,) = asked(company, "sessions", groups=("audit",), host="proof-4.example.com")
    assert (found["session"]["account"], found["login"], found["end"]) == ("deploy", "proof-4", 0)
    (told,) = asked(company, "session_end", groups=("revoke",), session="a" * 12, reason="left open")
    assert (told["host"], told["over"]) == ("proof-4.example.com", False)
    ends = company.wait(company.heart.store.session_ends())
    assert [each.reason for each in ends[host_id(company, host.certificate)]] == ["left open"]
    ack(company, host, sessions=[], closed=[{"session": session, "closed_at": 1.5, "reason": "left open"}])
    assert not asked(company, "sessions", groups=("audit",), host="proof-4.example.com")
    asked(company, "session_end", 404, groups=("revoke",), session="a" * 12)
