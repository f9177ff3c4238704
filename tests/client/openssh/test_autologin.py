"""The next morning plain ssh signs in by itself: real ssh and sshd, a terminal, and a browser that is counted."""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from daypass import api
from daypass.client import trust
from daypass.client.logout import logout
from daypass.client.openssh import sshsetup, waiting
from daypass.client.openssh.waiting import Failure
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership
from daypass.wire import PublicKey
from tests.client.laptop import shells_that_wait
from tests.client.mini_ca import MiniCa, run_mini_ca
from tests.client.morning import HOST, Morning, Outcome
from tests.client.openssh.test_sshconfig import host_certificate
from tests.parts.needs import need
from tests.parts.op import DISCOVERY, DOWN, Answer, Op
from tests.parts.openssh import Agent as Part
from tests.parts.openssh import Sshd, make_key, run_sshd
from tests.parts.processes import free_port, wait_until


@pytest.fixture
def sshd(company: MiniCa, safe_path: Path) -> Iterator[Sshd]:
    """A host of the company, which knows no key but the CA's."""
    key = make_key(safe_path / "ssh_host_ed25519_key")
    certificate = host_certificate(company, key, (HOST,))
    (safe_path / "user_ca.pub").write_text(PublicKey.from_cryptography(company.user_ca.public_key()).line() + "\n")
    company.principals = (getpass.getuser(),)
    lines = [
        f"HostCertificate {certificate}",
        f"TrustedUserCAKeys {safe_path}/user_ca.pub",
        f"AuthorizedKeysFile {safe_path}/own.pub",
        "StrictModes no",
        "MaxStartups 100",
        "Subsystem sftp internal-sftp",
    ]
    with run_sshd(safe_path, lines) as running:
        yield running


@pytest.fixture
def own_key(sshd: Sshd, safe_path: Path) -> Path:
    """One the host has always known."""
    return make_key(safe_path / "own")


def point_to(member: Membership, url: str) -> None:
    """Have the CA elsewhere."""
    description = json.loads(member.context.description.read_bytes())
    member.context.description.write_text(json.dumps({**description, "url": url}))


@pytest.fixture
def morning(
    company: MiniCa, joined: Membership, settings: Settings, home: Path, sshd: Sshd, sign_in: Callable[..., Login]
) -> Morning:
    """Signed in yesterday."""
    sshsetup.apply(settings, sshsetup.plan(settings))
    found = Morning(settings, joined, company, home, sshd)
    found.prepare()
    sign_in().run()
    found.yesterday()
    return found


def test_ssh_signs_in_by_itself_and_goes_on_in_the_same_connection(morning: Morning) -> None:
    done = morning.ssh(HOST, "echo in", terminal=True)
    assert (done.out, done.err, done.code) == (b"in\n", "", 0)
    assert "waiting for you to sign in" in done.terminal and "signed in as" in done.terminal
    assert morning.opened == 1
    again = morning.ssh(HOST, "echo in", terminal=True)
    assert (again.out, again.terminal) == (b"in\n", "")
    assert morning.opened == 1


ANSIBLE = [
    *("-C", "-o", "ControlMaster=auto", "-o", "ControlPersist=60s", "-o", "KbdInteractiveAuthentication=no"),
    *("-o", "PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey"),
    *("-o", "PasswordAuthentication=no", "-o", "ConnectTimeout=10", "-o", "ControlPath={folder}/cp-1357f09081"),
]
"""As ansible-playbook -vvvv shows it: github.com/ansible/ansible/issues/40553 and 81099."""

LINES = [
    ("ssh", "ssh -F {config} {host} echo in"),
    ("ssh with a terminal over there", "ssh -F {config} -tt {host} echo in"),
    ("an address given as URL", "ssh -F {config} ssh://{host} echo in"),
    ("options behind the host", "ssh -F {config} {host} -T echo in"),
    ("an alias that leads to the host", "ssh -F {config} w1 echo in"),
    ("scp up", "scp -F {config} {folder}/file {host}:{folder}/copy"),
    ("scp down", "scp -F {config} {host}:{folder}/file {folder}/copy"),
    ("scp by its old protocol", "scp -O -F {config} {folder}/file {host}:{folder}/copy"),
    ("sftp", "sftp -F {config} {host}:{folder}/file {folder}/copy"),
    ("rsync", "rsync -e 'ssh -F {config}' {folder}/file {host}:{folder}/copy"),
    ("git", "git -c core.sshCommand='ssh -F {config}' clone -q {host}:{folder}/repository {folder}/copy"),
    ("Ansible", f"ssh -F {{config}} {' '.join(ANSIBLE)} {{host}} /bin/sh -c 'echo\\ in'"),
    # github.com/microsoft/vscode-remote-release/issues/2725 and 11842
    ("VS Code Remote", "ssh -F {config} -v -T -D {port} -o ConnectTimeout=15 {host} echo in"),
    ("VS Code Remote without forwarding", "ssh -F {config} -T -o ClearAllForwardings=true {host} echo in"),
]


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "browser alone"])
@pytest.mark.parametrize("line", [row[1] for row in LINES], ids=[row[0] for row in LINES])
def test_whatever_runs_ssh_signs_in_and_works(line: str, terminal: bool, morning: Morning) -> None:
    need(line.split()[0])
    argv = words(line, morning)
    (morning.folder / "file").write_text("in\n")
    subprocess.run(["git", "init", "-q", "--bare", morning.folder / "repository"], check=True)
    with morning.config.open("a") as file:
        file.write(f"Host w1\n  HostName {HOST}\n  ProxyCommand nc 127.0.0.1 {morning.sshd.port}\n")
    done = morning.run(argv, terminal=terminal)
    assert done.code == 0, done.err + done.terminal
    assert morning.opened == 1
    if argv[0] == "ssh":
        assert done.out.replace(b"\r", b"") == b"in\n"
    elif argv[0] != "git":
        assert (morning.folder / "copy").exists() or "sftp" in line
    end_master(morning)


def words(line: str, morning: Morning) -> list[str]:
    return shlex.split(line.format(config=morning.config, host=HOST, folder=morning.folder, port=free_port()))


def end_master(morning: Morning) -> None:
    path = morning.folder / "cp-1357f09081"
    if path.exists():
        subprocess.run(["ssh", "-O", "exit", "-S", path, "x"], capture_output=True)


NOTHING = [
    ("ssh -G", "ssh -F {config} -G {host}", 0),
    ("ssh -G behind the host", "ssh -F {config} {host} -G", 0),
    ("ssh -Q", "ssh -Q key", 0),
    ("ssh -V", "ssh -V", 0),
    ("ssh -O", "ssh -F {config} -O check {host}", 255),
    ("BatchMode", "ssh -F {config} -o BatchMode=yes {host} true", 255),
    ("BatchMode in another spelling", "ssh -F {config} -vobatchmode\\ yes {host} true", 255),
    ("BatchMode in the configuration", "ssh -F {config} web-2.corp.test true", 255),
    ("scp -B", "scp -B -F {config} {host}:x y", 255),
    ("sftp -b", "sftp -b /dev/null -F {config} {host}", 255),
    ("no public keys", "ssh -F {config} -o PubkeyAuthentication=no {host} true", 255),
    ("a password only", "ssh -F {config} -o PreferredAuthentications=password {host} true", 255),
]


@pytest.mark.parametrize(("line", "code"), [row[1:] for row in NOTHING], ids=[row[0] for row in NOTHING])
def test_where_nobody_is_to_be_asked_nothing_happens(line: str, code: int, morning: Morning, company: MiniCa) -> None:
    morning.config.write_text(morning.config.read_text() + "Host web-2.corp.test\n  BatchMode yes\n")
    hits = company.hits.total()
    done = morning.run(words(line, morning), terminal=True)
    assert done.code == code, done.err
    assert (morning.opened, company.hits.total(), done.terminal) == (0, hits, "")
    assert "daypass:" not in done.err


def test_without_a_terminal_and_a_browser_nothing_happens(morning: Morning, company: MiniCa) -> None:
    morning.extra = {"BROWSER": ""}
    hits = company.hits.total()
    done = morning.ssh(HOST, "true")
    assert done.code == 255 and "Permission denied" in done.err and "daypass" not in done.err
    assert company.hits.total() == hits


def test_fifty_at_once_open_one_browser(morning: Morning) -> None:
    (morning.folder / "stays").write_text("3")
    with ThreadPoolExecutor(50) as pool:
        done = list(pool.map(lambda _: morning.ssh(HOST, "echo in", seconds=120), range(50)))
    assert [each.out for each in done] == [b"in\n"] * 50, {each.err for each in done}
    assert morning.opened == 1


def test_who_waits_for_the_sign_in_of_another_terminal_is_told_so_once(morning: Morning) -> None:
    (morning.folder / "stays").write_text("5")
    several = f"for each in 1 2 3 4 5; do ssh -F '{morning.config}' {HOST} echo in & done; wait"
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(morning.run, ["sh", "-c", several], terminal=True)
        wait_until(lambda: morning.opened == 1, "browser")
        second = pool.submit(morning.run, ["sh", "-c", several], terminal=True)
        done = first.result(), second.result()
    assert [each.out for each in done] == [b"in\n" * 5] * 2
    assert [each.terminal.count("waiting for you to sign in") for each in done] == [1, 0]
    assert [each.terminal.count("another ssh") for each in done] == [0, 1]


def test_fifty_at_once_that_fail_ask_once_and_each_says_why(morning: Morning, op: Op) -> None:
    op.answers["/token"] = DOWN
    (morning.folder / "stays").write_text("3")
    with ThreadPoolExecutor(50) as pool:
        done = list(pool.map(lambda _: morning.ssh(HOST, "echo in", seconds=120), range(50)))
    assert {each.code for each in done} == {255}
    assert [each.err.count("ssh goes on without") for each in done] == [1] * 50
    assert morning.opened == 1


def test_without_a_browser_the_terminal_shows_a_code_for_another_device(morning: Morning, company: MiniCa) -> None:
    company.providers = [msgspec.structs.replace(each, hosted=True) for each in company.providers]
    morning.extra = {"BROWSER": ""}
    done = morning.ssh(HOST, "echo in", terminal=True)
    assert (done.out, done.err) == (b"in\n", "")
    assert "type the code" in done.terminal and "signed in as" in done.terminal


def test_without_a_browser_and_a_page_for_other_devices_nobody_waits(morning: Morning, own_key: Path) -> None:
    morning.extra = {"BROWSER": ""}
    done = morning.ssh("-i", str(own_key), HOST, "echo in", terminal=True)
    assert done.out == b"in\n"
    assert "no page for signing in on another device" in done.err and done.seconds < 15


def test_a_name_server_that_is_silent_is_given_up(
    morning: Morning, joined: Membership, own_key: Path, tmp_path: Path
) -> None:
    """getaddrinfo(3) can't be interrupted and knows no time-out of ours."""
    (tmp_path / "sitecustomize.py").write_text(
        "import ctypes, socket\ndef silent(*_, **__): ctypes.CDLL(None).sleep(300)\nsocket.getaddrinfo = silent\n"
    )
    morning.extra = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    point_to(joined, "https://ca.corp.test")
    done = morning.ssh("-i", str(own_key), HOST, "echo in", terminal=True)
    assert (done.out, done.code) == (b"in\n", 0)
    assert "ssh goes on without" in done.err and done.seconds < 20


@pytest.mark.parametrize(("asked", "limit"), [(False, "_REACH_SECONDS"), (True, "_LONGEST_SECONDS")])
def test_whatever_does_not_get_on_is_ended_by_an_exit_code_and_no_signal(asked: bool, limit: str) -> None:
    """By a signal ssh would end too: "exited abnormally"."""
    script = f"import sys, time; sys.path[:0] = {sys.path!r}\n"
    script += f"from daypass.client.openssh import sshsignin; sshsignin.{limit} = 0.2\n"
    script += "watch = sshsignin._Watch(lambda asked: print(asked, flush=True))\n"
    script += f"{'watch.asked()' if asked else ''}\ntime.sleep(30)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.returncode) == (f"{asked}\n", 1)


# -- what is down ----------------------------------------------------------------------------------------------


def test_a_ca_that_is_gone_costs_a_line_and_no_time(morning: Morning, joined: Membership, own_key: Path) -> None:
    """ssh's ordinary authentication is still there."""
    point_to(joined, "https://127.0.0.1:1")
    done = morning.ssh("-i", str(own_key), HOST, "echo in", terminal=True)
    assert (done.out, done.code) == (b"in\n", 0)
    assert done.err.count("\n") == 1 and "127.0.0.1:1" in done.err
    assert done.seconds < 10


def test_a_ca_that_says_no_word_is_given_up_soon_and_left_alone_for_a_minute(
    morning: Morning, joined: Membership, own_key: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        point_to(joined, f"https://127.0.0.1:{silent.getsockname()[1]}")
        first = morning.ssh("-i", str(own_key), HOST, "echo in", terminal=True)
        again = morning.ssh("-i", str(own_key), HOST, "echo in", terminal=True)
    for done in (first, again):
        assert (done.out, done.code) == (b"in\n", 0)
        assert "ssh goes on without" in done.err
    assert first.seconds < 15
    assert again.seconds < first.seconds - 3
    assert morning.opened == 0


def test_a_provider_that_is_down_costs_a_line(morning: Morning, op: Op, own_key: Path) -> None:
    op.answers[DISCOVERY] = DOWN
    done = morning.ssh("-i", str(own_key), HOST, "echo in", terminal=True)
    assert (done.out, done.code) == (b"in\n", 0)
    assert "ssh goes on without" in done.err and morning.opened == 0


def test_what_a_provider_says_moves_no_cursor(morning: Morning, op: Op) -> None:
    said = json.dumps({"error": "invalid_grant", "error_description": "\x1b]0;mine\x07\x1b[2J\ndaypass: signed in"})
    op.answers["/token"] = Answer(400, said.encode())
    done = morning.ssh(HOST, "true", terminal=True)
    assert "mine" in done.err and not set(done.err + done.terminal) & set("\x1b\x07")
    assert "\ndaypass: signed in" not in done.err


def test_a_home_that_can_t_be_written_costs_a_line_and_opens_no_browser(
    morning: Morning, joined: Membership, own_key: Path
) -> None:
    """A folder in the lock's place stands for a disk that is read-only: root writes anywhere else."""
    joined.context.sign_in_lock.mkdir()
    done = morning.ssh("-i", str(own_key), HOST, "echo in", terminal=True)
    assert (done.out, done.code) == (b"in\n", 0)
    assert "can't write" in done.err and morning.opened == 0


# -- the person ------------------------------------------------------------------------------------------------


def test_who_does_not_answer_is_asked_by_the_next_command_at_a_terminal_and_not_by_what_runs_alone(
    morning: Morning, joined: Membership
) -> None:
    waiting.note(joined.context, Failure(time.time(), was_asked=True, message="nobody signed in"))
    done = morning.ssh(HOST, "echo in")
    assert done.code == 255 and "nobody signed in" in done.err and morning.opened == 0
    done = morning.ssh(HOST, "echo in", terminal=True)
    assert (done.out, morning.opened) == (b"in\n", 1)
    assert not joined.context.failure.exists()


def test_one_command_asks_once_however_many_connections_it_makes(morning: Morning, op: Op) -> None:
    """A loop in a script, an Ansible play, autossh: what they run is theirs, not a new word of the person's."""
    op.answers["/token"] = DOWN
    line = f"for each in 1 2 3; do ssh -F '{morning.config}' {HOST} true; done; true"
    done = morning.run(["sh", "-c", line], terminal=True)
    assert done.err.count("ssh goes on without") == 3
    assert morning.opened == 1
    morning.run(["sh", "-c", line], terminal=True)
    assert morning.opened == 2


def test_a_loop_at_a_terminal_where_nobody_types_asks_once(morning: Morning, op: Op) -> None:
    """`while true; do ssh web-1; done` at night: to an interactive shell each is a command of its own (`set -m`)."""
    op.answers["/token"] = DOWN
    line = f"set -m; for each in 1 2 3; do ssh -F '{morning.config}' {HOST} true; done; true"
    done = morning.run(["bash", "-c", line], terminal=True, idle=60)
    assert done.err.count("ssh goes on without") == 3
    assert morning.opened == 1
    morning.ssh(HOST, "true", terminal=True)
    assert morning.opened == 2


def test_the_jump_host_s_ssh_does_not_ask_again(morning: Morning, op: Op) -> None:
    op.answers["/token"] = DOWN
    done = morning.ssh("-J", "web-2.corp.test", HOST, "true", terminal=True)
    assert done.code == 255
    assert morning.opened == 1
    assert done.err.count("ssh goes on without") == 1


def test_a_jump_host_of_ours_before_one_that_is_not_signs_in(morning: Morning, company: MiniCa) -> None:
    with morning.config.open("a") as file:
        file.write(f"Host other\n  ProxyJump {HOST}\n" + morning.leads_here("other"))
    done = morning.ssh("-o", "StrictHostKeyChecking=no", "other", "echo in", terminal=True)
    assert morning.opened == 1, done.err
    assert "administratively prohibited" in done.err  # so far it came: this pass allows no forwarding


def test_a_jump_host_of_ours_before_one_that_is_not_says_why_it_did_not(morning: Morning, op: Op) -> None:
    """The ssh that was typed is none of ours, and has said nothing."""
    op.answers["/token"] = DOWN
    with morning.config.open("a") as file:
        file.write(f"Host other\n  ProxyJump {HOST}\n" + morning.leads_here("other"))
    done = morning.ssh("other", "true", terminal=True)
    assert (done.err.count("ssh goes on without"), morning.opened) == (1, 1)


def test_the_line_names_the_company_where_another_one_is_in_use(morning: Morning, op: Op, other: Membership) -> None:
    op.answers["/token"] = DOWN
    name = morning.member.context.name
    assert f"(daypass login --context {name} tries again)" in morning.ssh(HOST, "true", terminal=True).err
    morning.extra = {"DAYPASS_CONTEXT": name}
    assert "(daypass login tries again)" in morning.ssh(HOST, "true", terminal=True).err


def test_a_master_that_is_up_needs_no_sign_in(morning: Morning, sign_in: Callable[..., Login]) -> None:
    path = f"{morning.folder}/master"
    sign_in().run()
    assert morning.ssh("-S", path, "-o", "ControlMaster=auto", "-o", "ControlPersist=60", HOST, "true").code == 0
    morning.yesterday()
    done = morning.ssh("-S", path, HOST, "echo in", terminal=True)
    subprocess.run(["ssh", "-O", "exit", "-S", path, "x"], capture_output=True)
    assert (done.out, done.terminal, morning.opened) == (b"in\n", "", 0)


def test_in_the_background_of_a_terminal_that_stops_who_writes_it_signs_in(morning: Morning) -> None:
    """Stopped (termios(3), TOSTOP), it would hold the lock, and every other ssh would wait for it."""
    line = f"stty tostop </dev/tty; set -m; ssh -F '{morning.config}' -n {HOST} echo in & wait"
    done = morning.run(["bash", "-c", line], terminal=True)
    assert done.out == b"in\n" and "signed in as" in done.terminal


def test_a_browser_that_stays_open_does_not_keep_whoever_reads_ssh_s_output(morning: Morning) -> None:
    morning.extra = {"BROWSER": f"{morning.folder}/lasting %s"}
    script = f'#!/bin/sh\n(sleep 20) & echo noise; echo noise >&2; exec {morning.folder}/browser "$1"\n'
    (morning.folder / "lasting").write_text(script)
    (morning.folder / "lasting").chmod(0o755)
    done = morning.ssh(HOST, "echo in")
    assert (done.out, done.code) == (b"in\n", 0)
    assert "noise" not in done.err
    assert done.seconds < 15


def test_ctrl_c_ends_ssh_and_the_next_one_asks_again(morning: Morning) -> None:
    (morning.folder / "nobody").touch()
    process, terminal = morning.start("ssh", "-F", str(morning.config), HOST, "true")
    wait_until(lambda: morning.opened == 1, "browser")
    os.write(terminal, b"\x03")
    assert process.wait(5) == -signal.SIGINT
    os.close(terminal)
    (morning.folder / "nobody").unlink()
    assert morning.ssh(HOST, "echo in", terminal=True).out == b"in\n"
    assert morning.opened == 2


# -- the marker ------------------------------------------------------------------------------------------------


def lost(member: Membership) -> None:
    member.context.valid_marker.resolve().unlink()


def stale(member: Membership) -> None:
    os.utime(member.context.valid_marker, (1, 1))


def a_folder(member: Membership) -> None:
    lost(member)
    member.context.valid_marker.resolve().mkdir()


def no_agent_link(member: Membership) -> None:
    member.context.agent_link.unlink()


def from_the_future(member: Membership) -> None:
    later = time.time() + 1e6
    os.utime(member.context.valid_marker, (later, later))


@pytest.mark.parametrize("harm", [lost, stale, no_agent_link, from_the_future])
def test_a_marker_that_is_wrong_is_put_right_without_a_word_to_anybody(
    harm: Callable[[Membership], None], morning: Morning, joined: Membership, company: MiniCa, op: Op
) -> None:
    morning.ssh(HOST, "true", terminal=True)
    harm(joined)
    hits = company.hits.total() + op.hits.total()
    done = morning.ssh(HOST, "echo in", terminal=True)
    assert (done.out, done.err, done.terminal) == (b"in\n", "", "")
    assert (company.hits.total() + op.hits.total(), morning.opened) == (hits, 1)
    assert shell_says_yes(joined)


@pytest.mark.parametrize("harm", [from_the_future, a_folder])
def test_a_marker_that_lies_about_an_expired_certificate_is_not_believed(
    harm: Callable[[Membership], None], morning: Morning, joined: Membership
) -> None:
    harm(joined)
    assert not shell_says_yes(joined)


def shell_says_yes(member: Membership) -> bool:
    """What the person's shell says, before anything of ours runs."""
    command = member.context.ssh_config.read_text().partition('exec "')[2].partition(" ||")[0]
    return subprocess.run(["sh", "-c", command]).returncode == 0


def test_an_agent_that_is_gone_is_noticed_and_a_new_pass_got(morning: Morning, joined: Membership) -> None:
    morning.ssh(HOST, "true", terminal=True)
    Path(joined.context.agent.read_text().strip()).unlink()
    assert morning.ssh(HOST, "echo in", terminal=True).out == b"in\n"
    assert morning.opened == 2


def test_the_first_ssh_after_ssh_config_signs_in(
    company: MiniCa, joined: Membership, settings: Settings, home: Path, sshd: Sshd
) -> None:
    sshsetup.apply(settings, sshsetup.plan(settings))
    first = Morning(settings, joined, company, home, sshd)
    first.prepare()
    done = first.ssh("-o", "StrictHostKeyChecking=no", HOST, "echo in", terminal=True)
    assert (done.out, first.opened) == (b"in\n", 1)


# -- switched off ----------------------------------------------------------------------------------------------


def by_variable(morning: Morning) -> None:
    morning.extra = {"DAYPASS_AUTO_LOGIN": "0"}


def by_command(morning: Morning) -> None:
    sshsetup.apply(morning.settings, sshsetup.plan(morning.settings, auto_login=False))


def by_logout(morning: Morning) -> None:
    logout(morning.settings)


@pytest.mark.parametrize("switch", [by_variable, by_command, by_logout])
def test_switched_off_it_does_nothing(switch: Callable[[Morning], None], morning: Morning) -> None:
    switch(morning)
    done = morning.ssh(HOST, "true", terminal=True)
    assert (done.code, done.terminal, morning.opened) == (255, "", 0)
    assert "daypass" not in done.err


# -- what the owner of the machine set --------------------------------------------------------------------------

_WITH_MACHINE_FILE = """
mkdir "$2/etc" && mount -t tmpfs none "$2/etc" && cp -a /etc/. "$2/etc/" && mkdir -p "$2/etc/daypass" &&
printf "$1" >"$2/etc/daypass/client.toml" && mount --bind "$2/etc" /etc || exit 99
shift 2; exec "$@"
"""


def with_machine_file(morning: Morning, text: str, tmp_path: Path) -> Outcome:
    """`ssh HOST` on a machine whose /etc/daypass/client.toml holds `text`."""
    need("root with mount namespaces")
    ssh = ["ssh", "-F", str(morning.config), HOST, "echo in"]
    argv = ["unshare", "-m", "sh", "-c", _WITH_MACHINE_FILE, "sh", text, str(tmp_path), *ssh]
    return morning.run(argv, terminal=True)


def test_the_owner_s_no_auto_login_is_heard(morning: Morning, tmp_path: Path) -> None:
    done = with_machine_file(morning, "auto_login = false", tmp_path)
    assert (done.code, done.terminal, morning.opened) == (255, "", 0)


def test_the_owner_s_lifetime_and_provider_are_asked_for(
    morning: Morning, company: MiniCa, op: Op, tmp_path: Path
) -> None:
    company.providers = [api.OidcLogin(name="x", issuer="https://x.invalid", client_id="c"), *company.providers]
    done = with_machine_file(morning, 'lifetime = "30m"\nprovider = "op"', tmp_path)
    assert (done.out, company.seen[-1].validBefore) == (b"in\n", "1800s"), done.terminal


def test_the_owner_s_wish_to_confirm_and_to_be_told_reach_the_agent_and_the_desktop(
    morning: Morning, joined: Membership, agent: Part, tmp_path: Path
) -> None:
    """The agent here has nobody to ask, so it says no."""
    (tmp_path / "notify-send").write_text("#!/bin/sh\n")
    (tmp_path / "notify-send").chmod(0o755)
    morning.extra = {"SSH_AUTH_SOCK": str(agent.socket), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = with_machine_file(morning, "confirm = true\nnotify = true", tmp_path)
    assert done.code == 255 and "signed in as" in done.terminal
    assert "agent refused operation" in done.err
    (shell,) = shells_that_wait(joined.context.certificate)
    os.kill(shell, signal.SIGTERM)


def test_a_login_after_a_logout_turns_it_on_again(morning: Morning, sign_in: Callable[..., Login]) -> None:
    logout(morning.settings)
    sign_in().run()
    morning.yesterday()
    assert morning.ssh(HOST, "echo in", terminal=True).out == b"in\n"


def test_the_switch_is_kept_until_it_is_turned_back(morning: Morning) -> None:
    by_command(morning)
    sshsetup.apply(morning.settings, sshsetup.plan(morning.settings))
    assert morning.settings.no_auto_login.exists()
    sshsetup.apply(morning.settings, sshsetup.plan(morning.settings, auto_login=True))
    assert morning.ssh(HOST, "echo in", terminal=True).out == b"in\n"


def test_daypass_uninstalled_by_hand_leaves_ssh_as_it_was(
    morning: Morning, joined: Membership, own_key: Path
) -> None:
    text = joined.context.check.read_text().replace(sys.executable, "/gone/daypass")
    joined.context.check.write_text(text)
    done = morning.ssh("-i", str(own_key), HOST, "echo in", terminal=True)
    assert (done.out, done.err, done.terminal) == (b"in\n", "", "")
    joined.context.check.unlink()
    assert morning.ssh("-i", str(own_key), HOST, "echo in", terminal=True).out == b"in\n"


# -- shells and hostile words ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "ksh", "fish", "tcsh"])
def test_in_every_shell(shell: str, morning: Morning) -> None:
    """Whatever the shell was when ssh was set up."""
    morning.extra = {"SHELL": str(need(shell))}
    for _ in range(2):
        done = morning.ssh(HOST, "echo in", terminal=True)
        assert (done.out, done.err) == (b"in\n", "")
    assert morning.opened == 1
    own = dataclasses.replace(morning.settings, environ={**morning.settings.environ, **morning.extra})
    sshsetup.apply(own, sshsetup.plan(own))
    morning.yesterday()
    assert morning.ssh(HOST, "echo in", terminal=True).out == b"in\n"


HOSTILE = ["-oProxyCommand=touch pwned", "$(touch pwned).corp.test", "`touch pwned`.corp.test", "a;id.corp.test",
           "'.corp.test", '".corp.test', "a b.corp.test", "a\nb.corp.test", "%h.corp.test", "|touch pwned|.corp.test",
           "--", "-G.corp.test", "$(touch pwned)@web-1.corp.test"]  # fmt: skip


@pytest.mark.parametrize("word", HOSTILE)
def test_a_hostile_host_or_user_runs_nothing(word: str, morning: Morning) -> None:
    (morning.folder / "nobody").touch()
    waiting.note(morning.member.context, Failure(time.time(), was_asked=False, message="down"))
    morning.ssh("-o", "ConnectTimeout=1", "--", word, "true", terminal=True)
    morning.ssh("-o", "ConnectTimeout=1", "-l", word, HOST, "true", terminal=True)
    assert not list(morning.folder.glob("pwned*"))


@pytest.mark.parametrize("where", ["", ".", "lib/../."])
def test_a_repository_one_stands_in_runs_nothing_when_ssh_or_git_runs_there(where: str, morning: Morning) -> None:
    """`PYTHONPATH=$PYTHONPATH:/mine` in a profile begins with an empty entry, which is the current folder."""
    for name in ("sitecustomize", "daypass", "msgspec"):
        (morning.folder / f"{name}.py").write_text("open('pwned', 'w')")
    (morning.folder / "lib").mkdir()
    morning.extra = {"PYTHONPATH": os.pathsep.join([where, *sys.path])}
    done = morning.ssh(HOST, "echo in", terminal=True)
    assert (done.out, done.err) == (b"in\n", "")
    assert not (morning.folder / "pwned").exists()


@pytest.mark.parametrize("variable", ["PYTHONHOME", "PYTHONINSPECT"])
def test_what_another_python_was_told_does_not_reach_ours(variable: str, morning: Morning) -> None:
    morning.extra = {variable: "/nowhere"}
    assert morning.ssh(HOST, "echo in", terminal=True).out == b"in\n"


def test_the_ssh_that_is_asked_does_not_ask_in_turn(morning: Morning) -> None:
    """The person's own `Match exec` sees in which ssh it is run."""
    with morning.config.open("a") as file:
        file.write(f"Match originalhost {HOST} exec \"echo $DAYPASS_AUTO_LOGIN. >>'{morning.folder}/runs'\"\n")
    assert morning.ssh(HOST, "echo in", terminal=True).out == b"in\n"
    assert set((morning.folder / "runs").read_text().split()) == {".", "0."}


# -- what it costs ---------------------------------------------------------------------------------------------


def test_where_nobody_is_to_be_asked_hardly_anything_is_imported(morning: Morning) -> None:
    """A cron job with BatchMode waits for little more than Python."""
    script = f"import sys; before = set(sys.modules); sys.path[:0] = {sys.path!r}\n"
    script += (
        f"from daypass.cli.main import main; main(['auto-login', '--context', {morning.member.context.name!r}])\n"
    )
    script += "print(*sorted(set(sys.modules) - before), sep='\\n', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-I", "-c", script], env=morning.env, capture_output=True, text=True)
    found = set(done.stderr.split())
    ours = {each for each in found if each.startswith("daypass.client.")}
    openssh = ("openssh", "openssh.autologin", "openssh.sshline")
    assert ours == {f"daypass.client.{each}" for each in ("glance", "marker", "place", *openssh)}
    assert not found & {
        "click",
        "pathlib",
        "typing",
        "dataclasses",
        "subprocess",
        "re",
        "socket",
        "shutil",
        "msgspec",
    }


def test_with_a_valid_pass_ssh_starts_one_shell_and_nothing_else(morning: Morning) -> None:
    morning.ssh(HOST, "true", terminal=True)
    trace = morning.folder / "trace"
    watched = [str(need("strace")), "-f", "-e", "trace=execve", "-o", str(trace)]
    done = morning.run([*watched, *words("ssh -F {config} -G {host}", morning)])
    assert done.code == 0, done.err
    started = [line for line in trace.read_text().splitlines() if "execve(" in line and line.endswith("= 0")]
    assert len(started) == 2, started  # ssh, and the shell that runs `test`


def test_what_runs_in_a_loop_at_night_opens_one_browser(morning: Morning, op: Op) -> None:
    """An editor that fetches every three minutes has no terminal."""
    op.answers["/token"] = DOWN
    for _ in range(3):
        assert "ssh goes on without" in morning.ssh(HOST, "true").err
    assert morning.opened == 1


def test_two_companies_sign_in_apart(morning: Morning, op: Op, settings: Settings, home: Path) -> None:
    """ssh meets each host by the company whose name it has, whichever is in use."""
    with run_mini_ca() as other:
        other.providers = [api.OidcLogin(name="op", issuer=op.issuer, client_id=op.client_id)]
        other.host_patterns, other.enrolled = ["*.other.test"], []
        member = trust.bootstrap(settings, other.url, other.fingerprint)
        own = dataclasses.replace(settings, wanted=member.context.name)
        sshsetup.apply(own, sshsetup.plan(own))
        with morning.config.open("a") as file:
            file.write("Host *.other.test\n  ProxyCommand false\n")
        hits = morning.company.hits.total()
        morning.ssh("web-1.other.test", "true", terminal=True)
        assert (member.context.valid_marker.exists(), morning.company.hits.total()) == (True, hits)
    assert morning.ssh(HOST, "echo in", terminal=True).out == b"in\n"
    assert morning.opened == 2
