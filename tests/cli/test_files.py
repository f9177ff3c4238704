"""`needs-renewal`, `check-host`, `hosts` and `list`: step's exit codes, and no network where none is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.cli.files_kit import Told, signed_in, told
from tests.client.mini_ca import MiniCa
from tests.parts.openssh import Agent, make_key
from tests.wire.making import private_key, signed

from daypass import api
from daypass.cli.exits import Exit
from daypass.client.agents import agent as agents
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.wire import Certificate

__all__ = ["signed_in", "told"]


# -- needs-renewal --------------------------------------------------------------------------------------------


def write(path: Path, left: int, whole: int = 1000) -> Path:
    now = int(time.time())
    path.write_text(signed(valid_after=now + left - whole, valid_before=now + left).line() + "\n")
    return path


@pytest.mark.parametrize(
    ("left", "options", "code"),
    [
        (900, [], 1), (100, [], 0), (-5, [], 0), (500, ["--expires-in", "40%"], 0), (500, ["--expires-in=75%"], 1),
        (500, ["--expires-in", "5m"], 1), (500, ["--expires-in", "10m", "--verbose"], 0), (500, ["a"], 255),
        (500, ["--expires-in", "101%"], 255), (500, ["--expires-in", "x"], 255), (500, ["--expires-in"], 255),
        (500, ["--nonsense"], 255),
    ],
)  # fmt: skip
def test_the_exit_code_says_whether_renewal_is_needed(
    left: int, options: list[str], code: int, told: Told, tmp_path: Path
) -> None:
    found, out, err = told("needs-renewal", write(tmp_path / "cert", left), *options)
    assert found == code
    assert ("hint:" in err) is (code == 255) and bool(out) is ("--verbose" in options)


@pytest.mark.parametrize(("name", "code"), [("missing", 2), (".", 255), ("key.pub", 255), ("junk", 255)])
def test_a_file_without_a_certificate_is_255_and_no_file_is_2(
    name: str, code: int, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key.pub").write_text(signed().public_key.line())
    (tmp_path / "junk").write_bytes(os.urandom(2000))
    assert told("needs-renewal", name)[0] == code


@pytest.mark.parametrize(
    ("left", "words"),
    [(500, "does not need renewal: 50% of its time is used, 8 min left"), (-5, "needs renewal: it has expired")],
)
def test_verbose_says_why(left: int, words: str, told: Told, tmp_path: Path) -> None:
    assert words in told("needs-renewal", "-v", write(tmp_path / "cert", left))[1]


def loaded(*arguments: str, code: int) -> set[str]:
    """Modules that a command line brought along."""
    script = f"import sys; before = set(sys.modules); sys.path[:0] = {sys.path!r}\n"
    script += f"from daypass.cli.main import main; assert main({list(arguments)!r}) == {code}\n"
    script += "print(*set(sys.modules) - before, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


HEAVY = {"click", "httpx2", "cryptography", "msgspec", "pathlib", "dataclasses", "typing"}


def test_what_cron_and_ssh_run_is_light(told: Told, tmp_path: Path, signed_in: Membership) -> None:
    cert = write(tmp_path / "cert", 100)
    assert not loaded("needs-renewal", str(cert), code=0) & HEAVY
    assert not loaded("check-host", "web-1.corp.test", code=0) & HEAVY


# -- check-host and hosts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("web-1.corp.test", True), ("WEB-1.Corp.Test.", True), ("web-2.corp.test", False), ("web-1", False),
        ("", False), ("-x.corp.test", None), ("*.corp.test", False), ("web-1.corp.test\n", False), ("\x1b[2J", False),
    ],
)  # fmt: skip
def test_a_host_is_known_or_not(
    host: str, known: bool | None, told: Told, signed_in: Membership, company: MiniCa
) -> None:
    before = company.hits.total()
    code, out, err = told("check-host", "-v", host)
    expected = (Exit.USAGE, "") if known is None else (0, "true\n") if known else (1, "false\n")
    assert (code, out) == expected and "\x1b" not in err
    assert company.hits.total() == before
    if known:
        assert f"at {signed_in.context.name}" in err


def test_without_a_login_or_a_company_no_host_is_known(told: Told, at_home: Settings, joined: Membership) -> None:
    assert told("check-host", "web-1.corp.test")[:2] == (1, "false\n")
    assert told("check-host", "-v", "--context", "other", "web-1.corp.test")[2] == "no company joined\n"
    assert "daypass login" in told("hosts", "--all")[2]
    assert told("hosts", "--context", "other")[0] == Exit.NOT_FOUND


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"document":"{}"}', b'{"document": 5}', b"\xff", b"[" * 9999]
)
def test_a_damaged_list_counts_for_nothing(content: bytes, told: Told, signed_in: Membership) -> None:
    signed_in.context.bundle.write_bytes(content)
    assert told("check-host", "web-1.corp.test")[:2] == (1, "false\n")


def test_hosts_are_listed_and_their_age_is_told(told: Told, signed_in: Membership) -> None:
    code, out, err = told("hosts", "--all", "--offline")
    assert (code, out) == (0, "web-1.corp.test\n") and "as of" in err and "ago" in err
    (only,) = json.loads(told("hosts", "--all", "--offline", "--json")[1])
    assert only["name"] == "web-1.corp.test" and only["company"] == signed_in.context.name
    assert only["as_of"].endswith("Z")


def test_hosts_asks_with_the_day_pass_and_keeps_what_comes(
    told: Told, signed_in: Membership, company: MiniCa
) -> None:
    assert told("ssh-config")[0] == 0
    company.enrolled = ["web-1.corp.test", "web-2.corp.test"]
    company.answers["/v1/me/bundle"] = [(200, company.client_bundle(version=int(time.time() * 1000) + 5000))]
    assert told("hosts", "--all") == (0, "web-1.corp.test\nweb-2.corp.test\n", "")
    assert company.hits["/v1/me/bundle"] == 1
    assert told("check-host", "web-2.corp.test")[0] == 0
    assert "web-2.corp.test" in signed_in.context.ssh_config.read_text()


@pytest.mark.parametrize("answer", [(500, b"no"), (404, b"{}"), (200, b"{}"), (0, b"")], ids=str)
def test_a_ca_that_does_not_answer_leaves_the_old_list(
    answer: tuple[int, object], told: Told, signed_in: Membership, company: MiniCa
) -> None:
    company.answers["/v1/me/bundle"] = [answer] * 3
    code, out, err = told("hosts", "--all")
    assert (code, out) == (0, "web-1.corp.test\n") and "as of" in err


def test_a_list_signed_by_somebody_else_is_not_kept(told: Told, signed_in: Membership, company: MiniCa) -> None:
    forged: api.Signed = company.client_bundle(Ed25519PrivateKey.generate(), enrolled=["evil.corp.test"])
    company.answers["/v1/me/bundle"] = [(200, forged)]
    assert told("hosts", "--all")[1] == "web-1.corp.test\n"


# -- list -----------------------------------------------------------------------------------------------------


def test_list_marks_what_is_ours_and_shows_the_rest(
    told: Told, signed_in: Membership, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.add(make_key(tmp_path / "id", comment="me@laptop"))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
    code, out, _ = told("list")
    ours, other = out.splitlines()
    name = signed_in.context.name
    assert code == 0 and "(ED25519-CERT)  " in ours and f"  {name}, until " in ours and "left)" in ours
    listed = subprocess.run(["ssh-add", "-l"], env=agent.env, capture_output=True, text=True, check=True).stdout
    assert f"{other}\n" == listed
    assert told("list", "me@laptop")[1] == listed
    assert told("list", "--raw", "me@laptop")[1].rstrip() == agent.public_keys()[0]
    found = json.loads(told("list", "--json")[1])
    assert [each["company"] for each in found] == [name, None]
    assert found[0]["seconds_left"] > 3000 and "valid_before" not in found[1]


def test_list_shows_hostile_comments_inert(
    told: Told, at_home: Settings, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours: Certificate = signed(valid_before=int(time.time()) + 600)
    agents.Agent(str(agent.socket)).add(private_key(2), ours.encode(), 60, "\x1b[2Jx\ny")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
    for options in ([], ["--raw"], ["--json"]):
        out = told("list", *options)[1]
        assert "\x1b" not in out and ("--json" in options or out.count("\n") == 1)


def test_without_an_agent_list_says_so(
    told: Told, at_home: Settings, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told("list") == (1, "", "no ssh-agent answers\n")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
    assert told("list") == (0, "", "the agent holds nothing\n")
