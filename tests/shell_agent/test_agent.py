"""agent.sh with the CA itself and a real sshd: in dash, and with busybox for every tool."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.host.box import Box
from tests.host.real_ca import RealCa, ended, run_real_ca
from tests.parts.openssh import keygen, make_key, show_certificate
from tests.parts.processes import wait_until
from tests.shell_agent.shell_box import SCRIPT, SHELLS, ShellBox

ROLES = """
[[roles]]
name = "dev"
hosts = ["*"]
groups = ["dev"]
accounts = ["{login}", "deploy", "root"]

[[roles]]
name = "run"
hosts = ["web-*"]
groups = ["dev"]
accounts = ["deploy"]
force_command = "/usr/bin/run \\"it\\" now"
"""
CERTIFICATE = "ssh_host_ed25519_key-cert.pub"


@pytest.fixture(scope="module")
def real_ca() -> Iterator[RealCa]:
    with run_real_ca(ROLES) as ca:
        yield ca


@pytest.fixture(params=SHELLS)
def machine(box: Box, request: pytest.FixtureRequest) -> ShellBox:
    (box.root / "etc/machine-id").write_text("0" * 32 + "\n")
    return ShellBox(box, request.param)


@pytest.fixture
def dash(box: Box) -> ShellBox:
    return ShellBox(box)


_numbers = iter(range(1000))


def token(ca: RealCa) -> str:
    return ca.token(f"web-{next(_numbers)}.example.com")


def tree(machine: ShellBox) -> dict[str, tuple[int, bytes]]:
    aside = ("token", "applets/", "etc/machine-id")
    return {path: found for path, found in machine.box.tree().items() if not path.startswith(aside)}


def fingerprint(machine: ShellBox) -> str:
    return keygen("-l", "-f", machine.box.root / "sshd/ssh_host_ed25519_key").split()[1]


def serial(machine: ShellBox) -> int:
    found = re.search(r"Serial: (\d+)", show_certificate(machine.ours / CERTIFICATE))
    assert found is not None
    return int(found[1])


def test_a_host_enrols_renews_syncs_and_leaves_as_if_nothing_had_been(machine: ShellBox, real_ca: RealCa) -> None:
    make_key(machine.box.root / "sshd/ssh_host_rsa_key", "rsa")
    with machine.box.running(f"HostKey {machine.box.root}/sshd/ssh_host_rsa_key"):
        before = tree(machine)
        machine.enroll(token(real_ca))
        assert (machine.ours / "ssh_host_rsa_key-cert.pub").exists()
        first = serial(machine)
        assert machine.run("sync").stdout == ""
        assert "certificates end in 29 d 23 h, the CA was heard 0 min ago" in machine.run("status").stdout
        assert "has new certificates" in machine.run("renew").stdout
        assert serial(machine) > first
        machine.run("leave")
        assert tree(machine) == before


def test_principals_files_are_the_ones_that_daypass_writes(machine: ShellBox, real_ca: RealCa) -> None:
    """Restricted lines first, whole commands, and nobody in an account that the owner keeps shut, by any name."""
    (machine.box.root / "etc/daypass").mkdir()
    (machine.box.root / "etc/daypass/host.toml").write_text('never = [ # mine\n  "root", "bob",\n]\n')
    with (machine.box.root / "etc/passwd").open("a") as passwd:
        passwd.write("robert:x:5002:5002::/:/bin/sh\n")
    machine.enroll(joined := token(real_ca), "--no-reload")
    theirs = {each.name: each.read_text() for each in machine.box.paths.principals.iterdir()}
    assert {each for each in theirs if not each.startswith("www-")} == {"alice", "deploy"}
    machine.run("leave", "--no-reload")
    options = ("--root", machine.box.root, "--sshd-config", machine.box.config, "--token-file")
    ended("host", "enroll", *options, machine.box.root / "token", "--no-reload")
    assert theirs == {each.name: each.read_text() for each in machine.box.paths.principals.iterdir()}
    assert joined == (machine.box.root / "token").read_text()


def test_what_the_ca_says_anew_comes_with_the_next_sync(machine: ShellBox, real_ca: RealCa) -> None:
    machine.enroll(token(real_ca), "--no-reload")
    real_ca.publish(ROLES.replace('"deploy", "root"', f'"deploy", "root", "www-{machine.shell}"'))
    assert f"{machine.box.paths.principals}/www-{machine.shell} written\n" in machine.run("sync").stdout


def test_a_token_serves_a_retry_by_the_same_keys_and_nobody_else(dash: ShellBox, real_ca: RealCa) -> None:
    joined = token(real_ca)
    dash.enroll(joined, "--no-reload")
    first = serial(dash)
    dash.enroll(joined, "--no-reload")
    assert serial(dash) == first
    key = dash.box.root / "sshd/ssh_host_ed25519_key"
    key.unlink()
    make_key(key)
    assert "daypass: hint:" in dash.enroll(joined, "--no-reload", code=4).stderr
    assert serial(dash) == first


def test_an_sshd_that_does_not_present_its_certificate_has_all_of_it_back(dash: ShellBox, real_ca: RealCa) -> None:
    with dash.box.running("HostKeyAlgorithms ssh-ed25519"):
        before = tree(dash)
        ran = dash.enroll(token(real_ca), code=10)
        assert "does not present" in ran.stderr
        assert "as it was before" in ran.stderr
        assert tree(dash) == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("TrustedUserCAKeys /etc/ssh/theirs.pub", "already has trustedusercakeys"),
        ("AuthorizedPrincipalsFile /etc/ssh/theirs/%u", "already has authorizedprincipalsfile"),
        ("RevokedKeys /etc/ssh/theirs.krl", "already has revokedkeys"),
        ("NoSuchOption yes", "refuses its configuration"),
    ],
)
def test_lines_of_the_owner_are_never_overridden(dash: ShellBox, real_ca: RealCa, line: str, words: str) -> None:
    dash.box.write_config(line)
    before = tree(dash)
    assert words in dash.enroll(token(real_ca), code=-1).stderr
    assert tree(dash) == before


def test_a_copied_disk_uses_nothing_of_the_identity_on_it(dash: ShellBox, real_ca: RealCa) -> None:
    (dash.box.root / "etc/machine-id").write_text("0" * 32 + "\n")
    dash.enroll(token(real_ca), "--no-reload")
    (dash.box.root / "etc/machine-id").write_text("1" * 32 + "\n")
    assert "is a copy of" in dash.run("sync", code=7).stderr
    assert "is a copy of" in dash.run("status", code=7).stderr


def test_two_at_once_do_not_stand_in_each_other_s_way(dash: ShellBox, real_ca: RealCa) -> None:
    dash.enroll(token(real_ca), "--no-reload")
    lock = dash.state.with_name("agent.lock")
    with subprocess.Popen(["sh", "-c", "read never", "agent.sh"], stdin=subprocess.PIPE) as other:
        lock.write_text(f"{other.pid}\n")
        assert "another agent.sh" in dash.run("sync", code=7).stderr
        other.kill()
    dash.run("sync")
    assert not lock.exists()


def test_what_a_kill_left_behind_is_passed_over(dash: ShellBox, real_ca: RealCa) -> None:
    dash.enroll(token(real_ca), "--no-reload")
    dash.state.with_name("agent.lock").write_text("999999999\n")
    dash.state.with_name("work.1").mkdir()
    (dash.ours / "krl").write_bytes(b"half")
    (dash.ours / "krl.daypass-new").write_bytes(b"half")
    dash.run("sync")
    assert (dash.ours / "krl").read_bytes().startswith(b"SSHKRL")
    assert not dash.state.with_name("work.1").exists()


def test_a_host_without_word_for_too_long_shuts_itself_and_opens_again(dash: ShellBox, real_ca: RealCa) -> None:
    dash.enroll(token(real_ca), "--no-reload")
    good, state = (dash.ours / "krl").read_bytes(), dash.state.read_text()
    closing = re.sub(r"(?m)^closed_after=.*", "closed_after=60", re.sub(r"(?m)^heard=.*", "heard=1000", state))
    dash.state.write_text(re.sub(r"(?m)^url=.*", "url=https://localhost:1", closing))
    assert "nobody enters by certificate" in dash.run("sync", code=9).stderr
    shut = ["ssh-keygen", "-Q", "-f", str(dash.ours / "krl"), str(dash.ours / "user_ca.pub")]
    assert "REVOKED" in subprocess.run(shut, capture_output=True, text=True).stdout
    assert "more than a day" in dash.run("status", code=1).stderr
    dash.state.write_text(state)
    dash.run("sync")
    assert (dash.ours / "krl").read_bytes() == good


def test_a_host_whose_ca_is_away_goes_on_with_what_it_has(dash: ShellBox, real_ca: RealCa) -> None:
    dash.enroll(token(real_ca), "--no-reload")
    dash.state.write_text(re.sub(r"(?m)^url=.*", "url=https://localhost:1", dash.state.read_text()))
    before = tree(dash)
    assert "can't be reached" in dash.run("sync", code=9).stderr
    quiet = dash.run("sync", "--quiet", code=9)
    assert (quiet.stdout, quiet.stderr) == ("", "")  # cron would mail it every five minutes
    assert tree(dash) == before


@pytest.mark.parametrize("path", ["etc/ssh/daypass", "var/lib/daypass/agent", "etc/daypass/host.toml"])
def test_what_somebody_beside_root_may_write_to_is_not_used(dash: ShellBox, real_ca: RealCa, path: str) -> None:
    dash.enroll(token(real_ca), "--no-reload")
    (dash.box.root / "etc/daypass").mkdir()
    (dash.box.root / "etc/daypass/host.toml").touch()
    (dash.box.root / path).chmod(0o777)
    assert "make it root's own" in dash.run("sync", code=10).stderr


@pytest.mark.parametrize("text", ['never = "root"', "never = [root]", 'nevr = ["root"]', 'never = ["a\\u0062"]'])
def test_a_ceiling_that_is_not_understood_stops_it(dash: ShellBox, real_ca: RealCa, text: str) -> None:
    dash.enroll(token(real_ca), "--no-reload")
    (dash.box.root / "etc/daypass").mkdir()
    (dash.box.root / "etc/daypass/host.toml").write_text(text)
    assert "can't be understood" in dash.run("sync", code=10).stderr


def test_cron_runs_it_where_there_is_no_systemd(dash: ShellBox, real_ca: RealCa) -> None:
    (dash.box.root / "etc/cron.d").mkdir()
    (path := dash.box.root / "token").write_text(token(real_ca))
    dash.run("enroll", "--no-reload", "--token-file", path)
    line = (dash.box.root / "etc/cron.d/daypass-agent").read_text()
    assert line.startswith("*/5 * * * * root /bin/sh ")
    subprocess.run(line.split("root ", 1)[1], shell=True, check=True)  # noqa: S602
    dash.run("leave", "--no-reload")
    assert not list((dash.box.root / "etc/cron.d").iterdir())


def test_the_ca_lists_what_it_says_of_itself(dash: ShellBox, real_ca: RealCa) -> None:
    dash.enroll(token(real_ca), "--no-reload")
    dash.run("sync")
    with closing(sqlite3.connect(next(real_ca.config.parent.rglob("*.sqlite")))) as store:
        said = [
            facts for (facts,) in store.execute("SELECT facts FROM hosts") if facts and fingerprint(dash) in facts
        ]
    assert len(said) == 1
    assert '"agent.sh 1"' in said[0]


def test_a_kill_in_the_middle_leaves_an_sshd_that_starts_and_a_host_that_heals(
    dash: ShellBox, real_ca: RealCa
) -> None:
    with dash.box.running():
        (path := dash.box.root / "token").write_text(token(real_ca))
        command: list[str | Path] = ["sh", SCRIPT, "enroll", "--no-timer", "--token-file", path]
        command += ["--root", dash.box.root]
        with subprocess.Popen([*command, "--sshd-config", dash.box.config], stdout=subprocess.PIPE) as process:
            wait_until(Path(dash.ours / "user_ca.pub").exists, "files")
            process.kill()
        dash.box.sshd.test()
        assert "is enrolled" in dash.run("enroll", "--no-timer", "--token-file", path).stdout
        assert not list(dash.state.parent.glob("work.*"))


def test_what_it_puts_in_place_is_on_the_disk_before(dash: ShellBox, real_ca: RealCa) -> None:
    """A KRL that is empty after a power cut has sshd refuse every key."""
    programs = dash.box.root / "programs"
    programs.mkdir()
    (programs / "sync").write_text(f'#!/bin/sh\necho "$1" >>{programs}/synced\n')
    (programs / "sync").chmod(0o755)
    dash.path = f"{programs}:"
    dash.enroll(token(real_ca), "--no-reload")
    synced = (programs / "synced").read_text().splitlines()
    assert {f"{dash.ours}/{name}.daypass-new" for name in ("krl", "user_ca.pub", CERTIFICATE)} <= set(synced)
    assert f"{dash.box.config}.daypass-new" in synced


def test_daypass_host_takes_over_and_nothing_of_it_goes_on_beside(dash: ShellBox, real_ca: RealCa) -> None:
    root, before = dash.box.root, tree(dash)
    (root / "etc/cron.d").mkdir()
    (path := root / "token").write_text(token(real_ca))
    dash.run("enroll", "--no-reload", "--token-file", path)
    kept = root / "kept"
    shutil.copytree(dash.state.parent, kept)
    path.write_text(token(real_ca))
    options = ("--root", root, "--sshd-config", dash.box.config)
    ended("host", "enroll", *options, "--token-file", path, "--no-reload")
    assert not dash.state.parent.exists() and not list((root / "etc/cron.d").iterdir())
    shutil.copytree(kept, dash.state.parent)  # one that runs at this moment, and has heard nothing for long
    shutil.rmtree(kept)
    late = re.sub(r"(?m)^closed_after=.*", "closed_after=60", dash.state.read_text())
    dash.state.write_text(re.sub(r"(?m)^heard=.*", "heard=1000", late))
    good = (dash.ours / "krl").read_bytes()
    assert "daypass host looks after this machine" in dash.run("sync", code=7).stderr
    assert (dash.ours / "krl").read_bytes() == good
    ended("host", "leave", *options, "--no-reload")
    assert tree(dash) == before


LATER = [(0, 0, "certificates end in"), (28, 1, "about to end"), (31, 1, "has expired")]


@pytest.mark.parametrize(("days", "code", "words"), LATER)
def test_its_status_says_so_before_certificates_end(
    dash: ShellBox, real_ca: RealCa, days: int, code: int, words: str
) -> None:
    dash.enroll(token(real_ca), "--no-reload")
    (programs := dash.box.root / "programs").mkdir()
    (programs / "date").write_text(f"#!/bin/sh\necho $(($(/bin/date +%s) + {days * 86400}))\n")
    (programs / "date").chmod(0o755)
    dash.path = f"{programs}:"
    said = dash.run("status", code=code)
    assert words in said.stdout + said.stderr
