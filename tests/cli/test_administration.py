"""Administrative commands both ways, on a real CA with a real provider: by its socket, and by a sign-in."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daypass.cli.exits import Exit
from daypass.demo.company import Company
from daypass.demo.idp import run_idp

OPERATORS = """
[[operators]]
name = "oncall"
groups = ["oncall"]
can = ["audit", "revoke", "lock", "unlock", "token:web-*"]

[[operators]]
name = "contractors"
groups = ["contractors"]
can = ["approve:unlock"]
"""


class Firm(Company):
    """With operators; sshd has no part in this."""

    operators = OPERATORS

    def found_ca(self) -> None:
        super().found_ca()
        with self.config.open("a") as file:
            file.write(self.operators)
        self.daypass("ca", "reload", "--root", str(self.ca_root))

    def join(self) -> None:
        self.daypass(*self.bootstrap_line.split()[1:])

    def administer(self, person: str, *arguments: str, check: bool = True) -> tuple[int, str, str]:
        """A command with somebody at the browser."""
        env = {"BROWSER": f"{sys.executable} -m daypass.demo.browser %s", "DEMO_PERSON": person}
        done = self.daypass(*arguments, check=check, env=env)
        return done.returncode, done.stdout, done.stderr

    def here(self, *arguments: str) -> str:
        """The same on the CA's machine."""
        return self.daypass(*arguments, "--root", str(self.ca_root)).stdout


@pytest.fixture(scope="module")
def firm() -> Iterator[Firm]:
    with tempfile.TemporaryDirectory(prefix="daypass-admin-") as home, run_idp() as idp:
        built = Firm(Path(home), idp)
        try:
            for step in (built.found_ca, built.start_ca, built.join):
                step()
            yield built
        finally:
            built.close()


def test_an_operator_makes_a_token_by_a_sign_in_that_says_what_it_is_for(firm: Firm) -> None:
    code, out, err = firm.administer("alice", "token", "host", "web-7.demo.test", "--json")
    assert code == 0
    made = json.loads(out)
    assert made["name"] == "web-7.demo.test" and made["token"].startswith("dpj1.")
    assert "in your browser, to make a token with which web-7.demo.test can join" in err


@pytest.mark.parametrize(
    ("person", "arguments", "told"),
    [
        ("alice", ["db-1.demo.test"], 'may not "token:db-1.demo.test"'),
        ("alice", ["web-1.demo.test", "--alias", "db-1.demo.test"], 'may not "token:db-1.demo.test"'),
        ("bob", ["web-1.demo.test"], 'may not "token:web-1.demo.test"'),
    ],
)
def test_who_may_not_is_told_so(firm: Firm, person: str, arguments: list[str], told: str) -> None:
    code, out, err = firm.administer(person, "token", "host", *arguments, check=False)
    assert (code, out) == (Exit.DENIED, "")
    assert told in err and "hint:" in err


def test_on_the_ca_s_machine_the_socket_is_used_unless_asked_otherwise(firm: Firm) -> None:
    assert firm.daypass("token", "host", "db-2.demo.test", "--root", str(firm.ca_root)).stdout.startswith("dpj1.")
    both = firm.daypass("token", "host", "x.demo.test", "--remote", "--config", str(firm.config), check=False)
    assert both.returncode == Exit.USAGE


def test_an_act_stands_in_the_ledger_before_its_effect_with_who_and_what(firm: Firm) -> None:
    firm.administer("alice", "token", "host", "web-8.demo.test")
    lines = firm.daypass(
        "ledger", "show", "--json", "--root", str(firm.ca_root), "--limit", "1000"
    ).stdout.splitlines()
    acts = [json.loads(line) for line in lines]
    at = max(n for n, each in enumerate(acts) if each["act"] == "admin.join_token")
    assert acts[at]["actor"].startswith("demo:") and acts[at]["needs"] == ["token:web-8.demo.test"]
    assert len(acts[at]["digest"]) == 64 and acts[at + 1]["act"] != acts[at]["act"]


def test_an_auditor_reads_and_verifies_the_ledger_from_afar_as_it_is_here(firm: Firm) -> None:
    here = json.loads(firm.here("ledger", "verify", "--json"))
    code, out, err = firm.administer("alice", "ledger", "verify", "--json")
    there = json.loads(out)
    assert code == 0 and there["entries"] == here["entries"] + 1  # reading it from afar stands in it
    assert "to verify the ledger" in err
    shown = firm.administer("alice", "ledger", "show", "--json", "--after", "1", "--limit", "3")[1]
    assert shown == firm.here("ledger", "show", "--json", "--after", "1", "--limit", "3")
    assert [json.loads(line)["seq"] for line in shown.splitlines()] == [2, 3, 4]


def test_a_policy_is_compared_with_the_version_in_force_both_ways(firm: Firm) -> None:
    """What reaches people on record stands there beside the key; who may not read the policy is told so."""
    firm.administer("alice", "login", "--force")
    text = firm.config.read_text()
    wider, shorter = firm.home / "wider.toml", firm.home / "shorter.toml"
    wider.write_text(text + '\n[[roles]]\nname = "more"\nhosts = ["*"]\ngroups = ["oncall"]\naccounts = ["sql"]\n')
    shorter.write_text(text.replace('user = "16h"', 'user = "1h"', 1))
    version = json.loads(firm.here("ca", "config", "show", "--json"))["version"]
    here = firm.daypass("policy", "diff", str(wider), "--root", str(firm.ca_root), check=False)
    assert (here.returncode, here.stdout.splitlines()) == (
        Exit.NO, [f"against version {version}:", "  wider      roles.more: is new"]
    )  # fmt: skip
    assert "this may give somebody more" in here.stderr
    code, out, _ = firm.administer("alice", "policy", "diff", str(shorter))
    assert (code, out.splitlines()[1]) == (0, "  narrower   lifetimes.user: 16h -> 1h")
    code, _, err = firm.administer("bob", "policy", "diff", str(shorter), check=False)
    assert code == Exit.DENIED and "audit" in err
    same = firm.daypass("policy", "diff", str(firm.config), "--json", "--root", str(firm.ca_root))
    assert json.loads(same.stdout) == {"version": version, "widens": False, "changes": [], "people": []}


def test_an_operator_takes_back_anybodys_certificates_both_ways(firm: Firm) -> None:
    env = {"BROWSER": f"{sys.executable} -m daypass.demo.browser %s", "DEMO_PERSON": "alice"}
    for options in ([], ["--root", str(firm.ca_root)]):
        firm.daypass("login", "--force", env=env)
        serial = str(json.loads(firm.daypass("list", "--remote", "--json").stdout)[0]["serial"])
        done = firm.daypass("revoke", "--serial", serial, "--reason", "laptop lost", "--json", *options, env=env)
        (revoked,) = json.loads(done.stdout)["certificates"]
        assert str(revoked["serial"]) == serial and revoked["revoked_at"]
    acts = [json.loads(line) for line in firm.here("ledger", "show", "--json", "--limit", "1000").splitlines()]
    actors = [each["actor"].partition(":")[0] for each in acts if each["act"] == "certificate.revoke"]
    assert actors == ["demo", "uid"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--serial", "1"),
        ("alice",),
        ("--host", "web-1.example.com", "--role", "dba", "--reason", "x"),
        ("1", "--role", "dba", "--reason", "x"),
        ("alice", "--serial", "1", "--reason", "x"),
        ("--person", "alice", "--reason", "x"),
        ("1", "--dry-run"),
        ("1", "2"),
        ("1", "--remote"),
        ("1", "--json"),
    ],
)
def test_what_only_an_operator_can_say_takes_the_word(firm: Firm, arguments: tuple[str, ...]) -> None:
    assert firm.daypass("revoke", *arguments, check=False).returncode == Exit.USAGE


def test_all_that_a_person_holds_is_taken_back_and_they_can_sign_in_again(firm: Firm) -> None:
    env = {"BROWSER": f"{sys.executable} -m daypass.demo.browser %s", "DEMO_PERSON": "alice"}
    firm.daypass("login", "--force", env=env)
    serial = json.loads(firm.daypass("list", "--remote", "--json").stdout)[0]["serial"]
    at_the_ca = ("--reason", "laptop lost", "--root", str(firm.ca_root))
    would = json.loads(firm.daypass("revoke", "alice", "--dry-run", "--json", *at_the_ca[2:]).stdout)
    assert not would["ending"] and serial in [each["serial"] for each in would["certificates"]]
    done = json.loads(firm.daypass("revoke", "alice", "--json", *at_the_ca).stdout)
    ended = time.time()
    assert done["ending"] and serial in [each["serial"] for each in done["certificates"]]
    again = firm.daypass("revoke", "alice", *at_the_ca)
    assert again.stdout == "" and "daypass lock alice" in again.stderr
    time.sleep(max(0, ended + 2 - time.time()))  # a sign-in of the very second counts as one from before
    firm.daypass("login", "--force", env=env)
    for whose in (("nobody",), ("--host", "web-99.example.com")):
        assert firm.daypass("revoke", *whose, *at_the_ca, check=False).returncode == Exit.NOT_FOUND


def test_a_serial_that_is_on_no_record_revokes_none(firm: Firm) -> None:
    done = firm.daypass("revoke", "--serial", "12345", "--reason", "x", "--root", str(firm.ca_root), check=False)
    assert done.returncode == Exit.NOT_FOUND


def test_two_operators_let_somebody_in_again_from_their_own_machines(firm: Firm) -> None:
    firm.administer("alice", "login", "--force")
    firm.here("lock", "alice", "--reason", "lost")
    locked = firm.administer("alice", "unlock", "alice", "--reason", "found", check=False)
    assert locked[0] == Exit.DENIED and "is locked" in locked[2]
    firm.here("unlock", "alice", "--reason", "found")
    firm.administer("alice", "login", "--force")
    code, out, err = firm.administer("alice", "unlock", "alice", "--reason", "once more", "--json", check=False)
    assert code == Exit.WAITING and "waits for a second person" in err
    asked = json.loads(out)
    word = (asked["pending"], "--digest", asked["digest"])
    own = firm.administer("alice", "approvals", "approve", *word, check=False)
    assert own[0] == Exit.DENIED and "nobody approves what they have asked for themselves" in own[2]
    listed = json.loads(firm.administer("bob", "approvals", "list", "--json")[1])
    assert [(each["id"], each["act"], each["digest"]) for each in listed] == [(word[0], "unlock", word[2])]
    assert "asked by alice@example.com" in firm.administer("bob", "approvals", "list")[1]
    refused = firm.administer("bob", "approvals", "refuse", *word)
    assert "refused: unlock" in refused[2]
    assert firm.administer("bob", "approvals", "approve", *word, check=False)[0] == Exit.CONFLICT


def test_every_way_in_is_listed_and_one_is_tried(firm: Firm) -> None:
    listed = json.loads(firm.here("ca", "provisioner", "list", "--json"))["provisioners"]
    assert {each["name"]: each["serves"] for each in listed}.items() >= {
        "join": ["hosts"],
        "sshpop": ["hosts"],
    }.items()
    (people,) = [each["name"] for each in listed if each["serves"] == ["people"]]
    assert f"\n{people}    oidc" in firm.here("ca", "provisioner", "list")
    code, out, err = firm.administer("alice", "ca", "provisioner", "test", people, "--remote")
    assert code == 0 and out.startswith("ok") and "redirect address to register there: http://127.0.0.1" in err


def test_only_who_may_audit_sees_the_ways_in_and_a_name_that_is_none_is_not_found(firm: Firm) -> None:
    code, _, err = firm.administer("bob", "ca", "provisioner", "list", "--remote", check=False)
    assert (code, 'may not "audit"' in err) == (Exit.DENIED, True)
    done = firm.daypass("ca", "provisioner", "test", "nothing", "--root", str(firm.ca_root), check=False)
    assert (done.returncode, "there is no provisioner" in done.stderr) == (Exit.NOT_FOUND, True)
