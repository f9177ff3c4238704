"""Our own ssh-agent: started once, alone in its folder, ended by nobody but `daypass uninstall`."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daypass.client.agents import peer
from daypass.client.agents.agent import Agent
from daypass.client.agents.ownagent import end_own_agent, own_agent
from daypass.client.settings import Settings
from daypass.errors import DaypassError, Misconfigured
from tests.parts.needs import need
from tests.parts.openssh import Agent as Part


def ours(settings: Settings) -> list[int]:
    """Every process that was started for the socket."""
    wanted = f"ssh-agent -a {settings.agent_socket} "
    return [pid for pid, command in peer.command_lines() if command.startswith(wanted)]


def test_it_is_started_once_in_a_folder_of_the_person_s(settings: Settings) -> None:
    first = own_agent(settings)
    inode = settings.agent_socket.stat().st_ino
    assert own_agent(settings) == first
    assert settings.agent_socket.stat().st_ino == inode
    assert settings.home.stat().st_mode & 0o777 == 0o700
    assert settings.agent_socket.stat().st_mode & 0o077 == 0


def test_six_first_logins_at_once_start_one(settings: Settings, home: Path) -> None:
    """With an ssh-agent that takes its time to start."""
    slow = home / "bin/ssh-agent"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/bash\nsleep 0.3\nexec -a ssh-agent {need("ssh-agent")} "$@"\n')
    slow.chmod(0o700)
    hasty = Settings.load("", {**settings.environ, "PATH": f"{slow.parent}:{os.environ['PATH']}"})
    with ThreadPoolExecutor(6) as people:
        started = [people.submit(own_agent, hasty) for _ in range(6)]
    assert len({each.result() for each in started}) == 1
    assert len(ours(settings)) == 1


def test_a_socket_that_nobody_listens_on_any_more_is_replaced(settings: Settings) -> None:
    """As after the machine was started again."""
    settings.home.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(settings.agent_socket))
    assert own_agent(settings).identities() == ()


def test_it_takes_nothing_of_the_person_s_environment_along(settings: Settings) -> None:
    """It lives for days: a token in its environment would too."""
    secret = {**settings.environ, "AWS_SECRET_ACCESS_KEY": "s3cr3t", "SSH_AUTH_SOCK": "", "DISPLAY": ":7"}
    own_agent(Settings.load("", secret))
    (pid,) = ours(settings)
    environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert b"DISPLAY=:7" in environ
    assert not any(b"s3cr3t" in each or each.startswith(b"SSH_A") for each in environ)
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
    assert os.getsid(pid) != os.getsid(0)


def test_it_allows_no_library_to_be_loaded(settings: Settings) -> None:
    """CVE-2023-38408: what is loaded into an agent runs as the person (ssh-agent(1), -P)."""
    own_agent(settings)
    (pid,) = ours(settings)
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    assert words == ["ssh-agent", "-a", str(settings.agent_socket), "-P", "", ""]


def test_it_can_be_ended_and_only_it(settings: Settings, agent: Part) -> None:
    own_agent(settings)
    assert end_own_agent(settings) == 1
    assert ours(settings) == []
    assert not settings.agent_socket.exists()
    assert Agent(str(agent.socket)).identities() == ()
    assert end_own_agent(settings) == 0


def test_ending_it_ends_what_an_unlucky_start_left_behind(settings: Settings) -> None:
    own_agent(settings)
    settings.agent_socket.unlink()
    own_agent(settings)
    assert len(ours(settings)) == 2
    assert end_own_agent(settings) == 2


def test_a_path_too_long_for_a_socket_is_told_with_a_way_out(home: Path) -> None:
    long = Settings.load("", {"HOME": str(home), "DAYPASS_HOME": str(home / ("x" * 90))})
    with pytest.raises(Misconfigured, match="too long") as caught:
        own_agent(long)
    assert "DAYPASS_HOME" in (caught.value.hint or "")


def test_without_ssh_agent_installed_the_package_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(DaypassError, match="not installed") as caught:
        own_agent(settings)
    assert "openssh-client" in (caught.value.hint or "")
