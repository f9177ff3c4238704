"""`daypass ca config`: what was published, what it changed, and the way back."""

from __future__ import annotations

import json
import tomllib

import pytest
from tests.cli.kit import Admin
from tests.cli.test_reload import PROVIDER, ROLE, serving, versions

from daypass.cli.exits import Exit


@pytest.fixture
def three(admin: Admin) -> Admin:
    """Version 1 has no role, 2 a provider and a role, 3 another role."""
    for text in (PROVIDER + ROLE, ROLE.replace("engineers", "admins")):
        admin.add(text)
        assert admin("ca", "reload", "--comment", f"adds {text[-60:-50]!a}")[0] == 0
    return admin


def test_the_log_says_what_when_by_whom_and_why_and_marks_what_is_in_force(three: Admin) -> None:
    code, out, _ = three("ca", "config", "log")
    lines = out.splitlines()
    assert (code, len(lines)) == (0, 3)
    assert lines[0].startswith("*    3  ") and lines[1].startswith("     2  ")
    assert all("uid:" in line for line in lines) and "adds" in lines[0] and "adds" not in lines[2]
    (newest, *_) = json.loads(three("ca", "config", "log", "--json")[1])
    assert set(newest) == {"version", "hash", "published_at", "actor", "comment", "active"}
    assert (newest["version"], newest["active"], newest["published_at"][-1]) == (3, True, "Z")
    assert len(json.loads(three("ca", "config", "log", "--limit", "1", "--json")[1])) == 1


def test_a_version_is_shown_as_its_part_of_the_file(three: Admin) -> None:
    code, out, err = three("ca", "config", "show")
    shown = tomllib.loads(out)
    assert (code, [role["name"] for role in shown["roles"]]) == (0, ["engineers", "admins"])
    assert "version 3, in force" in err
    assert set(shown["ca"]) == {"name"}
    _, out, err = three("ca", "config", "show", "1")
    assert tomllib.loads(out)["roles"] == [] and "not in force" in err
    answer = json.loads(three("ca", "config", "show", "2", "--json")[1])
    assert answer["version"] == 2 and answer["document"]["roles"][0]["name"] == "engineers"
    code, _, err = three("ca", "config", "show", "9")
    assert code == Exit.NOT_FOUND and "daypass ca config log" in err


@pytest.mark.parametrize(
    ("arguments", "words", "toml"),
    [
        ([], ["roles.admins: is new (wider)"], '+name = "admins"'),
        (["1"], ["providers.corp: is new", "roles.admins: is new", "roles.engineers: is new"], "+client_id"),
        (["3", "1"], ["providers.corp: is gone (narrower)", "roles.admins: is gone"], "-client_id"),
        (["1", "2"], ["providers.corp: is new", "roles.engineers: is new"], "+client_id"),
    ],
)
def test_a_diff_says_it_in_words_and_in_toml(three: Admin, arguments: list[str], words: list[str], toml: str) -> None:
    code, out, _ = three("ca", "config", "diff", *arguments)
    assert code == 0
    assert all(word in out for word in words)
    assert toml in out and "--- version" in out
    answer = json.loads(three("ca", "config", "diff", *arguments, "--json")[1])
    assert {each["effect"] for each in answer["changes"]} <= {"wider", "narrower", "different"}


def test_a_version_compared_with_itself_holds_the_same(three: Admin) -> None:
    code, out, err = three("ca", "config", "diff", "2", "2")
    assert (code, out) == (0, "") and "the same" in err


def test_a_rollback_publishes_the_old_document_as_the_next_version(three: Admin) -> None:
    code, out, err = three("ca", "config", "rollback", "1")
    assert (code, out) == (0, "version 4 is in force\n")
    assert "roles.engineers: is gone (narrower)" in err and "the next daypass ca reload would publish that" in err
    first, newest = (json.loads(three("ca", "config", "show", number, "--json")[1]) for number in ("1", "4"))
    assert (newest["hash"], newest["comment"]) == (first["hash"], "rollback to 1")
    assert three("ca", "config", "rollback", "1")[1] == "nothing changed: version 4 stays in force\n"
    assert versions(three) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    entry = json.loads(three("ledger", "show", "--json")[1].splitlines()[-1])
    assert (entry["published"], entry["comment"]) == (4, "rollback to 1")


def test_a_rollback_reaches_a_running_process(three: Admin) -> None:
    with serving(three) as process:
        process.knows("corp")
        assert three("ca", "config", "rollback", "1", "--base", "2")[0] == Exit.CONFLICT
        assert three("ca", "config", "rollback", "1", "--base", "3")[0] == 0
        process.knows_none()


def test_a_rollback_to_what_today_s_checks_refuse_changes_nothing(three: Admin) -> None:
    """A domain that the offline root has not signed any more."""
    signed = (three.folder / "trust.json").read_bytes()
    narrow = three.config.read_text().replace('["*.test.example"]', '["*.eu.test.example"]')
    three.config.write_text(narrow)
    assert three("ca", "trust", "--yes")[0] == 0 and three("ca", "reload")[0] == 0
    assert (three.folder / "trust.json").read_bytes() != signed
    code, out, err = three("ca", "config", "rollback", "3")
    assert (code, out) == (Exit.INVALID, "") and "daypass ca trust" in err
    assert len(versions(three)) == 4


def test_what_was_shown_and_edited_is_published_against_what_was_edited(three: Admin) -> None:
    text = three("ca", "config", "show")[1].replace('name = "admins"', 'name = "operators"')
    edited = three.folder / "edited.toml"
    edited.write_text(text)
    publish = ("ca", "config", "publish", str(edited), "--base")
    assert three(*publish, "2")[0] == Exit.CONFLICT
    code, out, err = three(*publish, "3", "--comment", "renamed")
    assert (code, out) == (0, "version 4 is in force\n") and "roles.operators: is new" in err
    assert json.loads(three("ca", "config", "log", "--json")[1])[0]["comment"] == "renamed"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "admins"', 'nmae = "admins"', "roles[1].nmae"),
        ("groups = [", "groups = [] #", "roles[1]: has no condition"),
        ("config_version = 1", 'config_version = 1\ninclude = ["x"]', "include"),
        ("[hosts]", "[hosts", "not valid TOML"),
        ('["*.test.example"]', '["github.com"]', "github.com"),
    ],
)
def test_an_edited_version_with_a_mistake_is_refused_with_its_key(
    three: Admin, old: str, new: str, said: str
) -> None:
    text = three("ca", "config", "show")[1].replace('    "', '"').replace('[\n"', '["').replace(",\n]", "]")
    head, _, tail = text.rpartition(old)
    edited = three.folder / "edited.toml"
    edited.write_text(f"{head}{new}{tail}")
    code, out, err = three("ca", "config", "publish", str(edited), "--base", "3")
    assert (code, out) == (Exit.INVALID, "")
    assert said in err
    assert len(versions(three)) == 3


def test_no_secret_is_in_what_is_published_shown_compared_or_recorded(three: Admin) -> None:
    told = [three("ca", "config", *words) for words in (["log"], ["show"], ["show", "2"], ["diff"], ["diff", "1"])]
    told += [three("ca", "config", "show", "--json"), three("ca", "config", "diff", "1", "--json")]
    told += [
        three("ledger", "show", "--json"),
        three("ca", "config", "rollback", "1"),
        three("ca", "config", "rollback", "3"),
    ]
    assert all("hunter2" not in out + err for _, out, err in told)
    assert b"hunter2" not in (three.folder / "ca.sqlite").read_bytes()
    assert "hunter2" in three.config.read_text()
