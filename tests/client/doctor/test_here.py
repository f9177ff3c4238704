"""What lies on this machine: companies, files, pass, agent."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from daypass.client import trust
from daypass.client.doctor import company as looks
from daypass.client.doctor import holds
from daypass.client.doctor.report import Finding, State
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership
from tests.client.mini_ca import MiniCa, run_mini_ca
from tests.parts.needs import need
from tests.parts.openssh import make_key, run_agent

DAY = 86400
SignIn = Callable[..., Login]


def states(findings: Iterable[Finding]) -> list[str]:
    return [str(each.state) for each in findings]


def only(findings: Iterable[Finding]) -> Finding:
    (found,) = findings
    return found


def test_without_a_company_it_says_how_to_join_one(settings: Settings) -> None:
    found = only(looks.joined(settings))
    assert found.state == State.PROBLEM and "daypass bootstrap" in found.hint


def test_with_one_set_by_the_machine_s_owner_nothing_has_to_be_done(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "client.toml").write_text('url = "https://ca.example.com"\nfingerprint = "00"\n')
    given = replace(settings, machine_file=tmp_path / "client.toml")
    assert only(looks.joined(given)).state == State.NOTE


def test_damaged_files_are_named_and_the_other_company_is_still_looked_at(
    settings: Settings, joined: Membership
) -> None:
    with run_mini_ca() as other:
        second = trust.bootstrap(settings, other.url, other.fingerprint)
    joined.context.trust.write_bytes(b"{}")
    found = list(looks.joined(settings))
    assert {each.state for each in found} == {State.OK, State.PROBLEM}
    assert any(f"the files of {joined.context.name} are damaged" in each.text for each in found)
    assert any(second.url in each.text for each in found)


def test_two_companies_that_claim_the_same_hosts_are_told(settings: Settings, joined: Membership) -> None:
    with run_mini_ca() as other:
        other.host_patterns = ["*.eu.corp.test"]
        trust.bootstrap(settings, other.url, other.fingerprint)
    told = [each for each in looks.joined(settings) if each.state == State.NOTE]
    assert len(told) == 1 and "both claim *.eu.corp.test" in told[0].text


def test_the_age_of_what_was_signed(joined: Membership, sign_in: SignIn, company: MiniCa) -> None:
    now = time.time()
    assert states(looks.ages(joined, now)) == ["ok", "note"]
    sign_in().run()
    assert states(looks.ages(joined, now)) == ["ok", "ok"]
    assert states(looks.ages(joined, now + 8 * DAY)) == ["ok", "note"]
    assert states(looks.ages(joined, now + 500 * DAY)) == ["note", "note"]


@pytest.mark.parametrize(
    ("path", "mode", "says"),
    [
        (".ssh", 0o777, "others may write to"),
        (".ssh", 0o775, "others may write to"),
        (".ssh/config", 0o666, "others may write to"),
        (".ssh/config", 0o644, ""),
        (".local/share/daypass", 0o755, "others may read"),
        (".local/share/daypass/contexts", 0o770, "others may write to"),
        ("certificate", 0o644, "others may read"),
        ("certificate", 0o600, ""),
    ],
)
def test_modes_that_invite_others(
    path: str, mode: int, says: str, settings: Settings, home: Path, sign_in: SignIn, joined: Membership
) -> None:
    sign_in().run()
    settings.ssh_folder.mkdir(mode=0o700, exist_ok=True)
    (settings.ssh_folder / "config").touch(0o600)
    file = joined.context.certificate if path == "certificate" else home / path
    file.chmod(mode)
    found = only(looks.modes(settings))
    assert found.text.startswith(says) and (str(file) in found.text or not says)
    assert found.hint == "" or found.hint.startswith("chmod go")


def test_files_of_another_account(settings: Settings, joined: Membership) -> None:
    need("root")
    os.chown(joined.context.trust, 12345, -1)
    found = only(looks.modes(settings))
    assert "belongs to another account" in found.text and found.hint.startswith("sudo chown")


def test_the_day_pass_and_what_is_wrong_with_it(settings: Settings, joined: Membership, sign_in: SignIn) -> None:
    now = time.time()
    assert only(holds.day_pass(joined, now)).text == "you hold no day pass"
    held = sign_in().run()
    certificate = held.certificate
    assert only(holds.day_pass(joined, now)).state == State.OK
    assert "is about" not in only(holds.day_pass(joined, certificate.valid_before - 60)).text
    assert only(holds.day_pass(joined, certificate.valid_before - 60)).state == State.NOTE
    assert "ended 1 h ago" in only(holds.day_pass(joined, certificate.valid_before + 3600)).text
    assert "not valid yet" in only(holds.day_pass(joined, certificate.valid_after - 60)).text
    held.agent.remove(certificate.encode())
    found = only(holds.day_pass(joined, now))
    assert found.state == State.PROBLEM and found.hint == "run: daypass login"


def test_agents_of_every_kind(settings: Settings, joined: Membership, tmp_path: Path) -> None:
    def look(sock: str, **environ: str) -> Finding:
        given = Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": sock, **environ})
        return only(holds.agent(given, joined))

    assert look("").state == State.OK
    assert "is gone (SSH_AUTH_SOCK is from an earlier session)" in look("/nowhere/agent").text
    assert "your ssh-agent (gpg-agent) " in look("/nowhere/S.gpg-agent.ssh").text
    with run_agent() as agent:
        agent.add(make_key(tmp_path / "key"))
        assert look(str(agent.socket)).text.endswith("it holds 1 key(s)")
        with run_agent() as locked:
            lock(locked.socket)
            found = look(str(locked.socket))
            assert "ssh-add -X" in found.text and found.state == State.NOTE
    (tmp_path / "gone").touch()
    assert "is no socket" in look(str(tmp_path / "gone")).text


def lock(path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(b"\0\0\0\x06\x16\0\0\0\x01x")  # SSH_AGENTC_LOCK
        assert connection.recv(5) == b"\0\0\0\x01\x06"


def test_the_agent_with_the_pass_is_looked_at_too(settings: Settings, joined: Membership, sign_in: SignIn) -> None:
    sign_in().run()
    assert states(holds.agent(settings, joined)) == ["ok", "ok"]
    joined.context.agent.write_text("/nowhere/agent\n")
    assert states(holds.agent(settings, joined)) == ["ok", "problem"]
