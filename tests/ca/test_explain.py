"""Why somebody may log in, or why not: one line a case; and never another answer than the policy's and sshd's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daypass.ca.explain import Answer, Asker, explain
from daypass.ca.host_ports import HostAccounts, HostRecord, KnownHost
from daypass.ca.policy import Policy
from daypass.ca.ports import View
from daypass.config import Config, RoleSection
from daypass.errors import DaypassError
from daypass.model import Person, Request, role_principal
from daypass.wire import CertType
from tests.ca.people import NOW, asker, host
from tests.ca.samples import config

STAFF = RoleSection(name="staff", hosts=["*"], groups=["staff"], accounts=["{login}"])
DBA = RoleSection(
    name="dba", labels={"kind": ["db"]}, groups=["dba"], accounts=["sql"], source_address=["192.0.2.0/24"]
)
SRE = RoleSection(name="sre", hosts=["web-*"], groups=["sre"], domains=["example.com"], accounts=["sql", "ops"])
COMPANY = config(roles=[STAFF, DBA, SRE])
ALICE = Person(1, "https://idp.example.com", "248289", "alice", ("alice",), 1)
DB = host("db-1.example.com", kind="db")


def ask(who: Asker, account: str, where: HostRecord | None, settings: Config = COMPANY) -> Answer:
    return explain(Policy(settings), who, account, "web-1.example.com", where, NOW)


def test_a_yes_names_role_principal_and_restriction() -> None:
    answer = ask(asker("dba"), "sql", DB)
    [way] = answer.ways
    assert (way.line.role, way.line.principal, way.narrow) == ("dba", "role:dba", False)
    assert way.line.options == 'restrict,pty,port-forwarding,from="192.0.2.0/24"'
    assert way.seconds == 16 * 3600


def test_a_yes_says_how_long_a_session_may_last() -> None:
    roles = [replace(each, max_session="8h") for each in COMPANY.roles]
    settings = replace(COMPANY, roles=roles)
    for who, account, where in ((asker("dba"), "sql", DB), (asker("staff"), "alice", host())):
        [way] = ask(who, account, where, settings).ways
        assert way.line.max_session == 8 * 3600


def test_ones_own_account_is_opened_by_a_principal_with_ones_name() -> None:
    [way] = ask(asker("staff"), "alice", host()).ways
    assert way.line.principal == "role:staff:alice"


@pytest.mark.parametrize(
    ("groups", "account", "where", "code", "role", "key", "wanted", "found"),
    [
        ({"staff"}, "sql", DB, "policy.role.groups", "dba", "groups", ("dba",), ("staff",)),
        ({"sre"}, "ops", DB, "policy.role.host", "sre", "hosts", ("web-*",), ("db-1.example.com",)),
        ({"dba"}, "sql", host("www", kind="web"), "policy.role.host", "dba", "labels.kind", ("db",), ("web",)),
        ({"dba"}, "sql", host("www"), "policy.role.host", "dba", "labels.kind", ("db",), ()),
        (set(), "alice", host(), "policy.role.groups", "staff", "groups", ("staff",), ()),
    ],
)
def test_a_no_names_the_nearest_role_and_what_kept_it_away(
    groups: set[str], account: str, where: HostRecord, code: str, role: str, key: str, wanted: Any, found: Any
) -> None:
    answer = ask(asker(*groups), account, where)
    assert not answer.yes and answer.code == code and answer.missed is not None
    assert (answer.missed.role, answer.missed.key, answer.missed.wanted, answer.missed.found) == (
        role, key, wanted, found,
    )  # fmt: skip
    assert role in answer.message and answer.hint


def test_the_nearest_is_the_role_with_most_conditions_met_then_the_most_specific() -> None:
    loose = RoleSection(name="a-loose", hosts=["*"], groups=["x"], accounts=["sql"])
    near = RoleSection(name="near", hosts=["*"], groups=["x"], domains=["example.com"], accounts=["sql"])
    far = RoleSection(name="far", hosts=["*"], groups=["x"], domains=["example.org"], accounts=["sql"])
    missed = ask(asker(), "sql", host(), config(roles=[far, loose, near])).missed
    assert missed is not None and missed.role == "near"


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (asker("staff", person=replace(ALICE, locked=True)), "policy.locked"),
        (asker("staff", login="root", names=("root",)), "policy.reserved"),
        (asker("staff", login=None, names=()), "policy.login-name"),
    ],
)
def test_what_is_wrong_with_the_person_goes_before_any_role(who: Asker, code: str) -> None:
    assert ask(who, who.login or "alice", host()).code == code


def test_someone_elses_own_account_is_nobodys_to_ask_for() -> None:
    answer = ask(asker("staff"), "bob", host())
    assert answer.code == "policy.account" and "each person's own" in answer.hint


def test_an_unknown_host_is_said_to_be_unknown() -> None:
    assert ask(asker("staff"), "alice", None).code == "host.unknown"


def test_a_plain_principal_may_help_on_a_host_that_is_not_on_record_and_the_answer_says_so() -> None:
    answer = ask(asker("staff"), "alice", None, config(roles=[replace(STAFF, bare_hosts=True)]))
    assert answer.yes and answer.ways[0].line.role == "" and "no such host" in answer.notes[0]


def test_a_host_that_never_synced_or_lacks_the_account_is_remarked_on() -> None:
    known = KnownHost(DB.id, DB.name, (), DB.labels, (), 0)
    assert "has not fetched" in ask(asker("dba"), "sql", known).notes[1]
    synced = replace(known, synced_at=NOW, accounts=HostAccounts(system=("root",)))
    assert "no account sql" in ask(asker("dba"), "sql", synced).notes[1]
    assert len(ask(asker("dba"), "sql", replace(synced, accounts=HostAccounts(ordinary=("sql",)))).notes) == 1


@pytest.mark.parametrize("word", ["", "a\x1b[2J", "x" * 5000, "röot", "a b", "{login}", "role:dba", "::1", "*"])
def test_hostile_words_for_accounts_and_hosts_get_a_plain_no(word: str) -> None:
    for answer in (ask(asker("staff"), word, host()), explain(Policy(COMPANY), asker(), "sql", word, None, NOW)):
        assert not answer.yes and len(answer.message) < 300
        assert answer.message.isprintable() and answer.hint.isprintable()


# -- whatever the policy says ---------------------------------------------------------------------------------------

GROUPS = ["a", "b", "c"]
ACCOUNTS = ["{login}", "sql", "ops"]


def some(values: list[str], least: int = 0) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), unique=True, min_size=least)


role_sections = st.builds(
    RoleSection,
    name=st.just("r"),
    hosts=some(["*", "web-*", "db-1.example.com"]),
    labels=st.dictionaries(st.sampled_from(["kind", "env"]), some(["db", "web"], 1), max_size=2),
    groups=some(GROUPS, 1),
    emails=some(["alice@example.com", "bob@example.com"]),
    amr=some(["hwk", "pwd"]),
    accounts=some(ACCOUNTS, 1),
    lifetime=st.sampled_from(["", "16h", "1h"]),
    day_pass=st.booleans(),
    extensions=some(["permit-pty", "permit-port-forwarding", "permit-agent-forwarding"]),
    source_address=some(["192.0.2.0/24"]),
    force_command=st.sampled_from(["", "", "backup"]),
    refuse_remote=st.booleans(),
    windows=some(["mon-fri 08:00-18:00 UTC", "sat-sun 00:00-24:00 UTC"]),
)
companies = st.lists(role_sections, max_size=4).map(
    lambda roles: config(roles=[replace(role, name=f"r{index}") for index, role in enumerate(roles)])
)
askers = st.builds(
    lambda groups, amr, remote, login: asker(
        *groups, amr=tuple(amr), remote=remote, login=login, names=(login,) if login else ()
    ),
    some(GROUPS),
    some(["hwk", "pwd"]),
    st.booleans(),
    st.sampled_from(["alice", "alice", "sql", "root", None]),
)
hosts = st.builds(
    lambda name, labels: host(name, **labels),
    st.sampled_from(["web-1.example.com", "db-1.example.com"]),
    st.dictionaries(st.sampled_from(["kind", "env"]), st.sampled_from(["db", "web"])),
)


def by_hand(policy: Policy, who: Asker, account: str, where: HostRecord) -> set[str]:
    """Every principal of any certificate that this person can have, that stands in the account's file there."""
    held: set[str] = set()
    for role in ("", *(each.name for each in policy.roles)):
        try:
            view = View(who.person, None, None, policy.hash, NOW)
            held.update(policy.decide(who.proof, Request(CertType.USER, (), role=role), view, NOW).principals)
        except DaypassError:
            continue
    lines: set[str] = set()
    for each in policy.for_host(where.name, where.aliases, where.labels):
        lines.update([role_principal(each.name)] if account in each.accounts else [])
        lines.update([role_principal(each.name, login=account)] if each.own_account else [])
    return held & lines


@given(companies, askers, hosts, st.sampled_from(["alice", "bob", "sql", "ops", "root"]))
def test_explain_says_yes_exactly_where_a_certificate_meets_a_line(
    settings: Config, who: Asker, where: HostRecord, account: str
) -> None:
    policy = Policy(settings)
    answer = explain(policy, who, account, where.name, where, NOW)
    matching = by_hand(policy, who, account, where)
    assert answer.yes == bool(matching)
    assert {way.line.principal for way in answer.ways} <= matching
    assert answer.yes or (answer.code and answer.message)
