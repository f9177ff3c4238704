"""What goes to a host's sh, and what ssh is told."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from daypass import shell_agent
from daypass.client.fleet.listing import Target
from daypass.client.fleet.takeover import Takeover, script
from daypass.errors import Invalid
from daypass.wire.jointoken import JoinTokenText
from tests.parts.needs import need

TOKEN = JoinTokenText("https://ca.example.com", "a" * 64, "b" * 16, "c" * 43).encode()
WEB = Target("web-1.example.com", "admin@10.0.0.7", 2222)


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In place of ssh: its arguments and its standard input end up in files."""
    program = tmp_path / "ssh"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/words\ncat >{tmp_path}/stdin\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def test_the_script_is_sound_and_ends_with_what_began_it() -> None:
    text = script(TOKEN)
    checked = subprocess.run([need("shellcheck"), "-s", "sh", "-"], input=text, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout) == (0, "")
    assert text.startswith("main() {\n") and text.endswith("}\nmain\n")
    assert text.count(TOKEN) == 1 and shell_agent.script().decode() in text
    assert text.count("__end_of_what_daypass_sends__") == 4


@pytest.mark.parametrize("token", ["", "dpj1.x", f"{TOKEN}\nrm -rf /", f"{TOKEN}'", TOKEN + "="])
def test_nothing_but_a_join_token_gets_into_the_script(token: str) -> None:
    with pytest.raises(Invalid):
        script(token)


def test_the_token_goes_by_standard_input_and_ssh_asks_nothing(ssh: Path) -> None:
    takeover = Takeover(ssh / "known_hosts", script, ("ProxyJump=bastion",))
    assert takeover.enrol(WEB, TOKEN) == ""
    assert takeover.is_ours(WEB) == ""
    assert TOKEN not in (ssh / "words").read_text()
    words = (ssh / "words").read_text().splitlines()
    assert words[-2:] == ["admin@10.0.0.7", "true"] and words[words.index("-p") + 1] == "2222"
    assert "BatchMode=yes" in words and "ProxyJump=bastion" in words
    assert words.index("StrictHostKeyChecking=yes") < words.index("ProxyJump=bastion")  # the first word counts


def test_what_ssh_says_last_is_the_reason_and_moves_no_cursor(ssh: Path) -> None:
    (ssh / "ssh").write_text("#!/bin/sh\nprintf 'banner\\nPermission \\033[2Jdenied\\n' >&2\nexit 255\n")
    assert Takeover(ssh / "known_hosts", script).is_ours(WEB) == "Permission \ufffd[2Jdenied"
