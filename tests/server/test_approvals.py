"""What a second person is shown is what would be done: whatever the first one has sent (trust 4.3)."""

from __future__ import annotations

import json
import os
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace
from tests.ca.acting import shown
from tests.server.company import Company


def call(company: Company, name: str, body: bytes, group: str, who: str = "") -> httpx2.Response:
    path, who = f"/v1/admin/{name}", who or f"op-{os.urandom(4).hex()}"
    header = shown(company.op, path, body, groups=[group], sub=who, email=f"{who}@example.com").header()
    return company.web.post(path, content=body, headers={"authorization": header})


def waiting(company: Company, number: str, group: str) -> dict[str, Any]:
    answer = call(company, "approvals", b"{}", group)
    assert answer.status_code == 200, answer.text
    (found,) = [each for each in answer.json()["acts"] if each["id"] == number]
    return dict(found)


MEANT = {"person": "#9998", "reason": "he asked"}
AMBIGUOUS = {
    "a key twice": b'{"person":"#1","reason":"he asked","person":"#9998"}',
    "a key written in another way": b'{"person":"#1","reason":"he asked","\\u0070erson":"#9998"}',
    "escapes": b'{"reason":"he asked","person":"\\u0023\\u0039998"}',
    "keys that nobody reads": b'{"person":"#9998","reason":"he asked","Person":"#1","persons":["#1"]}',
    "pushed out of sight": b'{"person":"#1",' + b" " * 5000 + b'"person":"#9998","reason":"he asked"}',
}


@pytest.mark.parametrize("body", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_a_body_of_two_meanings_is_shown_in_the_one_that_counts(company: Company, body: bytes) -> None:
    asked = call(company, "unlock", body, "unlock").json()
    for group in ("unlock", "approve:unlock", "audit"):
        seen = waiting(company, asked["id"], group)
        assert json.loads(seen["body"], object_pairs_hook=list) == [("person", "#9998"), ("reason", "he asked")]
        assert seen["digest"] == asked["digest"]
    approval = json.dumps({"id": asked["id"], "digest": asked["digest"]}).encode()
    done = call(company, "approve", approval, "unlock")
    assert (done.status_code, done.json()["code"]) == (404, "person.unknown")


def test_what_this_release_can_not_read_hides_nothing_else(company: Company) -> None:
    """Another process of the CA, of another release, has taken these."""
    asked = call(company, "unlock", json.dumps(MEANT).encode(), "unlock").json()
    kept = company.wait(company.heart.store.pending_act(asked["id"]))
    assert kept is not None
    for number, act, body in (("new-act", "melt", b"{}"), ("new-body", "unlock", b'{"whom":"#1"}')):
        company.wait(company.heart.store.add_pending(replace(kept, id=number, act=act, body=body), most=20))
    assert waiting(company, asked["id"], "approve:unlock")["body"] == '{"person":"#9998","reason":"he asked"}'
    assert waiting(company, "new-body", "audit")["body"] == '{"whom":"#1"}'
    assert call(company, "approve", b'{"id":"new-act","digest":"00"}', "unlock").status_code == 404


def test_going_back_to_a_version_says_from_which_one(company: Company) -> None:
    """Else it would undo whatever is published until somebody approves it."""
    loose = call(company, "config_rollback", b'{"version":1}', "configure")
    assert (loose.status_code, loose.json()["code"]) == (400, "config.base")
    assert "--base" in loose.json()["hint"]
    assert call(company, "config_rollback", b'{"version":1,"base":1}', "configure").status_code == 202


def test_nobody_needs_a_publication_s_secrets_and_nobody_gets_to_read_them(company: Company) -> None:
    """A request waits where auditors read it; secrets are each machine's own."""
    toml = '[[providers]]\nname = "idp"\nissuer = "https://idp"\nclient_id = "x"\nclient_secret = "hunter2"\n'
    body = json.dumps({"toml": toml, "base": 1}).encode()
    answer = call(company, "config_publish", body, "configure")
    assert (answer.status_code, answer.json()["code"]) == (400, "config.secret")
    assert "hunter2" not in answer.text
    assert "hunter2" not in call(company, "approvals", b"{}", "audit").text
