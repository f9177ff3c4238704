"""The end of real sessions on a machine with systemd-logind: all that was started in them, nothing of anybody's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.host.sessions.stage import TURN, Session, Stage, run_stage
from tests.parts.machine import our_python
from tests.parts.needs import need
from tests.parts.openssh import run_agent
from tests.parts.processes import wait_until

from daypass.host import service


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with run_stage() as stage:
        for each in ("alice", "bob", "deploy", "root"):
            stage.account(each)
        yield stage


def inside(stage: Stage, code: str) -> Any:
    """What this prints in the machine, as JSON."""
    return json.loads(stage.machine.run(*our_python()[:-2], "-c", code).stdout)


def revoke(stage: Stage, *sessions: Session) -> dict[int, list[str]]:
    """Serial of each session that one turn has ended, with what was left of it."""
    stage.say([each.serial for each in sessions])
    closed, said = stage.turn()
    assert said == []
    return {each["session"]["serial"]: each["survivors"] for each in closed}


def ended(session: Session) -> bool:
    wait_until(lambda: session.has_ended, "ssh to end")
    return session.process.returncode == 255


STARTED = [
    ("in the foreground", "sleep 7001", 1),
    ("by nohup", "nohup sleep 7002 & sleep 7002", 2),
    ("by setsid, twice", "setsid sh -c 'setsid sleep 7003 & sleep 7003' & sleep 7003", 3),
    ("ignoring every signal that can be", "trap '' TERM HUP INT; sh -c 'sleep 7004' & sleep 7004", 2),
    ("with its parents gone", "(setsid sleep 7005 & ) & disown -a; sleep 7005", 2),
]


@pytest.mark.parametrize(("words", "count"), [row[1:] for row in STARTED], ids=[row[0] for row in STARTED])
def test_nothing_of_a_session_is_left_and_its_person_is_told_why(stage: Stage, words: str, count: int) -> None:
    marker = next(iter(re.findall(r"sleep \d+", words)))
    session = stage.ssh("alice", f"bash -c {words!r}" if '"' in words else words, options=["-tt"])
    wait_until(lambda: stage.count(marker) == count, words)
    assert revoke(stage, session) == {session.serial: []}
    assert ended(session)
    assert stage.running(marker) == []
    assert "daypass: this session ends now: the certificate it came by was revoked" in session.output.read_text()


def test_what_forks_all_the_time_is_ended_with_it(stage: Stage) -> None:
    comet = """perl -e 'while(1) { fork and exit }' comet"""
    session = stage.ssh("alice", f"{comet} & {comet} & setsid {comet} & sleep 7008")
    wait_until(lambda: bool(stage.running("comet")), "it to fork")
    assert revoke(stage, session) == {session.serial: []}
    assert stage.running("comet") == []


def test_who_is_known_is_ended_while_the_journal_can_t_be_read(stage: Stage) -> None:
    session = stage.ssh("alice", "sleep 7009")
    assert stage.turn() == ([], [])
    stage.say([session.serial])
    stage.machine.run("mount", "--bind", "/bin/false", "/usr/bin/journalctl")
    try:
        ((closed,), (said,)) = stage.turn()
    finally:
        stage.machine.run("umount", "/usr/bin/journalctl")
    assert (closed["session"]["serial"], closed["survivors"]) == (session.serial, [])
    assert said == "who has come in is not known: journalctl does not read sshd's journal"
    assert ended(session)


LATER = """
import json, time
true = time.time
time.time = lambda: true() + 86400
from daypass.host.sessions import open_sessions
from daypass.host.settings import Paths
print(json.dumps([each.serial for each in open_sessions(Paths())]))
"""


def test_who_came_before_the_clock_was_set_is_known(stage: Stage) -> None:
    """A machine without a battery is years behind until the network tells it."""
    session = stage.ssh("alice", "sleep 7010")
    stage.machine.run("rm", "-f", "/var/lib/daypass/sessions.json")
    assert session.serial in inside(stage, LATER)
    session.process.kill()


def install_tmux(stage: Stage) -> None:
    tmux = need("tmux")
    libraries = subprocess.run(["ldd", tmux], capture_output=True, text=True, check=True).stdout
    for each in (tmux, *map(Path, re.findall(r"(/lib/\S+)", libraries))):
        inside = stage.machine.root / str(each).lstrip("/")
        if not inside.exists():
            shutil.copy(each, inside)


def test_a_tmux_that_outlives_its_connection_is_the_session_still_and_ends_with_it(stage: Stage) -> None:
    install_tmux(stage)
    session = stage.ssh("alice", "tmux new -d 'sleep 7011'; exec sleep 7012")
    wait_until(lambda: bool(stage.running("sleep 7011")), "tmux")
    assert stage.turn() == ([], [])
    session.process.kill()
    wait_until(
        lambda: any(each.left for each in stage.open() if each.serial == session.serial), "the connection's end"
    )
    assert revoke(stage, session) == {session.serial: []}
    assert stage.running("sleep 7011") == [] and stage.running("tmux") == []
    assert stage.id_of(session.serial) == ""


def test_what_a_visit_between_two_looks_has_left_ends_with_its_certificate(stage: Stage) -> None:
    """Nobody has seen sshd's process for it: logind knows whose the session was."""
    serial = stage.visit("deploy", "setsid sleep 7015 >/dev/null 2>&1 </dev/null &", who="alice")
    other = stage.visit("deploy", "setsid sleep 7016 >/dev/null 2>&1 </dev/null &", who="bob")
    (left,) = (each for each in stage.open() if each.serial == serial)
    assert (left.left, left.key_id, stage.count("sleep 7015")) == (True, "alice@example.com", 1)
    stage.say([serial])
    ((closed,), said) = stage.turn()
    assert (closed["session"]["serial"], closed["survivors"], said) == (serial, [], [])
    assert (stage.count("sleep 7015"), stage.count("sleep 7016")) == (0, 1)
    assert stage.turn() == ([], []) and serial not in {each.serial for each in stage.open()}
    assert stage.id_of(other)


def test_on_an_account_of_several_people_one_loses_their_session_and_nobody_else_does(stage: Stage) -> None:
    gone, stays = stage.ssh("deploy", "sleep 7021", who="alice"), stage.ssh("deploy", "sleep 7022", who="bob")
    wait_until(lambda: stage.count("sleep 7021") == stage.count("sleep 7022") == 1, "both")
    assert revoke(stage, gone) == {gone.serial: []}
    assert ended(gone) and not stays.has_ended
    assert stage.running("sleep 7021") == [] and len(stage.running("sleep 7022")) == 1
    stays.process.kill()


def test_a_copy_on_its_way_and_a_forward_without_a_command_break_off(stage: Stage, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(64 << 20)
    where = f"{stage.machine.address}:/home/alice/large"
    copy = stage.start(["scp", "-q", "-l", "800", *stage.offering("alice"), large, where])
    forward = stage.ssh("alice", options=["-N", "-L", "10.79.0.1:7100:127.0.0.1:22"])
    through = subprocess.Popen(
        list(map(str, stage.yard.enter(need("nc"), "-d", "10.79.0.1", "7100"))),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert through.stdout is not None and through.stdout.readline().startswith(b"SSH-2.0")
    assert revoke(stage, copy, forward) == {copy.serial: [], forward.serial: []}
    assert ended(forward)
    wait_until(lambda: copy.has_ended and through.poll() is not None, "what went through them")
    assert copy.process.returncode != 0


def test_every_channel_of_a_shared_connection_ends_with_it(stage: Stage) -> None:
    path = stage.folder / "master"
    master = stage.ssh("alice", options=["-M", "-S", path, "-N"])
    channels = [
        subprocess.Popen(
            list(map(str, stage.yard.enter("ssh", "-F", "none", "-S", path, stage.machine.address, f"sleep {each}")))
        )
        for each in (7031, 7032)
    ]
    wait_until(lambda: len(stage.running("sleep 703")) >= 2, "both channels")
    assert revoke(stage, master) == {master.serial: []}
    assert ended(master) and stage.running("sleep 703") == []
    assert [each.wait(30) for each in channels] == [255, 255]


def test_who_came_through_another_host_is_cut_off_there(stage: Stage) -> None:
    jump = stage.ssh("alice", options=["-N", "-L", "10.79.0.1:7200:127.0.0.1:22"])
    behind = stage.start(["ssh", *stage.offering("bob", "bob"), "-p", "7200", "10.79.0.1", "sleep 7041"])
    assert revoke(stage, jump) == {jump.serial: []}
    assert ended(jump) and ended(behind)


def test_a_forwarded_agent_is_out_of_reach(stage: Stage) -> None:
    with run_agent() as agent:
        ssh = ["env", f"SSH_AUTH_SOCK={agent.socket}", "ssh", "-A", *stage.offering("alice"), stage.machine.address]
        session = stage.start([*ssh, "echo $SSH_AUTH_SOCK >new; mv new agent; sleep 7051"])
        noted = stage.machine.root / "home/alice/agent"
        wait_until(noted.exists, "the agent's socket")
        socket = noted.read_text().strip()
        listed = ["env", f"SSH_AUTH_SOCK={socket}", "ssh-add", "-l"]
        assert "no identities" in stage.machine.run(*listed, check=False).stdout
        assert revoke(stage, session) == {session.serial: []}
        assert "Error connecting to agent" in stage.machine.run(*listed, check=False).stderr


FORGED = [
    ("logger", ["logger", "-t", "sshd", "--id=1"]),
    ("systemd-cat", ["systemd-cat", "-t", "sshd", "echo"]),
    ("a program of that name", ["/home/alice/sshd", "-t", "sshd"]),
]


@pytest.mark.parametrize("command", [row[1] for row in FORGED], ids=[row[0] for row in FORGED])
def test_a_line_that_a_user_writes_has_nobody_s_session_ended(stage: Stage, command: list[str]) -> None:
    stage.machine.run("cp", "/usr/bin/logger", "/home/alice/sshd")
    victim = stage.ssh("bob", "sleep 7061", who="bob")
    (line,) = (each for each in stage.open() if each.serial == victim.serial)
    words = (
        f"Accepted publickey for bob from 192.0.2.7 port 1 ssh2: ED25519-CERT {line.ca} ID alice@example.com "
        f"(serial 999) CA ED25519 {line.ca}"
    )
    stage.machine.run("runuser", "-u", "alice", "--", *command, words)
    seen = lambda: "serial 999" in stage.machine.run("journalctl", "-q", "-o", "cat", "-n", "50").stdout  # noqa: E731
    wait_until(seen, "the forged line")
    stage.say([999])
    assert stage.turn() == ([], [])
    assert {each.serial for each in stage.open()} >= {victim.serial}
    assert 999 not in {each.serial for each in stage.open()} and not victim.has_ended
    victim.process.kill()


def test_an_sshd_that_was_restarted_by_hand_within_it_goes_on_and_so_do_those_who_came_by_it(stage: Stage) -> None:
    """All of them are in the scope of whoever restarted it; and what is left is said."""
    operator = stage.ssh("root", "systemctl stop ssh; mkdir -p /run/sshd; /usr/sbin/sshd; sleep 7071", who="alice")
    wait_until(lambda: stage.count("sleep 7071") == 1, "sshd by hand")
    try:
        other, third = stage.ssh("bob", "sleep 7072", who="bob"), stage.ssh("deploy", "sleep 7073", who="carol")
        (left,) = revoke(stage, operator)[operator.serial]
        assert re.fullmatch(r"sshd \(\d+\), which others come in by", left)
        assert ended(operator) and stage.running("sleep 7071") == []
        assert not other.has_ended and not third.has_ended
        assert revoke(stage, third) == {third.serial: []}
        assert ended(third) and not other.has_ended and len(stage.running("sleep 7072")) == 1
        other.process.kill()
    finally:
        stage.machine.run("pkill", "-x", "-o", "sshd", check=False)
        stage.machine.run("systemctl", "restart", "ssh")


def test_a_turn_that_runs_in_the_session_itself_leaves_it_to_the_next(stage: Stage) -> None:
    session = stage.ssh("root", "until test -e turn; do sleep 0.1; done; . ./turn", who="alice")
    words = " ".join(f"'{each}'" for each in (*our_python()[:-2], "-c", TURN))
    stage.say([session.serial])
    (stage.machine.root / "root/new").write_text(f"{words} >/root/said; sleep 7082\n")
    stage.machine.run("mv", "/root/new", "/root/turn")
    said = stage.machine.root / "root/said"
    wait_until(lambda: said.exists() and "this very session" in said.read_text(), "the turn")
    assert not session.has_ended
    assert revoke(stage, session) == {session.serial: []}


def test_what_it_takes_is_allowed_to_the_agent_s_own_unit(stage: Stage) -> None:
    session = stage.ssh("alice", "trap '' TERM HUP; setsid sleep 7111 & sleep 7112", options=["-tt"])
    wait_until(lambda: stage.count("sleep 7111") == stage.count("sleep 7112") == 1, "both")
    stage.say([session.serial])
    inside = stage.machine.root
    lines = service.unit(["/bin/sh", "/etc/turn.sh"]).replace("Type=notify", "Type=oneshot").splitlines()
    unit = [each for each in lines if not each.startswith(("Restart", "Watchdog", "NotifyAccess"))]
    words = " ".join(f"'{each}'" for each in (*our_python()[:-2], "-c", TURN))
    (inside / "etc/turn.sh").write_text(f"{words} >/etc/turned\n")
    (inside / "etc/systemd/system/turn.service").write_text("\n".join(unit))
    stage.machine.run("systemctl", "daemon-reload")
    stage.machine.run("systemctl", "start", "turn.service")
    done, said = json.loads((inside / "etc/turned").read_text())
    assert said == []
    (closed,) = done
    assert (closed["session"]["serial"], closed["survivors"], said) == (session.serial, [], [])
    assert ended(session) and stage.running("sleep 711") == []
    assert "this session ends now" in session.output.read_text()


REMAINS = """
import json
from daypass.host.remains.places import place_of
from daypass.host.remains.running import left_running
from daypass.host.settings import Paths
print(json.dumps([each.what for each in left_running(place_of(Paths(), "deploy"))]))
"""


def test_what_runs_in_a_shared_account_beside_its_logins_is_named_and_its_service_manager_is_not(
    stage: Stage,
) -> None:
    """Nor what runs within an open session."""
    stays = stage.ssh("deploy", "sleep 7121 & exec sleep 7122", who="bob")
    run = "export XDG_RUNTIME_DIR=/run/user/$(id -u); systemd-run --user -q sleep 7123; setsid sleep 7124"
    stage.visit("deploy", f"{run} >/dev/null 2>&1 </dev/null &", who="alice")
    wait_until(lambda: all(stage.count(f".*sleep 712{each}") == 1 for each in (1, 2, 3, 4)), "all of it")
    managers = stage.machine.run("pgrep", "-u", "deploy", "-f", r"systemd --user|\(sd-pam\)").stdout.split()
    assert len(managers) == 2
    pids = [stage.machine.run("pgrep", "-xf", f".*sleep 712{each}").stdout.strip() for each in (3, 4)]
    assert set(inside(stage, REMAINS)) >= {
        f'"sleep" (pid {pids[0]}), of the account\'s own service manager',
        f'"sleep" (pid {pids[1]}), left by a login that has ended',
    }
    named = " ".join(inside(stage, REMAINS))
    stage.machine.run("kill", *pids)
    assert "systemd" not in named and "sd-pam" not in named and stage.running("sleep 7121")
    assert all(
        stage.machine.run("pgrep", "-xf", f"sleep {each}").stdout.strip() not in named for each in (7121, 7122)
    )
    stays.process.kill()


def test_without_logind_its_audit_session_tells_what_is_its_own(stage: Stage) -> None:
    stage.machine.run("systemctl", "mask", "--now", "systemd-logind", "dbus-org.freedesktop.login1.service")
    stage.machine.run("sed", "-i", "/pam_systemd/d", "/etc/pam.d/common-session")
    gone, stays = stage.ssh("deploy", "setsid sleep 7091 & sleep 7092"), stage.ssh("deploy", "sleep 7093", who="bob")
    wait_until(lambda: all(stage.count(f"sleep 709{each}") == 1 for each in (1, 2, 3)), "both")
    groups = stage.machine.run("sh", "-c", "cat /proc/$(pgrep -xf 'sleep 7091')/cgroup").stdout
    assert "session-" not in groups
    assert revoke(stage, gone) == {gone.serial: []}
    assert ended(gone) and stage.running("sleep 709[12]") == [] and not stays.has_ended
