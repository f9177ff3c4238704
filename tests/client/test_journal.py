"""HOME/daypass.log and --verbose: everything that happened, nothing secret, and never in anybody's way."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daypass.client import journal

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----"
log = logging.getLogger("daypass.test")


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    journal.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "daypass.log"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"token {JWT} sent", "token *** sent"),
        (f"half a token {JWT[:30]}", "half a token ***"),
        (f"ott={JWT}&x=1", "ott=***&x=1"),
        ("GET /callback?code=Spl0xIOBeZ&state=af0ifjsld&iss=https://idp", "GET /callback?code=***&state=***&iss=https://idp"),
        ("code_verifier=dBjftJeZ4CVP, next", "code_verifier=***, next"),
        ('{"access_token": "SlAV32hkKG", "expires_in": 3600}', '{"access_token": "***", "expires_in": 3600}'),
        ("{'client_secret': 'hunter2'}", "{'client_secret': '***'}"),
        ("nonce dp1.Zm9vYmFy is bound", "nonce *** is bound"),
        ("dpj1.eyJ1cmwiOiJodHRwczovL2NhIn0.c2ln", "***"),
        ("Authorization: Bearer SlAV32hkKG", "Authorization: ***"),
        ("sent Basic ZGF5cGFzczpodW50ZXIy to it", "sent Basic *** to it"),
        ("via http://ann:pa55@proxy:3128/", "via http://***@proxy:3128/"),
        ("via http://ann@proxy:3128/", "via http://***@proxy:3128/"),
        (f"key\n{PEM}\nend", "key\n***\nend"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE", "***"),
        ("b3BlbnNzaC1rZXktdjEAAAAABG5vbmU=", "***"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_masked(text: str, left: str) -> None:
    assert journal.redact(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "GET https://ca.example.com:8443/v1/ca: 200 after 12 ms",
        "failed with connection.dns: the name in https://ca.example.com is not known here",
        "signed in: serial 7700000000000, until 2026-11-24T02:38:00Z",
        "state of the agent: locked; code provider.down",
        "SHA256:c2lnbmF0dXJlIGlzIGZpbmU a fingerprint is public",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert journal.redact(text) == text


def test_each_event_is_one_line_with_time_process_and_place(path: Path) -> None:
    journal.start(path, "login")
    log.info("first\ndaypass: forged %s", "\x1b[2J")
    lines = path.read_text().splitlines()
    assert len(lines) == 2 and " daypass 0.1.0 login (Python 3." in lines[0]
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \d+ daypass\.test first daypass: forged  \[2J"
    assert re.fullmatch(pattern, lines[1])
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_exception_s_text_stays_out(path: Path) -> None:
    journal.start(path, "login")
    try:
        raise RuntimeError("anything at all")
    except RuntimeError:
        log.exception("it broke")
    assert "it broke" in path.read_text() and "anything" not in path.read_text()


def test_verbose_shows_the_same_with_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    journal.show()
    log.debug("asking %s", JWT)
    assert re.fullmatch(r"   0\.\d{3} s  asking \*\*\*\n", capsys.readouterr().err)
    journal.stop()
    log.debug("later")
    assert capsys.readouterr() == ("", "")


def test_other_libraries_are_not_in_it(path: Path) -> None:
    journal.start(path, "login")
    logging.getLogger("httpx2").warning("HTTP Request: POST https://idp/token?code=s3cret")
    assert "httpx2" not in path.read_text()


def test_a_full_log_moves_aside_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MAX_BYTES", 2000)
    journal.start(path, "login")
    for each in range(100):
        log.info("event %d", each)
    assert path.stat().st_size < 2100 and path.with_name("daypass.log.1").stat().st_size < 2100
    assert sorted(each.name for each in path.parent.iterdir()) == ["daypass.log", "daypass.log.1"]
    assert "event 99" in path.read_text()


def test_many_processes_write_whole_lines_and_lose_none(path: Path) -> None:
    program = (
        "import logging, pathlib, sys; from daypass.client import journal\n"
        "journal.MAX_BYTES = 20_000\n"
        "journal.start(pathlib.Path(sys.argv[1]), 'test')\n"
        "for each in range(100): logging.getLogger('daypass.test').info('event %s %d end', sys.argv[2], each)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, path, str(each)]) for each in range(4)]
    assert [each.wait(60) for each in processes] == [0] * 4
    lines = [*path.with_name("daypass.log.1").read_text().splitlines(), *path.read_text().splitlines()]
    assert all(re.search(r"daypass\.test event \d \d+ end$|daypass 0\.1\.0 test \(", line) for line in lines)
    assert path.stat().st_size < 21_000 and len(set(lines)) == len(lines) == 404


def link(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")


@pytest.mark.parametrize("spoil", [Path.mkdir, os.mkfifo, link, lambda path: path.parent.rmdir()])
def test_a_log_that_can_not_be_written_hurts_nobody(tmp_path: Path, spoil: object) -> None:
    path = tmp_path / "home" / "daypass.log"
    path.parent.mkdir()
    assert callable(spoil)
    spoil(path)
    journal.start(path, "login")
    log.info("first")
    assert not (path.parent / "elsewhere").exists()


def test_a_full_disk_hurts_nobody() -> None:
    with contextlib.suppress(OSError):
        journal.start(Path("/dev/full"), "login")
        log.info("first")
