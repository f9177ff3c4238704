"""`daypass ca events`, and a CA that tells: real processes, a receiver on loopback."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.kit import TRIAL, Admin
from tests.cli.test_reload import serving, until
from tests.events.receivers import SECRET, Hook, run_hook

from daypass.cli.exits import Exit


@pytest.fixture
def hook() -> Iterator[Hook]:
    with run_hook() as made:
        yield made


@pytest.fixture
def admin(tmp_path: Path, capsys: pytest.CaptureFixture[str], hook: Hook) -> Admin:
    admin = Admin(tmp_path / "ca", capsys)
    assert admin("ca", "init", "--name", "Example", *TRIAL)[0] == 0
    secret = admin.folder / "alerts.secret"
    secret.write_text("whsec_" + base64.b64encode(SECRET).decode())
    secret.chmod(0o600)
    admin.add(
        f"""
[[events]]
name = "alerts"
type = "webhook"
acts = ["config.*"]
url = "{hook.url}"
secret_file = "{secret}"

[[events]]
name = "lines"
type = "json"
acts = ["*"]
file = "{admin.folder}/events.json"
"""
    )
    return admin


def test_a_test_says_whether_it_arrives(admin: Admin, hook: Hook) -> None:
    code, _, err = admin("ca", "events", "test", "alerts")
    assert (code, "told alerts: event.test" in err) == (0, True)
    assert json.loads(hook.posts[0].body)["type"] == "event.test"
    hook.answers = [500]
    code, out, err = admin("ca", "events", "test", "alerts")
    assert code == Exit.UNAVAILABLE
    assert "answered with status 500" in err
    assert "hunter2" not in out + err


def test_a_name_that_nobody_has_is_answered_with_those_there_are(admin: Admin) -> None:
    code, _, err = admin("ca", "events", "test", "pager")
    assert (code, "there are: alerts, lines" in err) == (Exit.NOT_FOUND, True)


def test_a_ca_without_them_says_how_to_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    admin = Admin(tmp_path / "ca", capsys)
    assert admin("ca", "init", "--name", "Example", *TRIAL)[0] == 0
    code, out, err = admin("ca", "events", "status")
    assert (code, out, "[[events]]" in err) == (0, "", True)
    assert json.loads(admin("ca", "events", "status", "--json")[1]) == []


def shown(admin: Admin) -> dict[str, dict[str, object]]:
    return {each["name"]: each for each in json.loads(admin("ca", "events", "status", "--json")[1])}


def test_what_is_done_while_the_ca_runs_is_told(admin: Admin, hook: Hook) -> None:
    assert "not begun" in admin("ca", "events", "status")[1]
    with serving(admin) as ca:
        ca.says("serving")
        until(lambda: shown(admin)["alerts"]["seq"])
        hook.answers = [503]
        admin.add('\n[[roles]]\nname = "staff"\nhosts = ["*"]\ngroups = ["staff"]\naccounts = ["{login}"]\n')
        assert admin("ca", "reload")[0] == 0
        ca.says("alerts: 127.0.0.1 answered with status 503")
        code, out, _ = admin("ca", "events", "status")
        assert code == 0 or "answered with status 503; next try" in out
        until(lambda: len(hook.posts) == 2)
        first, second = (json.loads(each.body) for each in hook.posts)
        assert first == second
        assert first["type"] == "config.publish"
        assert hook.posts[0].headers["webhook-id"] == hook.posts[1].headers["webhook-id"]
        until(lambda: (admin.folder / "events.json").exists())
        until(lambda: shown(admin)["alerts"]["error"] is None)
        assert "hunter2" not in ca.said
    lines = [json.loads(line) for line in (admin.folder / "events.json").read_text().splitlines()]
    assert [each["act"] for each in lines] == ["config.publish"]
    code, out, _ = admin("ca", "events", "status")
    assert (code, out.count("up to date")) == (0, 2)


def test_a_secret_that_is_missing_stops_the_start(admin: Admin) -> None:
    (admin.folder / "alerts.secret").unlink()
    code, _, err = admin("ca", "events", "test", "alerts")
    assert (code, "whsec_$(openssl rand" in err) == (Exit.MISCONFIGURED, True)
