"""What a new machine is given: cloud-init takes it, and nothing in it can be read in two ways."""

from __future__ import annotations

import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from tests.parts.needs import need

from daypass.errors import Invalid
from daypass.shell_agent import digest
from daypass.shell_agent.first_boot import cloud_config, shell_script, without_token
from daypass.wire.jointoken import JoinTokenText

URL = "https://ca.example.com:8443"
TOKEN = JoinTokenText(URL, "a" * 64, "b" * 16, "c" * 43).encode()


def test_cloud_init_accepts_it(tmp_path: Path) -> None:
    (tmp_path / "user-data").write_text(cloud_config(TOKEN, digest()))
    ran = subprocess.run(
        [need("cloud-init"), "schema", "--config-file", tmp_path / "user-data"], capture_output=True, text=True
    )
    assert "Valid" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "way", [{"cloud": "aws"}, {"cloud": "gcp"}, {"cloud": "azure"}, {"port22": "web-1.example.com"}]
)
def test_without_a_token_there_is_no_secret_in_it_and_cloud_init_accepts_it(
    way: dict[str, str], tmp_path: Path
) -> None:
    found = without_token(URL, "a" * 64, digest(), **way, script=False)
    (tmp_path / "user-data").write_text(found)
    ran = subprocess.run(
        [need("cloud-init"), "schema", "--config-file", tmp_path / "user-data"], capture_output=True, text=True
    )
    assert "Valid" in ran.stdout, ran.stdout + ran.stderr
    ((name, value),) = way.items()
    assert f"agent.sh enroll --{name} {value} --ca {URL} --fingerprint {'a' * 64}\n" in found
    assert "token" not in found and "write_files" not in found
    script = without_token(URL, "a" * 64, digest(), **way, script=True)
    assert script.splitlines()[2:] == [line.removeprefix("  - ") for line in found.splitlines()[2:]]


@pytest.mark.parametrize(
    ("url", "fingerprint", "way"),
    [
        (f"{URL}/$(reboot)", "a" * 64, {"cloud": "aws"}),
        ("http://ca.example.com", "a" * 64, {"cloud": "aws"}),
        (URL, "A" * 64, {"cloud": "aws"}),
        (URL, "a" * 64, {"cloud": "aws; reboot"}),
        (URL, "a" * 64, {"port22": "web-1; reboot"}),
        (URL, "a" * 64, {"port22": "web-1", "cloud": "aws"}),
        (URL, "a" * 64, {}),
    ],
)
def test_what_a_shell_could_take_for_more_becomes_no_document(
    url: str, fingerprint: str, way: dict[str, str]
) -> None:
    with pytest.raises(Invalid):
        without_token(url, fingerprint, digest(), **way, script=False)


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


@pytest.mark.parametrize("script", [b"exit 7\n", b"exit 0\n"])
def test_it_ends_as_the_enrolment_did_and_leaves_no_token(tmp_path: Path, script: bytes) -> None:
    (tmp_path / "agent.sh").write_bytes(script)
    curl = tmp_path / "curl"
    curl.write_text(f"#!/bin/sh\ncp {tmp_path}/agent.sh {tmp_path}/daypass-agent.sh\n")
    curl.chmod(0o755)
    told = shell_script(TOKEN, sha256(script).hexdigest()).replace("/run/", f"{tmp_path}/")
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert subprocess.run(["sh"], input=told.encode(), env={"PATH": path}).returncode == int(script.split()[1])
    other = told.replace(sha256(script).hexdigest(), "0" * 64)
    assert subprocess.run(["sh"], input=other.encode(), env={"PATH": path}).returncode == 1
    assert not (tmp_path / "daypass-token").exists()


@pytest.mark.parametrize("token", ["", "dpj1.x", "$(reboot)", f"{TOKEN}\n- reboot", f"{TOKEN}'"])
def test_what_is_no_token_becomes_no_document(token: str) -> None:
    with pytest.raises(Invalid):
        cloud_config(token, digest())
