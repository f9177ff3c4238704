"""What ssh makes of its configuration, by ssh's own word, with real ssh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from daypass.client.doctor import openssh, plan, sources
from daypass.client.doctor.report import Finding, State
from daypass.client.openssh import sshsetup
from daypass.client.openssh.sshprogram import effective, run, version
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership
from daypass.errors import Invalid, Misconfigured, Unavailable
from tests.client.laptop import at
from tests.client.mini_ca import MiniCa

HOST = "web-1.corp.test"


@pytest.fixture
def config(settings: Settings, joined: Membership, sign_in: Callable[..., Login]) -> Path:
    """~/.ssh/config of someone who is signed in and set up."""
    sign_in().run()
    sshsetup.apply(settings, sshsetup.plan(settings))
    return settings.ssh_folder / "config"


def look(settings: Settings, membership: Membership | None, host: str = HOST) -> list[Finding]:
    return list(openssh.host(settings, membership, host))


def problems(findings: list[Finding]) -> list[str]:
    return [each.text for each in findings if each.state == State.PROBLEM]


def test_for_one_who_is_set_up_all_is_well(settings: Settings, joined: Membership, config: Path) -> None:
    assert [each.state for each in look(settings, joined)] == [State.OK] * 4
    assert [each.state for each in openssh.set_up(settings, joined)] == [State.OK]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("IdentityAgent none", "IdentityAgent is none"),
        ("IdentityAgent /run/other.sock", "IdentityAgent is /run/other.sock"),
        ("IdentitiesOnly no", "IdentitiesOnly is no"),
        ("StrictHostKeyChecking no", "StrictHostKeyChecking is false"),
        ("StrictHostKeyChecking accept-new", "StrictHostKeyChecking is accept-new"),
        ("UserKnownHostsFile /dev/null", "UserKnownHostsFile is /dev/null"),
        ("GlobalKnownHostsFile /etc/ssh/other", "GlobalKnownHostsFile is /etc/ssh/other"),
        ("HostKeyAlgorithms ssh-ed25519", "HostKeyAlgorithms is ssh-ed25519"),
        ("IdentityFile ~/.ssh/id_work", "IdentityFile is "),
        ('identityfile="/keys/id work"', "IdentityFile is /keys/id work"),
    ],
)
def test_a_line_before_ours_that_overrides_it_is_named_with_its_place(
    line: str, says: str, settings: Settings, joined: Membership, config: Path
) -> None:
    config.write_text(f"# my own\nHost db-*\n    User x\nHost *.corp.test\n    {line}\n" + config.read_text())
    (found,) = problems(look(settings, joined))
    assert found.startswith(says)
    if "~" not in line:  # ssh's home is that of passwd(5)
        assert f"set in {config} line 5 under `Host *.corp.test`" in found


def test_the_same_line_behind_ours_does_no_harm(settings: Settings, joined: Membership, config: Path) -> None:
    config.write_text(config.read_text() + "Host *\n  IdentityAgent none\n  StrictHostKeyChecking no\n")
    assert not problems(look(settings, joined))


def test_ways_and_names_are_told(settings: Settings, joined: Membership, config: Path) -> None:
    config.write_text(
        config.read_text() + f"Host w\n  HostName {HOST}\n  User ann\n  Port 2222\n  ProxyJump bastion\n"
    )
    found = look(settings, joined, "w")
    assert f"ssh w means ann@{HOST} port 2222" in found[0].text
    assert any("proxyjump bastion" in each.text for each in found)
    assert any(f"{HOST} has enrolled" in each.text for each in found)


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("web-9.corp.test", "is not among the enrolled hosts"),
        ("WEB-1.Corp.Test.", "has enrolled"),
        ("deploy@web-1.corp.test", "web-1.corp.test has enrolled"),
        ("ssh://deploy@web-1.corp.test:2222/", "web-1.corp.test has enrolled"),
        ("web-1", "is not under *.corp.test"),
        ("github.com", "is not under *.corp.test"),
    ],
)
def test_whose_host_it_is(host: str, says: str, settings: Settings, joined: Membership, config: Path) -> None:
    assert any(says in each.text for each in look(settings, joined, host))


def test_an_alias_of_another_company_s_host_is_looked_at_with_that_company(
    settings: Settings, joined: Membership, other: Membership, config: Path
) -> None:
    """The one in use is `other`."""
    config.write_text(config.read_text() + f"Host w\n  HostName {HOST}\nHost o\n  HostName db.other.test\n")
    sshsetup.apply(settings, sshsetup.plan(settings))
    for name, expected in (("ann@w", joined), (HOST, joined), ("o", other), ("elsewhere.org", other)):
        assert plan.membership_of(settings, name) == expected


def test_a_git_server_belongs_to_the_company_whose_pass_names_it(
    settings: Settings, joined: Membership, other: Membership, company: MiniCa, sign_in: Callable[..., Login]
) -> None:
    """The one in use is `other`."""
    company.change = lambda draft: replace(draft, extensions=(("login@github.com", "alice-w"),))
    sshsetup.apply(settings, sshsetup.plan(settings))
    sign_in(settings=at(settings, joined.context.name)).run()
    found = plan.membership_of(settings, "git@github.com")
    assert found is not None and found.context == joined.context
    told = look(settings, found, "git@github.com")
    assert {each.state for each in told} == {State.OK}
    assert "your day pass says that you are alice-w" in told[-1].text
    assert "the first thing that ssh offers" in told[-2].text


def test_without_a_company_it_still_says_what_ssh_would_do(settings: Settings) -> None:
    assert [each.state for each in look(settings, None)] == [State.OK, State.NOTE]


def test_where_ssh_is_not_set_up_the_command_is_named(settings: Settings, joined: Membership, config: Path) -> None:
    config.write_text("Host *\n")
    (found,) = openssh.set_up(settings, joined)
    assert (found.state, "daypass ssh-config" in found.hint) == (State.PROBLEM, True)
    joined.context.ssh_config.unlink()
    (found,) = openssh.set_up(settings, joined)
    assert found.text == "ssh is not set up for this company"


def test_a_configuration_that_ssh_refuses_is_told_in_its_words(settings: Settings, config: Path) -> None:
    config.write_text("Hots *\n")
    with pytest.raises(Invalid, match=r"ssh refuses its configuration: .*terminating, 1 bad"):
        effective(settings, HOST)


@pytest.mark.parametrize("host", ["-oProxyCommand=touch /tmp/x", "-V", "-"])
def test_a_host_that_is_an_option_is_none(host: str, settings: Settings) -> None:
    with pytest.raises(Invalid, match="no host name"):
        effective(settings, host)


def fake_ssh(folder: Path, script: str) -> Settings:
    (folder / "ssh").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "ssh").chmod(0o755)
    return Settings.load("", {"HOME": str(folder), "PATH": f"{folder}:/usr/bin:/bin"})


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19", State.OK),
        ("OpenSSH_8.2p1 Ubuntu-4ubuntu0.13, OpenSSL 1.1.1f", State.OK),
        ("OpenSSH_10.0p2, LibreSSL 4.1.0", State.OK),
        ("OpenSSH_for_Windows_9.5p1, LibreSSL 3.8.2", State.OK),
        ("OpenSSH_7.9p1, OpenSSL 1.1.1", State.PROBLEM),
        ("Dropbear v2022.83", State.PROBLEM),
        ("", State.PROBLEM),
    ],
)
def test_which_ssh_will_do(said: str, state: State, tmp_path: Path) -> None:
    assert [each.state for each in openssh.ssh_version(fake_ssh(tmp_path, f"echo '{said}' >&2"))] == [state]


def test_this_machine_s_ssh_is_known(settings: Settings) -> None:
    number = version(settings)[1]
    assert number is not None and number >= (8, 2)


def test_an_ssh_that_hangs_is_stopped_and_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert run(fake_ssh(tmp_path, "exec sleep 60"), ["x"], 0.3).code is None
    nowhere = Settings.load("", {"HOME": str(tmp_path), "PATH": "/nowhere"})
    with pytest.raises(Misconfigured, match="ssh is not installed"):
        run(nowhere, ["x"], 1)


def test_a_match_exec_that_hangs_holds_nobody_up(
    settings: Settings, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('Match exec "sleep 60; true"\n')
    monkeypatch.setattr("daypass.client.openssh.sshprogram.CONFIG_SECONDS", 0.3)
    with pytest.raises(Unavailable, match="does not get through") as caught:
        effective(settings, HOST)
    assert "Match exec" in str(caught.value.hint)


def test_the_line_is_found_through_includes_and_in_the_order_ssh_reads(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/b").write_text("User second\n")
    (tmp_path / "conf.d/a").write_text("Host !db-1 *\n  User=first\n")
    (tmp_path / "config").write_text("# User none\nInclude conf.d/*\nUser third\n")
    found = [(line.path.name, line.number, line.value) for line in sources.lines(tmp_path / "config", tmp_path)]
    assert found == [("a", 2, "first"), ("b", 1, "second"), ("config", 3, "third")]
    assert str(sources.winner(tmp_path / "config", "User", "first", ("web-1",))).endswith(
        "a line 2 under `Host !db-1 *`"
    )
    assert sources.winner(tmp_path / "config", "User", "first", ("db-1",)) is None


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("User a\nInclude config\n")
    assert len(list(sources.lines(tmp_path / "config", tmp_path))) == 17
