"""The day everything is down, on a machine: no provider, no CA, and a list that revokes the user CA (trust 8.5)."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.host.fake_ca import public
from tests.host.sessions.stage import Stage, run_stage
from tests.parts.machine import our_python
from tests.parts.openssh import sign_key
from tests.parts.processes import wait_until

from daypass.host.documents import encode
from daypass.host.settings import Paths
from daypass.signers.generate import serialised
from daypass.wire import KrlHeader
from daypass.wire.krl import refusing

NAME = "web-1.example.com"
GLASS = Ed25519PrivateKey.generate()
# What a sync does with the trust document that it has verified.
BRING = """
import time
from msgspec.structs import replace
from daypass.host import breakglass
from daypass.host.documents import Documents
from daypass.host.settings import Paths
from daypass.host.state import State
state = replace(State.load(Paths().state), sshd="/usr/sbin/sshd", sshd_config="/etc/ssh/sshd_config")
breakglass.bring(Paths(), state, Documents.load(Paths(), state).trust, time.time())
print(breakglass.Kept.load(Paths().break_glass_state))
"""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with run_stage() as stage:
        stage.account("alice")
        stage.machine.run("useradd", "--create-home", "--shell", "/bin/sh", "breakglass")
        etc = stage.machine.root / "etc/ssh"
        key = etc / "ssh_host_ed25519_key"
        (stage.folder / "host_ca").write_bytes(serialised(stage.ca.host_ca, None))
        (stage.folder / "host_ca").chmod(0o600)
        sign_key(stage.folder / "host_ca", key.with_suffix(".pub"), key_id="web", principals=[NAME], host=True)
        lines = f"RevokedKeys /etc/ssh/daypass/krl\nHostCertificate /etc/ssh/{key.name}-cert.pub\n"
        (etc / "sshd_config.d/day.conf").write_text(lines)
        stage.machine.run("systemctl", "restart", "ssh")
        yield stage


def in_force(stage: Stage, key: Ed25519PrivateKey = GLASS) -> str:
    """The offline root has signed it, and the host has heard of it."""
    stage.ca.trust = {"break_glass": [public(key).line()], "break_glass_account": "breakglass"}
    stage.say()
    return stage.machine.run(*our_python()[:-2], "-c", BRING).stdout


def drill(stage: Stage, key: Ed25519PrivateKey = GLASS) -> tuple[int, dict[str, str]]:
    """By its own command, from outside, with the key and a copy of the trust document alone."""
    file, trust = stage.folder / "glass", stage.folder / "trust.json"
    file.write_bytes(serialised(key, None))
    file.chmod(0o600)
    trust.write_bytes(encode(stage.ca.signed_trust()))
    told: list[str | Path] = ["--key", file, "--trust", trust, "--address", stage.machine.address, "--json"]
    command: list[str | Path] = [sys.executable, "-m", "daypass.cli.main", "ca", "break-glass", "drill", NAME, *told]
    ran = stage.yard.run(*command, check=False)
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)["hosts"]


def revoke_the_user_ca(stage: Stage) -> None:
    header = KrlHeader(int(time.time() * 1000), int(time.time()), "test")
    Paths(stage.machine.root).krl.write_bytes(refusing([public(stage.ca.user_ca)], header))


def test_a_drill_logs_in_while_nobody_else_can_and_everybody_hears_of_it(stage: Stage) -> None:
    assert "said=''" in in_force(stage)
    terminal = stage.ssh("alice", options=("-tt",))
    revoke_the_user_ca(stage)
    with pytest.raises(AssertionError, match="Permission denied"):
        stage.visit("alice", "true", "alice")
    assert drill(stage) == (0, {NAME: ""})
    _, said = stage.turn()
    assert [each for each in said if "break" in each] == []
    wait_until(lambda: "BREAK-GLASS" in terminal.output.read_text(errors="replace"), "the word on a terminal")
    journal = stage.machine.run("journalctl", "-q", "-p", "alert", "-t", "daypass", "-o", "cat").stdout
    assert 'BREAK-GLASS: "break-glass:drill/drill" came in as "breakglass"' in journal
    alarms = json.loads(Paths(stage.machine.root).alarms.read_text())
    assert len(alarms["waiting"]) == len(alarms["logins"]) == 1, "the CA hears of it once it is back"


def test_used_when_nothing_is_down_it_is_heard_all_the_same(stage: Stage) -> None:
    in_force(stage)
    assert drill(stage) == (0, {NAME: ""})
    stage.turn()
    alarms = json.loads(Paths(stage.machine.root).alarms.read_text())
    assert {each["account"] for each in alarms["logins"]} == {"breakglass"}


def test_another_key_and_an_owner_who_says_never_let_nobody_in(stage: Stage) -> None:
    in_force(stage)
    code, hosts = drill(stage, Ed25519PrivateKey.generate())
    assert (code, "Permission denied" in hosts[NAME]) == (1, True)
    settings = stage.machine.root / "etc/daypass/host.toml"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text('never = ["breakglass"]\n')
    assert "refused=True" in in_force(stage)
    code, hosts = drill(stage)
    assert (code, "Permission denied" in hosts[NAME]) == (1, True)
    settings.unlink()


def test_it_survives_a_power_cut(stage: Stage) -> None:
    in_force(stage)
    stage.machine.reboot()
    assert drill(stage) == (0, {NAME: ""})
