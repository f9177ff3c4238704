"""Hosts that join by one token, are listed, replaced and removed: a CA and machines, each command as it is typed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.host.box import Box
from tests.host.real_ca import RealCa, ended, run_real_ca
from tests.parts.openssh import make_key

from daypass.cli.exits import Exit

ROLES = """
[[roles]]
name = "dev"
hosts = ["*"]
groups = ["dev"]
accounts = ["{login}"]
"""


@pytest.fixture(scope="module")
def ca() -> Iterator[RealCa]:
    with run_real_ca(ROLES) as running:
        yield running


def enroll(box: Box, token: str, *more: str, code: int = 0) -> dict[str, Any]:
    (box.root / "token").write_text(token)
    options = ("--root", box.root, "--sshd-config", box.config, "--token-file", box.root / "token")
    done = ended("host", "enroll", *options, "--no-reload", "--json", *more, code=code)
    return dict(json.loads(done.stdout)) if code == 0 else {"error": done.stderr}


def become_another(box: Box) -> None:
    """A new machine: other host keys, nothing of daypass."""
    for path in (box.paths.ours, box.paths.memory):
        shutil.rmtree(path, ignore_errors=True)
    key = box.root / "sshd/ssh_host_ed25519_key"
    key.unlink()
    make_key(key)


def told(ca: RealCa, *arguments: str) -> Any:
    return json.loads(ca.run(*arguments, "--json"))


def refused(ca: RealCa, code: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    return ended(*arguments, "--config", ca.config, code=code)


def test_machines_that_share_a_token_say_which_they_are(ca: RealCa, box: Box) -> None:
    token = ca.run(
        "token", "host", "app-*.example.com", "--uses", "2", "--from", "127.0.0.1", "--label", "tier=gold",
        "--lifetime", "20h",
    )  # fmt: skip
    assert "app-9" in enroll(box, token, "--name", "db-app-9.example.com", code=Exit.DENIED)["error"]
    assert enroll(box, token, "--name", "app-1.example.com")["name"] == "app-1.example.com"
    become_another(box)
    assert "live certificate" in enroll(box, token, "--name", "app-1.example.com", code=Exit.CONFLICT)["error"]
    enroll(box, token, "--name", "app-2.example.com")
    become_another(box)
    assert "as often as" in enroll(box, token, "--name", "app-3.example.com", code=Exit.UNAUTHENTICATED)["error"]
    hosts = told(ca, "host", "list", "app-*", "--label", "tier=gold")["hosts"]
    assert [(each["name"], each["marks"], each["enrolled_from"]) for each in hosts] == [
        ("app-1.example.com", ["live"], "127.0.0.1"),
        ("app-2.example.com", ["live"], "127.0.0.1"),
    ]
    assert told(ca, "host", "list", "app-*", "--label", "tier=iron")["hosts"] == []
    assert told(ca, "host", "list", "--mark", "cloned")["hosts"] == []


def test_a_token_from_elsewhere_says_what_the_ca_saw(ca: RealCa, box: Box) -> None:
    token = ca.run("token", "host", "far.example.com", "--from", "192.0.2.0/24")
    assert "127.0.0.1" in enroll(box, token, code=Exit.DENIED)["error"]


def test_tokens_are_listed_without_what_makes_them_one_and_taken_back(ca: RealCa, box: Box) -> None:
    token = ca.run("token", "host", "late.example.com", "--label", "tier=gold").strip()
    line = next(each for each in ca.run("token", "list").splitlines() if "late.example.com" in each)
    assert "open" in line and "0/1" in line and "tier=gold" in line and "by uid:" in line
    assert token not in line and token[-43:] not in ca.run("token", "list", "--all", "--json")
    ca.run("token", "revoke", "late.example.com", "--reason", "leaked")
    assert "revoked" in enroll(box, token, code=Exit.UNAUTHENTICATED)["error"]
    assert "late.example.com" not in ca.run("token", "list")
    (gone,) = [each for each in told(ca, "token", "list", "--all")["tokens"] if each["names"] == ["late.example.com"]]
    assert gone["state"] == "revoked" and gone["revoked_at"].endswith("Z")
    assert refused(ca, Exit.NOT_FOUND, "token", "revoke", "late.example.com", "--reason", "x").stderr
    assert refused(ca, Exit.NOT_FOUND, "token", "revoke", "0" * 16, "--reason", "x").stderr
    assert told(ca, "token", "revoke", gone["id"], "--reason", "x")["tokens"][0]["revoked_at"] == gone["revoked_at"]


def test_a_machine_takes_another_s_place_and_the_one_before_has_nothing(ca: RealCa, box: Box) -> None:
    old = enroll(box, ca.run("token", "host", "db-1.example.com", "--alias", "db.example.com"))
    become_another(box)
    token = ca.run("host", "replace", "db-1.example.com", "--lifetime", "10m")
    assert told(ca, "host", "show", "db")["host"]["id"] == old["host_id"]
    new = enroll(box, token)
    found = told(ca, "host", "show", "db.example.com")
    assert (found["host"]["id"], found["host"]["aliases"]) == (new["host_id"], ["db.example.com"])
    assert new["host_id"] != old["host_id"]
    assert [each["revoked_at"] for each in found["certificates"]] == [None]
    ledger = ca.run("ledger", "show", "--json", "--limit", "1000")
    (entry,) = [json.loads(line) for line in ledger.splitlines() if '"act":"host.replace"' in line]
    assert entry["replaces"] == old["host_id"]
    assert entry["serials"] == [each["serial"] for each in old["certificates"]]


def test_what_a_host_said_of_itself_is_listed_with_times(ca: RealCa, box: Box) -> None:
    enroll(box, ca.run("token", "host", "clock.example.com"))
    ended("host", "sync", "--root", box.root, code=0)
    for found in (told(ca, "host", "show", "clock")["host"], *told(ca, "host", "list", "clock.*")["hosts"]):
        assert found["about"]["expires"] == found["live_until"]
        assert found["about"]["since"].endswith("Z")
    assert "no such host is on record" in refused(ca, 0, "host", "list", "nothing").stderr


def test_a_removed_host_is_off_record_and_its_name_anybody_s(ca: RealCa, box: Box) -> None:
    enroll(box, ca.run("token", "host", "old.example.com"))
    shown = ca.run("host", "show", "old")
    assert "old.example.com" in shown and "last word     never" in shown
    assert "revoked" in ca.run("host", "remove", "old.example.com", "--reason", "sold")
    assert refused(ca, Exit.NOT_FOUND, "host", "show", "old.example.com").stderr
    assert refused(ca, Exit.NOT_FOUND, "host", "remove", "old.example.com", "--reason", "x").stderr
    assert refused(ca, Exit.NOT_FOUND, "host", "replace", "old.example.com").stderr
    become_another(box)
    assert enroll(box, ca.run("token", "host", "old.example.com"))["name"] == "old.example.com"


@pytest.mark.parametrize(
    "arguments",
    [
        ("token", "host"),
        ("token", "host", "a.example.com", "--uses", "1001"),
        ("token", "host", "a.example.com", "--uses", "0"),
        ("token", "revoke", "a.example.com"),
        ("host", "remove", "a.example.com"),
        ("host", "list", "--mark", "odd"),
        ("host", "list", "--label", "tier"),
    ],
)
def test_what_is_left_out_or_out_of_bounds_is_a_usage_error(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended(*arguments, "--config", tmp_path / "none.toml", code=Exit.USAGE)
