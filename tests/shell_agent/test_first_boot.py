"""What a new machine is given: cloud-init takes it, and nothing in it can be read in two ways."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.parts.needs import need

from daypass.errors import Invalid
from daypass.shell_agent import digest
from daypass.shell_agent.first_boot import cloud_config, shell_script
from daypass.wire.jointoken import JoinTokenText

TOKEN = JoinTokenText("https://ca.example.com:8443", "a" * 64, "b" * 16, "c" * 43).encode()


def test_cloud_init_accepts_it(tmp_path: Path) -> None:
    (tmp_path / "user-data").write_text(cloud_config(TOKEN, digest()))
    ran = subprocess.run(
        [need("cloud-init"), "schema", "--config-file", tmp_path / "user-data"], capture_output=True, text=True
    )
    assert "Valid" in ran.stdout, ran.stdout + ran.stderr


def test_it_is_a_few_lines_and_names_the_script_by_its_digest() -> None:
    found = cloud_config(TOKEN, digest())
    assert found.startswith("#cloud-config\n")
    assert len(found.splitlines()) < 12
    assert found.count(digest()) == found.count(TOKEN) == 1


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_as_a_script_it_has_the_lines_of_the_document(shell: str) -> None:
    script = shell_script(TOKEN, digest())
    commands = [
        line.removeprefix("  - ") for line in cloud_config(TOKEN, digest()).split("runcmd:\n")[1].splitlines()
    ]
    assert script.splitlines()[3:] == commands
    subprocess.run([shell, "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("token", ["", "dpj1.x", "$(reboot)", f"{TOKEN}\n- reboot", f"{TOKEN}'"])
def test_what_is_no_token_becomes_no_document(token: str) -> None:
    with pytest.raises(Invalid):
        cloud_config(token, digest())
