"""Nothing secret touches a disk, and no log at any level holds a token."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.parts.needs import need

from daypass.demo.company import Company

# What a key, a token and a code look like when they are written down.
PRIVATE = re.compile(rb"PRIVATE KEY|openssh-key-v1\x00")
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.")


@pytest.fixture
def traced(firm: Company, tmp_path: Path) -> dict[str, bytes]:
    """Everything `daypass login` and its children wrote, by the path of the file or socket."""
    firm.sign_in("alice")  # so that the agent, which outlives the login, is nobody's child below
    need("root")  # a login can't be looked into by others, so strace sees no file names of it
    strace, log = need("strace"), tmp_path / "trace"
    browser = f"{sys.executable} -m daypass.demo.browser %s"
    done = subprocess.run(
        [strace, "-f", "-y", "-xx", "-s", "1000000", "-o", log, "-e", "trace=write,pwrite64,writev,sendto,sendmsg",
         sys.executable, "-m", "daypass.cli.main", "login", "--force"],
        env=firm.env | {"BROWSER": browser, "DEMO_PERSON": "alice", "DAYPASS_DEBUG": "1"},
        capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    written: dict[str, bytes] = {}
    for line in log.read_text().splitlines():
        match = re.search(r"(?:write|pwrite64|writev|sendto|sendmsg)\(\d+<((?:\\x[0-9a-f]{2})*)>, (.*)", line)
        if match:
            path = bytes.fromhex(match[1].replace("\\x", "")).decode(errors="replace")
            data = b"".join(
                bytes.fromhex(each.replace("\\x", "")) for each in re.findall(r'"((?:\\x..)*)"', match[2])
            )
            written[path] = written.get(path, b"") + data
    return written


def test_no_private_key_and_no_token_is_written_to_any_file(firm: Company, traced: dict[str, bytes]) -> None:
    files = {path: data for path, data in traced.items() if path.startswith("/") and not path.startswith("/dev/")}
    assert any("/.daypass/contexts/" in path for path in files), "nothing was traced"
    sockets = {path: data for path, data in traced.items() if path not in files}
    seed = agent_seed(sockets)
    for path, data in files.items():
        assert seed not in data, path
        assert base64.b64encode(seed)[:40] not in data and seed.hex().encode() not in data, path
        assert not PRIVATE.search(data) and not TOKEN.search(data), path


def agent_seed(sockets: dict[str, bytes]) -> bytes:
    """The private half that went to the agent: 32 bytes of seed before the 32 of the public key, as one string."""
    for data in sockets.values():
        at = data.find(b"ssh-ed25519-cert-v01@openssh.com")
        if at >= 0 and (found := re.search(rb"\x00\x00\x00\x40(.{64})", data[at:], re.DOTALL)):
            return found[1][:32]
    raise AssertionError("the key was never sent to an agent: this test sees nothing")


def test_no_log_of_the_ca_holds_a_token_or_key_even_when_it_says_everything(firm: Company) -> None:
    firm.kill_ca()
    firm.start_ca("--log", "debug")
    firm.sign_in("alice", "--force")
    firm.sign_in("bob", "--force", check=False)
    firm.daypass("token", "host", "web-2.demo.test", "--root", str(firm.ca_root))
    log = (firm.home / "ca.log").read_bytes()
    assert b"path=/v1/ssh/sign status=201" in log and b" DEBUG " in log, "this log says too little to show anything"
    assert not TOKEN.search(log) and not PRIVATE.search(log) and b"dpj1." not in log
    for path in (firm.ca_root / "var").rglob("*"):
        if path.is_file():
            assert not TOKEN.search(path.read_bytes()), path


def test_no_argument_list_holds_a_secret(firm: Company) -> None:
    """The join token goes by file, standard input or environment; there is no option that takes it."""
    told = firm.daypass("host", "enroll", "--help").stdout + firm.daypass("login", "--help").stdout
    assert "--token-file" in told and "--token " not in told and "--password" not in told
