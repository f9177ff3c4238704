"""Who may log in where, over HTTP: one's own by the day pass, everybody's for who administers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.server.company import Company
from tests.server.test_passes import proving

from daypass.api import MyHosts
from daypass.config import policy_document
from daypass.remote import Remote


def asked(company: Company, route: str, **body: Any) -> Any:
    answer = company.local.post(f"/v1/admin/{route}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_person_learns_what_they_may_themselves(company: Company) -> None:
    mine, host = company.person("dora"), company.host("explain-1.example.com")
    with Remote(company.url, company.root.pem) as ca:
        yes = ca.my_explain("dora", "explain-1", proving(company, mine))
        no = ca.my_explain("root", "explain-1.example.com", proving(company, mine))
    assert yes.yes and yes.ways[0].principal in mine.certificate.principals and yes.who == "dora@example.com"
    assert yes.host == host.certificate.principals[0]
    assert not no.yes and no.code == "policy.account"


def test_a_person_learns_which_hosts_are_theirs(company: Company) -> None:
    mine = company.person("dora")
    company.host("mine-1.example.com")
    with Remote(company.url, company.root.pem) as ca:
        found = msgspec.json.decode(ca.my_hosts(proving(company, mine)).document, type=MyHosts)
    assert found.login == "dora" and [each.name for each in found.hosts] == sorted(each.name for each in found.hosts)
    (host,) = [each for each in found.hosts if each.name == "mine-1.example.com"]
    assert [(each.account, each.narrow) for each in host.accounts] == [("dora", False)] and host.via == ""


def test_a_day_pass_asks_about_nobody_else(company: Company) -> None:
    mine, body = company.person("dora"), b'{"account":"root","host":"web-1","who":"alice"}'
    answer = company.web.post(
        "/v1/me/explain", content=body, headers={"authorization": mine.header("POST", "/v1/me/explain", body)}
    )
    assert answer.status_code == 200 and answer.json()["who"] == "dora@example.com"
    for route in ("explain", "who"):
        path = f"/v1/admin/{route}"
        header = mine.header("POST", path, body)
        assert company.web.post(path, content=body, headers={"authorization": header}).status_code == 401


def test_an_operator_asks_about_others_by_any_word_for_them(company: Company) -> None:
    company.person("dora")
    company.host("explain-2.example.com")
    for word in ("dora", "dora@example.com", "idp:dora"):
        assert asked(company, "explain", who=word, account="dora", host="explain-2")["yes"], word
    assert not asked(company, "explain", who="dora", account="alice", host="explain-2")["yes"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"who": "nobody"}, 404, "person.unknown"),
        ({"who": "x\0y"}, 400, None),
        ({"who": "dora", "role": "none"}, 404, "role.unknown"),
        ({"who": "new@example.com", "provider": "none"}, 400, "provider.unknown"),
        ({"who": "new@example.com", "facts": {"shoe": ["44"]}}, 400, "explain.facts"),
        ({"who": "new@example.com", "facts": {"group": ["g"] * 1000}}, 400, "explain.facts"),
        ({"who": "dora", "account": 1}, 400, None),
    ],
)
def test_a_question_that_makes_no_sense_is_told_so(
    company: Company, body: dict[str, Any], status: int, code: str | None
) -> None:
    company.person("dora")
    whole = {"account": "dora", "host": "explain-3.example.com"} | body
    answer = company.local.post("/v1/admin/explain", json=whole)
    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])


def test_somebody_nobody_knows_yet_can_be_supposed(company: Company) -> None:
    company.host("explain-4.example.com")
    new = {"who": "new@example.com", "account": "new", "host": "explain-4"}
    assert asked(company, "explain", **new, facts={"group": ["engineers"]})["yes"]
    missed = asked(company, "explain", **new, facts={"group": ["sales"]})
    assert (missed["code"], missed["role"], missed["found"]) == ("policy.no-role", "engineers", ["sales"])


def test_who_could_is_everybody_on_record_and_whoever_meets_the_conditions(company: Company) -> None:
    company.person("erin")
    company.host("explain-5.example.com")
    answer = asked(company, "who", account="erin", host="explain-5")
    [role] = answer["roles"]
    assert (role["role"], role["people"]) == ("engineers", ["erin"])
    assert '"engineers"' in role["conditions"]
    assert company.local.post("/v1/admin/who", json={"account": "a", "host": "nowhere"}).status_code == 404


@pytest.mark.parametrize("host", ["::1", "2001:db8::1", "192.0.2.1", "%", "web-1\x1b[2J", "a" * 5000, "", "*", "_"])
def test_no_name_of_a_host_is_too_strange_for_a_plain_no(company: Company, host: str) -> None:
    mine = company.person("dora")
    with Remote(company.url, company.root.pem) as ca:
        found = ca.my_explain("root", host, proving(company, mine))
    assert not found.yes and found.code == "host.unknown"
    assert found.message.isprintable() and len(found.message) < 200


def test_a_part_of_a_name_that_means_two_hosts_is_asked_about(company: Company) -> None:
    mine = company.person("dora")
    for name in ("twin.a.example.com", "twin.b.example.com"):
        company.host(name)
    body = {"who": "dora", "account": "dora", "host": "twin"}
    answer = company.local.post("/v1/admin/explain", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "host.several")
    with Remote(company.url, company.root.pem) as ca:
        assert ca.my_explain("dora", "TWIN.a.example.com.", proving(company, mine)).yes


def test_what_a_change_would_give_is_told_for_people_on_record(company: Company) -> None:
    company.person("fred")
    company.host("explain-6.example.com")
    before = company.heart.settings
    wider = replace(before.roles[0], accounts=["{login}", "sql"])
    answer = asked(company, "policy_diff", document=policy_document(replace(before, roles=[wider])))
    assert answer["widens"] and answer["version"] == 1
    assert [(each["key"], each["effect"]) for each in answer["changes"]] == [("roles.engineers.accounts", "wider")]
    [row] = [each for each in answer["people"] if each["effect"] == "gains"]
    assert row["account"] == "sql" and "fred" in row["people"] and "explain-6.example.com" in row["hosts"]
    same = asked(company, "policy_diff", document=policy_document(before))
    assert same == {"version": 1, "widens": False, "changes": [], "people": []}


@pytest.mark.parametrize("document", ["", "{", "[]", "{}", '{"config_version":1}', "\x00"])
def test_a_document_that_is_none_is_refused(company: Company, document: str) -> None:
    answer = company.local.post("/v1/admin/policy_diff", json={"document": document})
    assert (answer.status_code, answer.json()["code"]) == (400, "policy.document")
