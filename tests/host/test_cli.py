"""`daypass host` as it is typed, against a CA behind real TLS."""

from __future__ import annotations

import io
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from tests.host.box import Box
from tests.host.fake_ca import NAME
from tests.host.tls_ca import TlsCa, run_tls_ca
from tests.parts.processes import free_port
from tests.parts.x509 import make_root

from daypass.cli.main import main
from daypass.host.closing import close_if_due
from daypass.host.state import State
from daypass.host.sync import Synced


@pytest.fixture
def tls(box: Box) -> Iterator[TlsCa]:
    folder = box.root / "tls"
    folder.mkdir()
    with run_tls_ca(box.ca, folder) as running:
        yield running


def enroll(box: Box, *options: str | Path) -> int:
    given = ("--root", box.root, "--sshd-config", box.config, "--sshd", box.binary, *options)
    return main(["host", "enroll", *map(str, given)])


def write_token(box: Box, text: str) -> Path:
    path = box.root / "token"
    path.write_text(text + "\n")
    return path


def test_a_token_file_enrols_a_running_sshd(box: Box, tls: TlsCa, capsys: pytest.CaptureFixture[str]) -> None:
    with box.running():
        assert enroll(box, "--token-file", write_token(box, tls.token())) == 0
    shown = capsys.readouterr()
    assert f"{NAME} is enrolled with {tls.url}, until " in shown.out
    assert "sshd presents its new certificate" in shown.out
    assert shown.err == ""


def test_a_token_comes_on_standard_input(box: Box, tls: TlsCa, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f" {tls.token()}\r\n"))
    assert enroll(box, "--token-file", "-", "--no-reload") == 0


def test_a_token_in_the_environment_is_not_left_to_children(
    box: Box, tls: TlsCa, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAYPASS_JOIN_TOKEN", tls.token())
    assert enroll(box, "--no-reload", "--json") == 0
    assert "DAYPASS_JOIN_TOKEN" not in os.environ
    answer = json.loads(capsys.readouterr().out)
    assert (answer["name"], answer["proven"], answer["accounts"]) == (NAME, False, ["alice", "bob", "deploy"])


def test_a_token_on_the_command_line_is_a_usage_error(box: Box, tls: TlsCa) -> None:
    assert enroll(box, tls.token()) == 2


@pytest.mark.parametrize("text", ["", "dpj1.", "hello", "dpj1." + "A" * 5000])
def test_what_is_no_token_is_refused_before_anything_happens(
    box: Box, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enroll(box, "--token-file", write_token(box, text)) == 3
    assert "daypass: error: this is not a join token" in capsys.readouterr().err


def test_without_a_token_it_says_where_to_get_one(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    assert enroll(box) == 3
    assert "hint: make one on the CA machine" in capsys.readouterr().err


def test_a_ca_with_another_root_than_the_tokens_is_refused(box: Box, tls: TlsCa) -> None:
    liar = TlsCa(tls.url, "0" * 64)
    assert enroll(box, "--token-file", write_token(box, liar.token()), "--no-reload") == 4
    assert box.ca.asked == []


def test_a_dry_run_tells_and_changes_nothing(box: Box, tls: TlsCa, capsys: pytest.CaptureFixture[str]) -> None:
    token = write_token(box, tls.token())
    before = box.tree()
    assert enroll(box, "--token-file", token, "--dry-run") == 0
    assert f"TrustedUserCAKeys {box.paths.user_ca}" in capsys.readouterr().out
    assert enroll(box, "--token-file", token, "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["configuration"] == str(box.config)
    assert box.ca.asked == []
    assert box.tree() == before


def test_no_token_is_ever_printed(box: Box, tls: TlsCa, capsys: pytest.CaptureFixture[str]) -> None:
    token = write_token(box, tls.token())
    assert [enroll(box, "--token-file", token, "--no-reload") for _ in range(2)] == [0, 7]
    shown = capsys.readouterr()
    assert "s" * 43 not in shown.out + shown.err
    assert tls.token()[:40] not in shown.out + shown.err
    assert all(tls.token().encode() not in content for path, (_, content) in box.tree().items() if path != "token")


def status(box: Box, *options: str) -> int:
    return main(["host", "status", "--root", str(box.root), *options])


def test_status_of_a_machine_that_is_not_enrolled(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(box) == 1
    assert "not enrolled" in capsys.readouterr().out
    assert status(box, "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"enrolled": False, "valid": False}


def test_status_shows_name_expiry_and_versions(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    box.enrol()
    assert status(box) == 0
    assert f"{NAME}  (h-1 at https://ca.example.com)" in capsys.readouterr().out
    assert status(box, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["valid"], answer["bundle_version"], answer["krl_version"]) == (True, 1, 1)
    times = [answer["expires"], answer["bundle_expires"], *(each["expires"] for each in answer["certificates"])]
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", each) for each in times)


def test_status_of_a_machine_whose_certificate_is_gone(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    box.enrol()
    next(box.paths.ours.glob("*-cert.pub")).unlink()
    assert status(box) == 1
    assert "MISSING" in capsys.readouterr().out


def test_status_says_when_the_ca_last_had_word_and_that_certificates_are_refused_without(
    box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    box.ca.bundle["fail_closed_after"] = 3600
    box.enrol()
    box.sync()
    state = State.load(box.paths.state)
    assert state is not None
    assert status(box) == 0
    shown = capsys.readouterr().out
    assert all(each in shown for each in ("last word from the CA", " ago", "without word no certificate is let in"))
    assert close_if_due(box.paths, state, time.time() + 3600)
    assert status(box) == 1
    assert "crit: certificates are refused here since" in capsys.readouterr().err
    assert status(box, "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["closed"], answer["krl_made"][:2]) == (True, "20")
    box.paths.krl.unlink()
    status(box)
    assert "without its KRL every key" in capsys.readouterr().err


def test_status_says_through_which_bastions_people_come(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    box.ca.bundle["bastions"] = ["gate-1.example.com", "gate-2.example.com"]
    box.enrol()
    box.sync()
    assert status(box) == 0
    assert "people come through gate-1.example.com or gate-2.example.com\n" in capsys.readouterr().out
    status(box, "--json")
    assert json.loads(capsys.readouterr().out)["bastions"] == ["gate-1.example.com", "gate-2.example.com"]


def test_accounts_that_are_left_open_are_told_each_time_and_are_no_success(
    box: Box, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    box.enrol()
    state = State.load(box.paths.state)
    assert state is not None
    asked = list[bool]()

    def synced(_: object, lock_many: bool) -> Synced:
        asked.append(lock_many)
        return Synced(state, held=[] if lock_many else [f"p{number}" for number in range(7)])

    monkeypatch.setattr("daypass.cli.host_sync._ask", synced)
    assert main(["host", "sync", "--root", str(box.root)]) == 1
    said = capsys.readouterr().err
    assert "7 accounts are left open" in said
    assert "p4 and 2 more" in said
    assert "daypass host sync --lock-many" in said
    assert main(["host", "sync", "--root", str(box.root), "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["left_open"]) == 7
    assert main(["host", "sync", "--root", str(box.root), "--lock-many"]) == 0
    assert asked == [False, False, True]


def test_cron_hears_once_that_the_ca_is_away_and_a_person_every_time(
    box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    box.enrol()
    state = State.load(box.paths.state)
    assert state is not None
    there = msgspec.structs.replace(state, url=f"https://127.0.0.1:{free_port()}", roots=[_root()])
    box.paths.state.write_bytes(there.encode())
    codes = [main(["host", "sync", "--root", str(box.root)]) for _ in range(3)]
    assert codes == [9, 9, 9]
    assert capsys.readouterr().err.count("nothing answers") == 1
    assert main(["host", "sync", "--root", str(box.root), "--json"]) == 9
    assert "nothing answers" in capsys.readouterr().err


def test_status_ends_with_1_long_before_anything_expires(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    now = int(time.time())
    box.ca.certificate |= {"valid_after": now - 2 * 86400, "valid_before": now + 28 * 86400}
    box.enrol()
    assert status(box) == 0
    state = State.load(box.paths.state)
    assert state is not None
    box.paths.state.write_bytes(msgspec.structs.replace(state, enrolled_at=now - 2 * 86400).encode())
    capsys.readouterr()
    assert status(box) == 1
    shown = capsys.readouterr()
    assert "no word from https://ca.example.com for 2 d" in shown.out + shown.err
    assert status(box, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["valid"], [each["level"] for each in found["worries"]]) == (True, ["ERR"])


def _root() -> str:
    return make_root(ca_id=b"i" * 32)[0].public_bytes(Encoding.PEM).decode()
