"""The commands of the CA's machine, run as people run them."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from ssl import create_default_context

import httpx2
import pytest
from tests.cli.kit import TRIAL, Admin, converse, on_terminal
from tests.config.sample import SECOND_PROVIDER, WITH_SECRET, edited

from daypass.cli.exits import Exit
from daypass.cli.ledger_line import entry_line
from daypass.cli.main import main
from daypass.cli.output import moment
from daypass.wire.jointoken import JoinTokenText

ROLE = '\n[[roles]]\nname = "staff"\nhosts = ["*"]\ngroups = ["staff"]\naccounts = ["{login}"]\n'


@contextmanager
def serving(admin: Admin, environment: Mapping[str, str] = os.environ) -> Iterator[tuple[str, str]]:
    """`daypass ca serve` in a process of its own; gives its URL and what it said on the way."""
    command = [sys.executable, "-m", "daypass.cli.main", "ca", "serve", "--config", str(admin.config)]
    with subprocess.Popen(
        command, text=True, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        try:
            said = ""
            while not (found := re.search(r"serving .* on https://0\.0\.0\.0:(\d+)", said)):
                said += (line := process.stderr.readline())
                assert line, said
            yield f"https://localhost:{found[1]}", said
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


def listen_anywhere(admin: Admin) -> None:
    admin.config.write_text(re.sub(r'listen = ".*"', 'listen = "0.0.0.0:0"', admin.config.read_text()))


# -- ca init --------------------------------------------------------------------------------------------------


def test_init_prints_the_line_to_join_with_and_where_the_trust_root_lies(empty: Admin) -> None:
    code, out, err = empty("ca", "init", *TRIAL)
    assert code == 0
    assert re.fullmatch(r"daypass bootstrap https://localhost:8443/#[0-9a-f]{64}\n", out)
    assert f"Move it to offline storage now:\n  {empty.folder}/offline/trust_root" in err
    assert out.strip().rpartition("#")[2] in err
    assert "  http://127.0.0.1/callback\n  https://localhost:8443/device/callback\n" in err


def test_init_in_json_tells_the_same(empty: Admin) -> None:
    answer = json.loads(empty("ca", "init", *TRIAL, "--json")[1])
    assert answer["bootstrap"] == f"daypass bootstrap https://localhost:8443/#{answer['fingerprint']}"
    assert all(Path(path).exists() for path in answer["files"])


def test_init_a_second_time_is_a_conflict(admin: Admin) -> None:
    code, out, err = admin("ca", "init", *TRIAL)
    assert (code, out) == (Exit.CONFLICT, "")
    assert "there is a CA already" in err


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        ([], "--url, --host-domain, --passphrase-file or --no-passphrase"),
        (["--url", "https://ca.example.com", "--no-passphrase"], "--host-domain"),
        (TRIAL[:-1], "--passphrase-file or --no-passphrase"),
    ],
)
def test_init_without_a_terminal_names_all_that_is_missing(
    empty: Admin, arguments: Sequence[str], missing: str
) -> None:
    code, _, err = empty("ca", "init", *arguments)
    assert code == Exit.USAGE
    assert f"give {missing}\n" in err
    assert not empty.folder.exists()


def test_init_with_a_wrong_value_names_its_key(empty: Admin) -> None:
    code, _, err = empty("ca", "init", "--url", "https://ca", "--host-domain", "*", "--no-passphrase")
    assert code == Exit.INVALID
    assert "hosts.domains[0]" in err
    assert not empty.folder.exists()


def test_init_takes_the_passphrase_from_a_file_and_never_shows_it(empty: Admin, tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text("correct horse\n")
    code, out, err = empty("ca", "init", *TRIAL[:-1], "--passphrase-file", str(secret))
    assert code == 0
    assert "correct" not in out + err
    assert f'passphrase_file = "{secret}"' in empty.config.read_text()
    refused = subprocess.run(["ssh-keygen", "-y", "-P", "", "-f", empty.folder / "keys/user_ca"], capture_output=True)
    assert refused.returncode != 0


def test_init_takes_one_way_to_a_passphrase(empty: Admin) -> None:
    assert empty("ca", "init", *TRIAL, "--passphrase-file", "/p")[0] == Exit.USAGE


def test_init_asks_on_a_terminal(tmp_path: Path) -> None:
    """A pseudo-terminal: issuer, URL, name, host names, passphrase twice."""
    config = tmp_path / "ca" / "daypass.toml"
    process, terminal = on_terminal("ca", "init", "--config", str(config))
    answers = {
        "OpenID issuer": "https://id.example.com",
        "URL of this CA": "https://ca.example.com",
        "Name of this CA": "",
        "Host names": "*.example.com *.example.org",
        "Passphrase": "correct horse",
        "The same again": "correct horse",
    }
    shown = converse(process, terminal, answers)
    assert process.wait(20) == 0, shown
    assert "correct" not in shown
    assert re.search(r"daypass bootstrap https://ca\.example\.com/#[0-9a-f]{64}", shown)
    text = config.read_text()
    assert 'issuer = "https://id.example.com"' in text
    assert 'domains = ["*.example.com", "*.example.org"]' in text
    assert 'name = "example.com"' in text


# -- ca check-config ------------------------------------------------------------------------------------------


def check(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, *arguments: str) -> tuple[int, str, str]:
    path = tmp_path / "daypass.toml"
    path.write_text(text)
    path.chmod(0o600)
    return Admin(tmp_path, capsys)("ca", "check-config", *arguments)


def test_a_good_configuration_is_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = check(tmp_path, capsys, edited('groups = ["dba"]', 'groups = ["dba", "ops"]'))
    assert code == 0
    assert err.splitlines() == [
        f"{tmp_path}/daypass.toml is good",
        "not held against people and hosts on record: there is no database at /var/lib/daypass/ca.sqlite",
    ]
    assert out.splitlines() == [
        "Example at https://ca.example.com, for hosts *.example.com",
        "sign-in corp: https://id.example.com",
        "  redirect address to register there: http://127.0.0.1/callback",
        "role staff: group staff -> their own account, 16h",
        "role dba: group dba or ops -> postgres, 16h",
    ]


def test_mistakes_come_first_each_with_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = edited('accounts = ["{login}"]', 'accounts = ["{user}", "root"]').replace('"16h"', '"day"')
    code, out, err = check(tmp_path, capsys, text)
    assert code == Exit.NO
    assert err.endswith("2 mistakes\n")
    assert [line.split(": ")[:2] for line in out.splitlines()] == [
        ["error", "lifetimes.user"],
        ["error", "roles[0].accounts[0]"],
        ["warning", "roles[0].accounts[1]"],
    ]
    assert '(did you mean "{login}"?)' in out


def test_in_json_problems_are_objects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.loads(check(tmp_path, capsys, edited('groups = ["staff"]', 'group = ["staff"]'), "--json")[1])
    assert answer["ok"] is False
    assert answer["policy_hash"] is None
    assert answer["problems"] == [
        {
            "file": "",
            "path": "roles[0].group",
            "message": "there is no such key",
            "suggestion": 'did you mean "groups"?',
            "severity": "error",
        }
    ]


def test_a_client_secret_open_to_others_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "daypass.toml").write_text(WITH_SECRET)
    (tmp_path / "daypass.toml").chmod(0o644)
    code, out, _ = Admin(tmp_path, capsys)("ca", "check-config")
    assert code == 0
    assert f"chmod 600 {tmp_path}/daypass.toml" in out
    assert "hunter2" not in out


def test_every_redirect_address_that_a_provider_must_know_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = 'web_client_id = "pages"\nredirect_host = "localhost"\nredirect_ports = [8400, 8401]'
    text = edited("[hosts]", '[pages]\nurl = "https://pages.example.com/"\n[hosts]')
    _, out, _ = check(tmp_path, capsys, text.replace('client_id = "daypass"', f'client_id = "daypass"\n{listed}'))
    assert [line.partition(": ")[2] for line in out.splitlines() if "redirect address" in line] == [
        "http://localhost:8400/callback",
        "http://localhost:8401/callback",
        "https://pages.example.com/device/callback (client pages)",
    ]


def test_with_several_providers_each_has_an_address_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that none is brought another one's code (RFC 9700 section 4.4)."""
    text = edited("[hosts]", '[pages]\nurl = "https://pages.example.com"\n[hosts]') + SECOND_PROVIDER
    text = text.replace("[[roles]]", '[[roles]]\nprovider = "corp"')
    _, out, _ = check(tmp_path, capsys, text)
    pages = [line.partition("pages.example.com")[2] for line in out.splitlines() if "pages.example.com" in line]
    assert pages == ["/device/callback/corp", "/device/callback/partner"]
    own = [line.partition("127.0.0.1")[2] for line in out.splitlines() if "127.0.0.1" in line]
    assert own == ["/callback/corp", "/callback/partner"]


def test_a_missing_configuration_says_how_to_make_one(empty: Admin) -> None:
    code, _, err = empty("ca", "check-config")
    assert code == Exit.MISCONFIGURED
    assert "daypass ca init" in err


def test_a_root_goes_before_the_configuration(admin: Admin, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ca", "check-config", "--root", str(admin.folder), "--config", "/daypass.toml"]) == 0
    assert "is good" in capsys.readouterr().err


# -- ca reload, ca migrate ------------------------------------------------------------------------------------


def test_reload_publishes_a_change_once(admin: Admin) -> None:
    assert admin("ca", "reload")[1] == "nothing changed: version 1 stays in force\n"
    admin.add(ROLE)
    code, out, err = admin("ca", "reload")
    assert (code, out) == (0, "version 2 is in force\n")
    assert "is new (wider)" in err and "restart" not in err
    answer = json.loads(admin("ca", "reload", "--json")[1])
    policy = json.loads(admin("ca", "check-config", "--json")[1])["policy_hash"]
    assert answer == {"version": 2, "hash": policy, "changed": False, "changes": []}


def test_reload_of_a_wrong_file_changes_nothing(admin: Admin) -> None:
    admin.add(ROLE.replace("groups", "group"))
    code, out, err = admin("ca", "reload")
    assert (code, out) == (Exit.MISCONFIGURED, "")
    assert "roles[0].group" in err
    admin.config.write_text(admin.config.read_text().replace(ROLE.replace("groups", "group"), ""))
    assert json.loads(admin("ledger", "verify", "--json")[1])["entries"] == 2


def test_migrate_leaves_an_up_to_date_database_as_it_is(admin: Admin) -> None:
    assert admin("ca", "migrate")[0] == 0
    assert json.loads(admin("ledger", "verify", "--json")[1])["entries"] == 2


TO_THE_FIRST_RELEASE = """
    DROP TABLE device_requests; DROP TABLE identities; DROP TABLE conflicts; DROP TABLE pending_acts;
    DROP INDEX ledger_person; ALTER TABLE ledger DROP COLUMN person_id;
    ALTER TABLE installation DROP COLUMN policy_version; ALTER TABLE config_versions DROP COLUMN comment;
    ALTER TABLE names DROP COLUMN reason; ALTER TABLE hosts DROP COLUMN accounts;
    ALTER TABLE hosts DROP COLUMN bundle_version; ALTER TABLE hosts DROP COLUMN synced_at;
    DROP TABLE host_reports; ALTER TABLE hosts DROP COLUMN addresses; ALTER TABLE hosts DROP COLUMN facts;
    ALTER TABLE hosts DROP COLUMN trust_version; ALTER TABLE hosts DROP COLUMN enrolled_from;
    ALTER TABLE join_tokens DROP COLUMN patterns; ALTER TABLE join_tokens DROP COLUMN networks;
    ALTER TABLE join_tokens DROP COLUMN addresses; ALTER TABLE join_tokens DROP COLUMN max_uses;
    ALTER TABLE join_tokens DROP COLUMN uses; ALTER TABLE join_tokens DROP COLUMN replaces;
    ALTER TABLE join_tokens DROP COLUMN revoked_at; DROP TABLE ca_machines; DROP TABLE krls;
    DROP TABLE ending_reports; DROP TABLE endings; DROP TABLE host_acks; DROP TABLE host_sessions;
    DROP TABLE session_ends; DROP TABLE scim_tokens; DROP TABLE scim_resources; DROP TABLE scim_members;
    DROP TABLE provider_words; DROP TABLE rechecks; DROP TABLE event_sinks;
    DROP INDEX certificates_signin; ALTER TABLE certificates DROP COLUMN signin;
    ALTER TABLE persons DROP COLUMN locked_by; ALTER TABLE persons DROP COLUMN ended_at;
    ALTER TABLE installation DROP COLUMN sign_ins_over; DROP TABLE sign_in_failures;
    ALTER TABLE hosts DROP COLUMN instance;
    UPDATE schema_version SET version_num = '0001';
"""


def test_a_database_of_the_first_release_is_taken_along_on_the_command_line(admin: Admin) -> None:
    """What is on record stays, the ledger still holds, and until then every command says what to run."""
    database = admin.folder / "ca.sqlite"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(TO_THE_FIRST_RELEASE)
    before = database.stat()
    for command in (("ca", "reload"), ("ledger", "verify"), ("ca", "serve")):
        code, out, err = admin(*command)
        assert (code, out) == (Exit.MISCONFIGURED, "")
        assert "expects version 0006" in err and "daypass ca migrate" in err
    code, _, err = admin("ca", "migrate")
    assert code == 0 and "is up to date" in err
    after = database.stat()
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)
    assert json.loads(admin("ledger", "verify", "--json")[1])["entries"] == 2
    assert admin("ca", "reload")[1] == "nothing changed: version 1 stays in force\n"
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM device_requests").fetchone() == (0,)


# -- ca serve, token host -------------------------------------------------------------------------------------


def test_a_ca_is_served_with_its_pinned_root_and_hands_out_tokens(admin: Admin) -> None:
    listen_anywhere(admin)
    context = create_default_context(cafile=str(admin.folder / "keys/tls_root.crt"))
    with serving(admin) as (url, _):
        assert httpx2.get(f"{url}/health", verify=context).json() == {"status": "ok"}
        code, out, err = admin("token", "host", "web-1.test.example", "--label", "tier=gold", "--lifetime", "10m")
        assert code == 0
        assert JoinTokenText.decode(out.strip()).url == "https://localhost:8443"
        assert "for 10 min" in err
        answer = json.loads(admin("token", "host", "web-2.test.example", "--json")[1])
        assert (answer["name"], set(answer)) == ("web-2.test.example", {"token", "name", "expires_at"})
        assert answer["expires_at"].endswith("Z")
        assert admin("token", "host", "web-1.elsewhere.example")[0] == Exit.DENIED
    assert '"tier":"gold"' in admin("ledger", "show", "--json", "--after", "2")[1]
    assert out.strip() not in admin("ledger", "show", "--json")[1]


def test_the_passphrase_of_encrypted_keys_is_asked_for_on_a_terminal(empty: Admin, tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text("correct horse\n")
    assert empty("ca", "init", *TRIAL[:-1], "--passphrase-file", str(secret))[0] == 0
    listen_anywhere(empty)
    empty.config.write_text(re.sub(r"(?m)^passphrase_file = .*$", "", empty.config.read_text()))
    process, terminal = on_terminal("ca", "serve", "--config", str(empty.config))
    answers = {"Passphrase of the CA's keys": "correct horse"}
    shown = converse(process, terminal, answers, until="on https://0.0.0.0:")
    assert process.wait(20) == 0, shown
    assert "correct" not in shown


def test_serving_with_another_file_than_the_one_in_force_says_which_counts(admin: Admin) -> None:
    listen_anywhere(admin)
    admin.add(ROLE)
    with serving(admin) as (_, said):
        assert "version 1, which is in force" in said and "daypass ca reload" in said
    admin("ca", "reload")
    with serving(admin) as (_, said):
        assert "daypass ca reload" not in said


@pytest.mark.parametrize("arguments", [["--label", "tier"], ["--label", "=gold"]])
def test_a_label_without_its_value_is_a_usage_error(admin: Admin, arguments: Sequence[str]) -> None:
    assert admin("token", "host", "web-1.test.example", *arguments)[0] == Exit.USAGE


def test_a_lifetime_that_is_none_is_refused(admin: Admin) -> None:
    assert admin("token", "host", "web-1.test.example", "--lifetime", "soon")[0] == Exit.INVALID


def test_a_token_needs_a_ca_that_runs(admin: Admin) -> None:
    code, _, err = admin("token", "host", "web-1.test.example")
    assert code == Exit.UNAVAILABLE
    assert str(admin.folder / "admin.sock") in err


def test_encrypted_keys_are_served_with_the_credential_that_systemd_gives(empty: Admin, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "passphrase").touch(mode=0o600)
    (credentials / "passphrase").write_text("correct horse\n")
    assert empty("ca", "init", *TRIAL[:-1], "--passphrase-file", str(credentials / "passphrase"))[0] == 0
    listen_anywhere(empty)
    without = re.sub(r"^passphrase_file = .*$", "", empty.config.read_text(), flags=re.MULTILINE)
    empty.config.write_text(without)
    with serving(empty, os.environ | {"CREDENTIALS_DIRECTORY": str(credentials)}):
        pass
    code, _, err = empty("ca", "serve")
    assert code == Exit.MISCONFIGURED
    assert "is encrypted" in err


# -- ledger ---------------------------------------------------------------------------------------------------


def test_a_whole_chain_is_counted_and_its_head_shown(admin: Admin) -> None:
    code, out, _ = admin("ledger", "verify")
    assert code == 0
    head = json.loads(admin("ledger", "verify", "--json")[1])["head"]
    assert out == f"2 entries, head {head}\n"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE ledger SET entry = replace(CAST(entry AS TEXT), 'uid:', 'uid:1') WHERE seq = 2",
            "entry 2 is not what",
        ),
        ("UPDATE ledger SET hash = zeroblob(32) WHERE seq = 1", "entry 1 is not what"),
        ("UPDATE ledger SET time = time - 60 WHERE seq = 3", "entry 3 is filed under another time"),
        ("UPDATE ledger SET act = 'ca.init' WHERE seq = 2", "entry 2 is filed under another time or act"),
        ("DELETE FROM ledger WHERE seq = 1", "entry 1 is missing"),
        ("DELETE FROM ledger WHERE seq = 2", "entry 2 is missing"),
        ("UPDATE ledger SET seq = seq + 10", "entry 1 is missing"),
    ],
)
def test_an_altered_record_is_found_by_its_number(admin: Admin, statement: str, said: str) -> None:
    admin.add(ROLE)
    admin("ca", "reload")
    with closing(sqlite3.connect(admin.folder / "ca.sqlite")) as database:
        database.execute(statement)
        database.commit()
    code, out, err = admin("ledger", "verify")
    assert (code, out) == (Exit.INVALID, "")
    assert said in err


def test_the_chain_holds_over_many_chunks(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.cli.admin_ledger.CHUNK", 1)
    assert json.loads(admin("ledger", "verify", "--json")[1])["entries"] == 2
    assert len(admin("ledger", "show", "--json")[1].splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "acts"),
    [
        ([], ["ca.init", "config.publish"]),
        (["--limit", "1"], ["ca.init"]),
        (["--after", "1"], ["config.publish"]),
        (["--after", "2"], []),
    ],
)
def test_entries_are_shown_as_they_were_recorded(admin: Admin, arguments: Sequence[str], acts: list[str]) -> None:
    out = admin("ledger", "show", "--json", *arguments)[1]
    assert [json.loads(line)["act"] for line in out.splitlines()] == acts


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            {"seq": 3, "time": 1795438966, "act": "certificate.deny", "actor": "corp:7", "version": 2, "policy": "00"}
            | {"code": "policy.role.window", "role": "n", "condition": "windows", "why": "no", "asked": "day"},
            "3  {when}  certificate.deny  corp:7  no (policy.role.window, role n, condition windows); asked day  v2",
        ),
        (
            {"seq": 4, "time": 1795438966, "act": "certificate.issue", "actor": "corp:7", "provider": "corp"}
            | {"subject": "7", "roles": ["a", "b"], "once": "ff", "valid_before": 1795438966, "remote": True},
            "4  {when}  certificate.issue  corp:7  roles a b, valid before {when}, remote",
        ),
        (
            {"seq": 5, "time": 1795438966, "act": "person.link", "actor": "uid:0", "provider": "corp", "subject": "7"}
            | {"reason": "\x1b[2J\ny", "version": 1, "labels": {"env": "prod"}, "locked_at": 1795438966},
            "5  {when}  person.link  uid:0  provider corp, subject 7, reason \ufffd[2J\ufffdy, labels env=prod, "
            "locked at {when}  v1",
        ),
        (
            {
                "seq": 6,
                "time": 1795438966,
                "act": "certificate.revoke",
                "actor": "uid:0",
                "about": "person alice (#1)",
            }
            | {"ending": "e1", "gone": True, "held": False, "persons": [1], "serials": [7], "reason": "left"},
            "6  {when}  certificate.revoke  uid:0  about person alice (#1), ending e1, out for good, serials 7, "
            "reason left",
        ),
        (
            {"seq": 7, "time": 1795438966, "act": "ending.report", "actor": "daypass", "applied": 2, "closed": 3}
            | {"complete": True, "ending": "e1", "hosts": 2, "remains": 0, "state": "ended", "unreached": 0},
            "7  {when}  ending.report  daypass  ending e1, state ended, applied on 2 of 2 hosts, sessions closed 3",
        ),
        (
            {"seq": 8, "time": 1795438966, "act": "scim.update", "actor": "scim:sso", "active": False, "name": "a"},
            "8  {when}  scim.update  scim:sso  not active, name a",
        ),
    ],
)
def test_an_entry_is_one_line_for_people(entry: dict[str, object], line: str) -> None:
    assert entry_line(json.dumps(entry).encode()) == line.format(when=moment(1795438966))


@pytest.mark.parametrize("raw", [b"", b"\xff\n{", b"[]", b"null", b'"x\n"', b"{}", b'{"time": 1e300}'])
def test_what_is_no_entry_is_one_line_too(raw: bytes) -> None:
    assert entry_line(raw).isprintable()


def test_the_ledger_is_shown_to_people_line_by_line(admin: Admin) -> None:
    first, second = admin("ledger", "show")[1].splitlines()
    assert first.startswith("1  ") and "  ca.init  uid:" in first and first.endswith("  v0")
    assert "  config.publish  uid:" in second and "published 1" in second


# -- all ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "ca init",
        "ca check-config",
        "ca serve",
        "ca reload",
        "ca trust",
        "ca migrate",
        "token host",
        "ledger verify",
        "ledger show",
    ],
)
def test_every_help_has_examples_and_takes_config_and_root(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"Examples?:\n +(sudo )?daypass ", out)
    assert "--config" in out
    assert "--root" in out
    assert "secret" not in out.lower().replace("as a secret", "")
