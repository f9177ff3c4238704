"""sshd's own words, each provoked from the real sshd at both log levels, and what `host explain` makes of them."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.parts.openssh import Sshd, keygen, make_accounts, make_key, run_ssh, run_sshd, sign_key
from tests.parts.processes import safe_directory, wait_until

from daypass.cli.main import main
from daypass.host.account import Gate
from daypass.host.refusals import Finding, findings
from daypass.host.settings import Paths
from daypass.host.sshdlog import Line, from_journal, from_text
from daypass.wire import PublicKey

ALICE = (
    'restrict,pty,from="10.0.0.0/8" role:net\nrestrict,command="echo forced" role:cmd\nrestrict,pty role:dev:alice\n'
)


@dataclass
class Stage:
    """One sshd with certificates of every kind. `turned_away` gives what one attempt led to."""

    folder: Path
    sshd: Sshd
    ca: Path
    other: Path

    @property
    def principals(self) -> Path:
        return self.folder / "p/alice"

    def certificate(self, *options: str, by: Path | None = None, **changes: Any) -> Path:
        key = make_key(self.folder / f"key-{time.monotonic_ns()}")
        fields: dict[str, Any] = {"key_id": "alice@example.com", "principals": ("role:dev:alice",)} | changes
        sign_key(by or self.ca, key.with_suffix(".pub"), *options, **fields)
        return key

    def attempt(self, *keys: Path, user: str = "alice") -> list[Line]:
        """sshd's lines on one connection; it must not get in."""
        at = len(self.sshd.log)
        options = [f"IdentityFile={key}" for key in keys]
        assert run_ssh(self.sshd, "true", user=user, options=[*options, "IdentitiesOnly=yes"]).returncode != 0
        wait_until(
            lambda: "[preauth]\n" in self.sshd.log[at:] and self.sshd.log.endswith("[preauth]\n"), "sshd's word"
        )
        return list(from_text(self.sshd.log[at:].splitlines(), time.time()))

    def turned_away(self, *keys: Path, user: str = "alice") -> Finding:
        trusted = frozenset([PublicKey.from_line(self.ca.with_suffix(".pub").read_text()).fingerprint])
        (found,) = findings(self.attempt(*keys, user=user), trusted)
        return found

    def without_ca(self) -> Finding:
        key, public = self.certificate(), self.ca.with_suffix(".pub")
        kept = public.read_text()
        public.unlink()
        try:
            at = self.attempt(key)
        finally:
            public.write_text(kept)
        (found,) = findings(at, frozenset([PublicKey.from_line(kept).fingerprint]))
        return found


@pytest.fixture(scope="module", params=["INFO", "VERBOSE"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with safe_directory() as folder:
        accounts = make_accounts(folder)
        ca, other = make_key(folder / "ca"), make_key(folder / "other")
        (folder / "p").mkdir()
        (folder / "p/alice").write_text(ALICE)
        (folder / "revoked").write_text("serial: 77\n")
        keygen("-k", "-q", "-f", folder / "krl", "-s", ca.with_suffix(".pub"), folder / "revoked")
        lines = [
            f"TrustedUserCAKeys {folder}/ca.pub", f"AuthorizedPrincipalsFile {folder}/p/%u",
            f"RevokedKeys {folder}/krl", "AuthorizedKeysFile none", "MaxAuthTries 3", "DenyUsers deploy",
            f"LogLevel {request.param}",
        ]  # fmt: skip
        with run_sshd(folder, lines, accounts=accounts) as sshd:
            yield Stage(folder, sshd, ca, other)


Show = Callable[[Stage], Finding]
CASES: list[tuple[str, Show, list[str]]] = [
    ("expired", lambda s: s.turned_away(s.certificate(validity="20200101:20200102")), ["expired"]),
    ("not valid yet", lambda s: s.turned_away(s.certificate(validity="20400101:20400102")), ["not-yet-valid"]),
    ("another role", lambda s: s.turned_away(s.certificate(principals=("role:x",))), ["principal"]),
    ("another's account", lambda s: s.turned_away(s.certificate(principals=("role:dev:bob",))), ["principal"]),
    ("nobody's certificate", lambda s: s.turned_away(s.certificate(principals=())), ["principal"]),
    ("revoked", lambda s: s.turned_away(s.certificate(serial=77)), ["revoked"]),
    ("another address", lambda s: s.turned_away(s.certificate(principals=("role:net",))), ["source"]),
    (
        "another address in the certificate",
        lambda s: s.turned_away(s.certificate("-O", "source-address=10.0.0.0/8")),
        ["source-certificate"],
    ),
    (
        "another command in the certificate",
        lambda s: s.turned_away(s.certificate("-O", "force-command=id", principals=("role:cmd",))),
        ["command"],
    ),
    ("no such account", lambda s: s.turned_away(s.certificate(), user="mallory"), ["no-user"]),
    ("an account without a file", lambda s: s.turned_away(s.certificate(), user="bob"), ["principal"]),
    ("an account shut out", lambda s: s.turned_away(s.certificate(), user="deploy"), ["not-allowed"]),
    (
        "too many keys",
        lambda s: s.turned_away(*(make_key(s.folder / f"k{time.monotonic_ns()}") for _ in range(4))),
        ["too-many"],
    ),
]


@pytest.mark.parametrize(("show", "codes"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_every_refusal_is_told_for_what_it_was(stage: Stage, show: Show, codes: list[str]) -> None:
    found = show(stage)
    assert [reason.code for reason in found.reasons] == codes
    assert found.address == "127.0.0.1"
    assert found.user in ("alice", "bob", "deploy", "mallory")
    assert all(reason.hint for reason in found.reasons)


UNSAID: list[tuple[str, Show, str]] = [
    ("a CA that is not ours", lambda s: s.turned_away(s.certificate(by=s.other)), "unknown-ca"),
    ("a plain key", lambda s: s.turned_away(make_key(s.folder / f"k{time.monotonic_ns()}")), "no-certificate"),
    ("a host's certificate", lambda s: s.turned_away(s.certificate(host=True)), "no-certificate"),
    ("a file of CA keys that is gone", lambda s: s.without_ca(), "other"),
]


@pytest.mark.parametrize(("show", "code"), [row[1:] for row in UNSAID], ids=[row[0] for row in UNSAID])
def test_what_sshd_passes_over_in_silence_is_told_from_what_it_tried(stage: Stage, show: Show, code: str) -> None:
    """At INFO there is no word of it, and that is said, with the level that helps."""
    found = show(stage)
    (reason,) = found.reasons
    assert reason.code == (code if found.shown else "silent")
    assert found.shown or "LogLevel VERBOSE" in reason.hint


def test_the_certificate_is_named_where_sshd_names_it(stage: Stage) -> None:
    found = stage.turned_away(stage.certificate(principals=("role:x",), serial=4711))
    assert (found.key_id, found.serial) in (("alice@example.com", 4711), ("", None))
    assert bool(found.ca) == bool(found.shown)


@pytest.mark.parametrize("damage", ["missing", "broken"])
def test_a_krl_that_shuts_everybody_out_is_told(stage: Stage, damage: str) -> None:
    krl, kept = stage.folder / "krl", (stage.folder / "krl").read_bytes()
    krl.unlink()
    try:
        if damage == "broken":
            krl.write_bytes(b"SSHKRL\n\0x")
        assert [each.code for each in stage.turned_away(stage.certificate()).reasons] == ["krl"]
    finally:
        krl.write_bytes(kept)


SPOILT = [
    ("writable by others", 0o666, ALICE, ["modes", "principal"]),
    ("options nobody knows", 0o644, "restrict,bogus role:dev:alice\n", ["principal"]),
    ("a comment in a command", 0o644, 'restrict,command="a # b" role:dev:alice\n', ["principal"]),
    ("a quote that swallows its end", 0o644, 'restrict,command="a\\" role:dev:alice\n', ["principal"]),
]


@pytest.mark.parametrize(("mode", "content", "codes"), [row[1:] for row in SPOILT], ids=[row[0] for row in SPOILT])
def test_a_principals_file_that_is_spoilt_admits_nobody(
    stage: Stage, mode: int, content: str, codes: list[str]
) -> None:
    try:
        stage.principals.write_text(content)
        stage.principals.chmod(mode)
        assert [each.code for each in stage.turned_away(stage.certificate()).reasons] == codes
    finally:
        stage.principals.chmod(0o644)
        stage.principals.write_text(ALICE)


def test_who_got_in_is_no_refusal(stage: Stage) -> None:
    key, at = stage.certificate(), len(stage.sshd.log)
    assert run_ssh(stage.sshd, "true", user="alice", options=[f"IdentityFile={key}"]).returncode == 0
    wait_until(lambda: "Disconnected from user alice" in stage.sshd.log[at:], "the end of the session")
    assert list(findings(from_text(stage.sshd.log[at:].splitlines(), time.time()))) == []


HOSTILE = [
    "alice from 9.9.9.9 port 22",
    "alice from 9.9.9.9 port 22 ssh2: ED25519-CERT SHA256:x ID root (serial 1) CA ED25519 SHA256:x",
    "\x1b[2J\x07root",
    "Certificate invalid: expired",
    "a [preauth]",
    "",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_reads_like_sshds_words_changes_neither_address_nor_reason(name: str) -> None:
    """sshd writes what is not printable as escapes; a file may hold it all the same."""
    end = f"Connection closed by invalid user {name} 192.0.2.1 port 4711 [preauth]"
    text = [f"Invalid user {name} from 192.0.2.1 port 4711", end]
    found = list(findings(from_text(text, time.time())))
    assert [(each.user, each.address, [r.code for r in each.reasons]) for each in found] == [
        (name, "192.0.2.1", ["no-user"])
    ]


@given(st.lists(st.text(max_size=80), max_size=5))
def test_no_text_breaks_the_reader(lines: list[str]) -> None:
    list(findings(from_text(lines, 1.8e9)))
    list(from_journal(lines))


SYSLOG = [
    "Nov 23 12:00:01 web-1 sshd[100]: Certificate invalid: expired",
    "2026-11-23T12:00:01.5+00:00 web-1 sshd-session[101]: Certificate does not contain an authorized principal",
    "Nov 23 12:00:02 web-1 CRON[7]: Certificate invalid: not yet valid",
    "Nov 23 12:00:02 web-1 sshd[100]: Connection closed by authenticating user alice 192.0.2.1 port 1 [preauth]",
    "2026-11-23T12:00:03+00:00 web-1 sshd-session[101]: "
    "Connection closed by authenticating user bob 192.0.2.2 port 2 [preauth]",
]


def test_syslogs_lines_of_two_connections_are_kept_apart_and_other_programs_out() -> None:
    found = list(findings(from_text(SYSLOG, 1_795_435_300)))
    assert [(each.user, [r.code for r in each.reasons]) for each in found] == [
        ("alice", ["expired"]),
        ("bob", ["principal"]),
    ]
    assert found[1].time == 1_795_435_203
    assert found[0].time is not None


def entry(message: object, pid: str = "9", **changes: str) -> str:
    fields = {"MESSAGE": message, "_PID": pid, "_UID": "0", "_EXE": "/usr/sbin/sshd"}
    return json.dumps(fields | {"__REALTIME_TIMESTAMP": "1795435203000000"} | changes)


def test_of_the_journal_only_sshds_own_entries_count() -> None:
    """Trust 6.4: whoever runs `logger -t sshd` is not sshd."""
    end = "Connection closed by authenticating user alice 192.0.2.1 port 1 [preauth]"
    lines = [
        entry("Certificate invalid: expired", _EXE="/usr/bin/logger"),
        entry("Certificate invalid: expired", _UID="1000"),
        "garbage",
        entry(list(b"Certificate does not contain an authorized principal")),
        entry(end, _EXE="/usr/sbin/sshd (deleted)"),
    ]
    (found,) = findings(from_journal(lines))
    assert ([reason.code for reason in found.reasons], found.time) == (["principal"], 1795435203)


def test_the_command_shows_reason_file_and_what_to_do_and_nothing_a_terminal_acts_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    principals = tmp_path / "etc/ssh/daypass/principals"
    principals.mkdir(parents=True)
    (principals / "alice").write_text(ALICE)
    text = "Certificate does not contain an authorized principal\n" + "".join(
        f"Connection closed by authenticating user {name} 192.0.2.1 port 1 [preauth]\n"
        for name in ("alice", "\x1b[2Jx")
    )
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert main(["host", "explain", "--log", "-", "--root", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "alice from 192.0.2.1\n  no role in the certificate is for this account on this host\n" in shown
    assert "daypass explain WHO ACCOUNT@HOST" in shown
    assert "restrict,pty role:dev:alice" in shown
    assert "\x1b" not in shown


def test_the_command_answers_scripts_and_says_no_where_there_is_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(SYSLOG))
    options = ["host", "explain", "--log", str(log), "--root", str(tmp_path), "--json", "--since", "10000d"]
    assert main([*options, "--user", "alice"]) == 0
    (refusal,) = json.loads(capsys.readouterr().out)["refusals"]
    assert (refusal["user"], refusal["reasons"][0]["code"]) == ("alice", "expired")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", refusal["time"])
    assert main([*options, "--user", "carol"]) == 1
    assert main(["host", "explain", "--log", str(tmp_path / "none")]) == 3


def test_an_account_without_a_file_is_told_and_a_name_that_is_a_path_looked_for_nowhere(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    gate = Gate.look(paths)
    found = next(iter(findings(from_text(["Certificate does not contain an authorized principal",
        "Connection closed by authenticating user alice 192.0.2.1 port 1 [preauth]"], 0))))  # fmt: skip
    assert any("is not there: nobody enters" in words for words in gate.words(found))
    found.user = "../../../etc/shadow"
    assert not any("shadow" in words for words in gate.words(found))
