"""`daypass status`: cheap enough for a shell prompt, and its exit code can be relied on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.client.mini_ca import MiniCa

from daypass.cli.main import main
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership

ALLOWED = {
    *("daypass", "daypass.cli", "daypass.cli.main", "daypass.cli.output", "daypass.cli.quick"),
    *("daypass.client", "daypass.client.glance", "daypass.client.place", "daypass.client.rolefiles"),
    *("daypass.errors", "daypass.times", "daypass.wire", "daypass.wire.buffer"),
    *(
        "__future__",
        "_socket",
        "_struct",
        "gc",
        "binascii",
        "importlib",
        "importlib._bootstrap",
        "struct",
        "warnings",
    ),
    *("encodings.ascii", "importlib._bootstrap_external", "_weakref", "_warnings"),
}


@pytest.fixture
def signed_in(at_home: Settings, sign_in: object, joined: Membership) -> Membership:
    assert callable(sign_in)
    login = sign_in()
    assert isinstance(login, Login)
    login.run()
    return joined


def test_it_imports_what_is_on_the_list_and_nothing_else(signed_in: Membership) -> None:
    script = f"import sys; before = set(sys.modules); sys.path[:0] = {sys.path!r}\n"
    script += "from daypass.cli.main import main; assert main(['status']) == 0\n"
    script += "print(*sorted(set(sys.modules) - before), sep='\\n', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-I", "-c", script], env=dict(os.environ), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(done.stderr.split()) <= ALLOWED


def test_with_a_pass_it_says_who_and_how_long_and_exits_0(
    signed_in: Membership, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    assert "alice at" in out
    assert "(1 h)" in out


def test_json_is_one_object_with_everything_in_it(signed_in: Membership, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["valid"] is True
    assert found["in_agent"] is True
    assert found["login"] == "alice"
    assert 3590 < found["seconds_left"] <= 3600


def test_before_bootstrap_and_before_login_it_exits_1_and_says_what_to_do(
    at_home: Settings, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    assert main(["status"]) == 1
    assert "daypass bootstrap" in capsys.readouterr().err
    request.getfixturevalue("joined")
    assert main(["status"]) == 1
    assert "daypass login" in capsys.readouterr().err
    assert main(["status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["valid"] is False


def test_the_company_asked_for_is_the_one_to_sign_in_at(
    signed_in: Membership, other: Membership, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one is in use."""
    name = signed_in.context.name
    signed_in.context.agent.write_text("/nowhere\n")
    for arguments, hint in ((["--context", name], f"daypass login --context {name}\n"), ([], "daypass login\n")):
        assert main(["status", *arguments]) == 1
        assert capsys.readouterr().err.endswith(f"run: {hint}")
    monkeypatch.setenv("DAYPASS_CONTEXT", name)
    assert main(["status"]) == 1
    assert capsys.readouterr().err.endswith("run: daypass login\n")


def test_a_certificate_whose_key_is_gone_is_no_pass(
    signed_in: Membership, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in.context.agent.write_text("/nowhere\n")
    assert main(["status"]) == 1
    assert "gone from the agent" in capsys.readouterr().err


def test_an_expired_certificate_is_no_pass(
    signed_in: Membership, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3 * 3600)
    assert main(["status"]) == 1
    assert "expired 2 h ago" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"x", b"ssh-ed25519 AAAA", b"\xff\xfe", b"a b\nc d"])
def test_a_file_that_is_no_certificate_is_no_pass(content: bytes, signed_in: Membership) -> None:
    signed_in.context.certificate.write_bytes(content)
    assert main(["status"]) == 1


def test_an_agent_that_hangs_does_not_hang_the_prompt(
    signed_in: Membership,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import socket

    from daypass.client import glance

    monkeypatch.setattr(glance, "_SECONDS", 0.1)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(home / "silent"))
        silent.listen()
        signed_in.context.agent.write_text(f"{home}/silent\n")
        started = time.monotonic()
        assert main(["status"]) == 1
    assert time.monotonic() - started < 10


def test_click_knows_the_same_command(signed_in: Membership, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--help"]) == 0
    assert "Exit code 0" in capsys.readouterr().out
    assert main(["status", "--nonsense"]) == 2
    assert main(["status", "--json", "--root", "/"]) == 0


def test_a_root_stands_for_the_whole_machine(at_home: Settings, company: MiniCa, tmp_path: Path) -> None:
    assert main(["bootstrap", f"{company.url}/#{company.fingerprint}", "--root", str(tmp_path)]) == 0
    assert main(["status", "--root", str(tmp_path)]) == 1
    assert not at_home.home.exists()
    assert (tmp_path / at_home.home.relative_to("/") / "current").exists()
