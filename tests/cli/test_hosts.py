"""`daypass hosts`: where one may log in, as whom, through which bastion; today's list, else the one of last time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.cli.files_kit import Told, signed_in, told
from tests.client.mini_ca import MiniCa, sign_document

from daypass import api
from daypass.cli.exits import Exit
from daypass.client import reach
from daypass.client.settings import Settings
from daypass.client.trust import Membership

__all__ = ["signed_in", "told"]

MINE = api.MyAccount(account="alice", role="dev")
SQL = api.MyAccount(account="sql", role="dba", narrow=True)
HOSTS = [
    api.MyHost(name="db-1.corp.test", names=["db-1", "10.0.0.7"], labels={"env": "prod"}, accounts=[MINE, SQL],
               via="gate-1.corp.test"),
    api.MyHost(name="web-1.corp.test", labels={"env": "test"}, accounts=[MINE]),
]  # fmt: skip
ALL = "db-1.corp.test   alice, sql (role dba)  through gate-1.corp.test\nweb-1.corp.test  alice\n"


def listed(company: MiniCa, signer: Ed25519PrivateKey | None = None, **changes: Any) -> api.Signed:
    now = int(time.time())
    document = api.MyHosts(
        ca_id=company.ca_id.hex(), login="alice", version=now * 1000, issued_at=now, expires=now + 60, hosts=HOSTS
    )
    text = msgspec.json.encode(msgspec.structs.replace(document, **changes))
    return sign_document(text, signer or company.bundle, api.MY_HOSTS_NAMESPACE)


@pytest.fixture
def with_hosts(signed_in: Membership, company: MiniCa) -> Membership:
    """The list has come once."""
    company.answers["/v1/me/hosts"] = [(200, listed(company))]
    assert reach.refresh(signed_in.context)
    return signed_in


def test_hosts_are_listed_with_accounts_and_the_way_there(told: Told, signed_in: Membership, company: MiniCa) -> None:
    company.answers["/v1/me/hosts"] = [(200, listed(company))]
    assert told("hosts") == (0, ALL, "")
    assert company.hits["/v1/me/hosts"] == 1


CHOICES = [
    ([], 2), (["db"], 1), (["DB-1"], 1), (["10.0.0.7"], 1), (["*.corp.test"], 2), (["web-?.corp.test"], 1),
    (["--label", "env=prod"], 1), (["web", "--label", "env=test"], 1), (["db", "--label", "env=test"], 0),
    (["--label", "env=prod", "--label", "x=y"], 0), (["nothing"], 0), (["web-?"], 0),
]  # fmt: skip


@pytest.mark.parametrize(("options", "count"), CHOICES)
def test_they_are_chosen_by_name_and_label(
    options: list[str], count: int, told: Told, with_hosts: Membership
) -> None:
    code, out, err = told("hosts", "--offline", *options)
    assert (code, out.count("\n")) == (0 if count else 1, count)
    assert bool(count) is ("no such host" not in err)


def test_json_has_all_of_it(told: Told, with_hosts: Membership) -> None:
    code, out, _ = told("hosts", "db", "--offline", "--json")
    (only,) = json.loads(out)
    assert code == 0 and only.pop("as_of").endswith("Z")
    assert only == {
        "name": "db-1.corp.test", "names": ["db-1", "10.0.0.7"], "company": with_hosts.context.name,
        "labels": {"env": "prod"}, "via": "gate-1.corp.test",
        "accounts": [{"account": "alice", "role": "dev", "narrow": False},
                     {"account": "sql", "role": "dba", "narrow": True}],
    }  # fmt: skip


BAD: dict[str, Callable[[MiniCa], tuple[int, object]]] = {
    "no answer": lambda _: (0, b""),
    "an old CA": lambda _: (404, b"{}"),
    "a stranger's": lambda ca: (200, listed(ca, Ed25519PrivateKey.generate(), hosts=[])),
    "another CA's": lambda ca: (200, listed(ca, ca_id="00" * 32, hosts=[])),
    "an older one": lambda ca: (200, listed(ca, version=1, hosts=[])),
    "one that has ended": lambda ca: (200, listed(ca, expires=1, hosts=[])),
    "a bundle": lambda ca: (200, ca.client_bundle()),
}


@pytest.mark.parametrize("bad", BAD)
def test_whatever_else_comes_the_last_list_is_shown_with_its_age(
    bad: str, told: Told, with_hosts: Membership, company: MiniCa
) -> None:
    company.answers["/v1/me/hosts"] = [BAD[bad](company)] * 3
    code, out, err = told("hosts")
    assert (code, out) == (0, ALL) and " as alice: as of" in err and "ago" in err


def test_what_others_wrote_is_shown_inert(told: Told, signed_in: Membership, company: MiniCa) -> None:
    account = api.MyAccount(account="\x1b[2J", role="\x07", narrow=True)
    evil = [api.MyHost(name="a\x1b]0;x", accounts=[account], via="\n")]
    company.answers["/v1/me/hosts"] = [(200, listed(company, hosts=evil, login="\x1b"))]
    told("hosts")
    code, out, err = told("hosts", "--offline")
    assert code == 0 and "\x1b" not in out + err and "\x07" not in out and out.count("\n") == 1


def test_before_a_list_has_come_a_sign_in_is_asked_for(told: Told, at_home: Settings, joined: Membership) -> None:
    code, out, err = told("hosts")
    assert (code, out) == (0, "") and f"daypass login --context {joined.context.name}" in err
    assert "there is no" not in err
    assert told("hosts", "--context", "other")[0] == Exit.NOT_FOUND
    assert told("hosts", "--label", "x")[0] == Exit.USAGE
    assert told("hosts", "--all", "--label", "x=y")[0] == Exit.USAGE


@pytest.mark.parametrize("options", [(), ("--all",), ("--offline",)])
def test_who_has_joined_no_company_is_told_what_to_ask_for(
    told: Told, at_home: Settings, options: tuple[str]
) -> None:
    code, out, err = told("hosts", *options)
    assert (code, out) == (0, "") and "daypass bootstrap" in err


def test_a_damaged_company_leaves_the_others(told: Told, with_hosts: Membership) -> None:
    with_hosts.context.trust.write_bytes(b"{")
    code, _, err = told("hosts", "--offline")
    assert code == 0 and "not known here" in err
