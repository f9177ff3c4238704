"""`daypass ca reload` and SIGHUP: what is published counts at once, and a broken file changes nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from tests.cli.kit import Admin

from daypass.cli.exits import Exit

ROLE = """
[[roles]]
name = "engineers"
hosts = ["*"]
groups = ["engineers"]
accounts = ["{login}"]
"""
PROVIDER = """
[[providers]]
name = "corp"
issuer = "https://id.example.com"
client_id = "daypass"
client_secret = "hunter2"
"""


class Process:
    """`daypass ca serve` on its own, on any free port."""

    def __init__(self, admin: Admin, process: subprocess.Popen[bytes], log: Path) -> None:
        self._admin, self._process, self._log = admin, process, log

    @property
    def said(self) -> str:
        return self._log.read_text()

    def hangup(self) -> None:
        self._process.send_signal(signal.SIGHUP)

    def says(self, words: str, times: int = 1) -> str:
        return until(lambda: self.said.count(words) >= times and self.said)

    def get(self, path: str) -> httpx2.Response:
        port = re.findall(r"on https://0\.0\.0\.0:(\d+)", self.said)[-1]
        context = ssl.create_default_context(cafile=str(self._admin.folder / "keys/tls_root.crt"))
        return httpx2.get(f"https://localhost:{port}{path}", verify=context, trust_env=False)

    def knows_none(self) -> None:
        until(lambda: self.get("/v1/ca").json()["providers"] == [])

    def knows(self, provider: str) -> None:
        until(lambda: provider in [each["name"] for each in self.get("/v1/ca").json()["providers"]])


def until(look: Callable[[], object]) -> str:
    for _ in range(600):
        if found := look():
            return str(found)
        time.sleep(0.05)
    raise AssertionError("it never came")


@contextmanager
def serving(admin: Admin, config: Path | None = None) -> Iterator[Process]:
    config = config or admin.config
    config.write_text(re.sub(r'listen = ".*"', 'listen = "0.0.0.0:0"', config.read_text()))
    log = config.with_suffix(".log")
    command = [sys.executable, "-m", "daypass.cli.main", "ca", "serve", "--config", str(config)]
    with (
        log.open("wb") as sink,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=sink, start_new_session=True) as process,
    ):
        try:
            running = Process(admin, process, log)
            running.says("serving ")
            yield running
            process.terminate()
            assert process.wait(20) == 0
        finally:
            process.kill()


def versions(admin: Admin) -> list[tuple[int, int | None]]:
    """(in force, published) of each entry."""
    entries = [json.loads(line) for line in admin("ledger", "show", "--json")[1].splitlines()]
    return [(each["version"], each.get("published")) for each in entries if each["act"] == "config.publish"]


def test_what_is_published_counts_in_a_running_process_without_its_being_told(admin: Admin) -> None:
    with serving(admin) as process:
        assert process.get("/v1/ca").json()["providers"] == []
        admin.add(PROVIDER + ROLE)
        code, out, err = admin("ca", "reload")
        assert (code, out) == (0, "version 2 is in force\n")
        assert "providers.corp: is new (wider)" in err and "roles.engineers: is new (wider)" in err
        process.knows("corp")
        (told,) = process.get("/v1/ca").json()["providers"]
        assert told["client_secret"] == "hunter2"  # read anew from this machine's file: it is published nowhere
        assert process.get("/provisioners").json()["provisioners"][0]["name"] == "corp"
    database = (admin.folder / "ca.sqlite").read_bytes()
    assert b"id.example.com" in database and b"hunter2" not in database


def test_hangup_publishes_the_file_and_says_what_changed(admin: Admin) -> None:
    with serving(admin) as process:
        admin.add(PROVIDER + ROLE)
        process.hangup()
        said = process.says("SIGHUP: version 2 is in force")
        process.knows("corp")
        assert "SIGHUP: roles.engineers: is new (wider)" in process.says("roles.engineers")
        process.hangup()
        process.says("nothing changed: version 2 stays in force")
        assert "hunter2" not in said
    assert versions(admin) == [(0, 1), (1, 2)]


def test_hangup_with_a_broken_file_changes_nothing_and_the_process_goes_on(admin: Admin) -> None:
    good, count = admin.config.read_text(), 0
    with serving(admin) as process:
        for broken in ("[[roles]", ROLE.replace("groups", "group"), ROLE.replace('["engineers"]', "[]")):
            admin.config.write_text(good + broken)
            count += 1
            process.hangup()
            process.says("nothing changes", count)
            assert process.get("/health").status_code == 200
        admin.config.unlink()
        process.hangup()
        process.says("there is no ")
        admin.config.write_text(good + ROLE)
        process.hangup()
        process.says("version 2 is in force")
    assert versions(admin) == [(0, 1), (1, 2)]


def test_hangup_tells_what_only_a_start_can_take(admin: Admin) -> None:
    with serving(admin) as process:
        admin.config.write_text(admin.config.read_text().replace("0.0.0.0:0", "0.0.0.0:1"))
        process.hangup()
        process.says("take effect at the next start")
        assert process.get("/health").status_code == 200


def test_a_machine_that_was_left_behind_takes_nothing_back(admin: Admin) -> None:
    """Its old file is refused, whoever says reload; it serves by what the others have published all the same."""
    left = admin.folder / "left.toml"
    left.write_text(admin.config.read_text().replace("admin.sock", "left.sock"))
    admin.add(PROVIDER + ROLE)
    assert admin("ca", "reload")[0] == 0
    with serving(admin, left) as process:
        assert "this file is not version 2" in process.said
        process.knows("corp")
        process.hangup()
        said = process.says("nothing changes")
        assert "this is version 1 again, and version 2 is in force" in said and "daypass ca config rollback 1" in said
    older = Admin(admin.folder, admin._capsys)
    older.config = left
    code, _, err = older("ca", "reload")
    assert code == Exit.CONFLICT and "daypass ca config rollback 1" in err
    assert older("ca", "reload", "--base", "1")[0] == Exit.CONFLICT
    assert older("ca", "reload", "--base", "2")[1] == "version 3 is in force\n"
    assert versions(admin) == [(0, 1), (1, 2), (2, 3)]


def test_a_base_that_is_not_in_force_any_more_stops_a_publication(admin: Admin) -> None:
    admin.add(ROLE)
    assert admin("ca", "reload", "--base", "1")[0] == 0
    admin.add(ROLE.replace("engineers", "others"))
    code, out, err = admin("ca", "reload", "--base", "1")
    assert (code, out) == (Exit.CONFLICT, "")
    assert "version 2 was published meanwhile, by uid:" in err and "config diff 1 2" in err
    assert admin("ca", "reload", "--base", "2")[0] == 0


def test_reload_from_two_machines_at_once_loses_nothing_unseen(admin: Admin) -> None:
    """Each process compares with what was in force when it looked; whoever comes second is told, and nothing of it
    is published."""
    text, files = admin.config.read_text(), []
    for number in range(4):
        files.append(admin.folder / f"m{number}.toml")
        files[-1].write_text(text + ROLE.replace("engineers", f"role{number}"))
    command = [sys.executable, "-m", "daypass.cli.main", "ca", "reload", "--base", "1", "--config"]
    running = [subprocess.Popen([*command, str(file)], stderr=subprocess.PIPE, text=True) for file in files]
    said = [process.communicate(timeout=60)[1] for process in running]
    assert sorted(process.returncode for process in running) == [0, *[Exit.CONFLICT] * 3]
    assert sum("was published meanwhile" in each for each in said) == 3
    assert versions(admin) == [(0, 1), (1, 2)]


@pytest.mark.parametrize("delay", [0.0, 0.3, 0.5, 0.6, 0.7, 0.8])
def test_a_reload_that_is_killed_leaves_the_old_version_or_the_new_one(admin: Admin, delay: float) -> None:
    admin.add(ROLE)
    command = [sys.executable, "-m", "daypass.cli.main", "ca", "reload", "--config", str(admin.config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
    assert admin("ledger", "verify")[0] == 0
    assert admin("ca", "reload")[1] in ("version 2 is in force\n", "nothing changed: version 2 stays in force\n")
    assert versions(admin) == [(0, 1), (1, 2)]
