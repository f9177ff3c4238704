"""macOS and Windows by their facts, handed in: nothing here ran there."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import textwrap
import threading
import tty
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

import pytest

from daypass.client import place
from daypass.client.agents import choice, peer, transport
from daypass.client.agents.agent import Agent
from daypass.client.agents.choice import choose
from daypass.client.agents.ownagent import end_own_agent, own_agent
from daypass.client.openssh import sshconfig
from daypass.client.platform import NO_UID, WINDOWS_AGENT, Platform, is_pipe
from daypass.client.settings import Settings
from daypass.errors import Misconfigured
from daypass.wire.buffer import string
from tests.parts import agents
from tests.parts.needs import need

LINUX = {"HOME": "/home/alice"}
MACOS = {"HOME": "/Users/alice", "SSH_AUTH_SOCK": "/private/tmp/com.apple.launchd.x/Listeners"}
WINDOWS = {
    "HOME": "/c/Users/alice",
    "USERPROFILE": r"C:\Users\alice",
    "LOCALAPPDATA": r"C:\Users\alice\AppData\Local",
    "SSH_AUTH_SOCK": "/tmp/ssh-Git/agent.17",
}


@pytest.mark.parametrize(
    ("system", "environ", "home", "machine_file", "agent"),
    [
        ("linux", LINUX, "/home/alice/.local/share/daypass", "/etc/daypass/client.toml", ""),
        ("linux", {**LINUX, "XDG_DATA_HOME": "/data"}, "/data/daypass", "/etc/daypass/client.toml", ""),
        (
            "darwin",
            MACOS,
            "/Users/alice/Library/Application Support/daypass",
            "/etc/daypass/client.toml",
            "/private/tmp/com.apple.launchd.x/Listeners",
        ),
        (
            "win32",
            WINDOWS,
            r"C:\Users\alice\AppData\Local\daypass",
            "C:/ProgramData/daypass/client.toml",
            WINDOWS_AGENT,
        ),
        (
            "win32",
            {"USERPROFILE": r"D:\a", "PROGRAMDATA": r"D:\all", "SSH_AUTH_SOCK": r"\\.\pipe\pageant.alice.1"},
            r"D:\a\AppData\Local\daypass",
            r"D:\all/daypass/client.toml",
            r"\\.\pipe\pageant.alice.1",
        ),
    ],
)
def test_where_things_are(system: str, environ: dict[str, str], home: str, machine_file: str, agent: str) -> None:
    found = Platform(system, 501, environ)
    assert (found.home(), found.machine_file, found.agent) == (home, machine_file, agent)
    assert found.home() == place.home("", environ, system)


@pytest.mark.parametrize(
    ("path", "pipe"),
    [
        (WINDOWS_AGENT, True),
        ("//./pipe/openssh-ssh-agent", True),
        (r"\\.\PIPE\x", True),
        (r"C:\pipe\x", False),
        ("/tmp/pipe/x", False),
        ("", False),
    ],
)
def test_what_is_a_named_pipe(path: str, pipe: bool) -> None:
    assert is_pipe(path) is pipe


def test_ssh_is_told_paths_of_windows_with_slashes() -> None:
    assert Platform("win32", NO_UID, {}).for_ssh(r"C:\Users\a b\x") == "C:/Users/a b/x"
    assert sshconfig.quote(PureWindowsPath(r"C:\Users\a b\id-cert.pub")) == '"C:/Users/a b/id-cert.pub"'
    assert sshconfig.quote(PureWindowsPath(WINDOWS_AGENT)) == '"//./pipe/openssh-ssh-agent"'
    assert Platform("linux", 0, {}).for_ssh(r"/odd\name") == r"/odd\name"


def test_the_real_machine_is_linux_here() -> None:
    found = Platform.here()
    assert (found.system, found.uid, found.environ) == (sys.platform, os.geteuid(), os.environ)


@pytest.fixture
def windows() -> Settings:
    return Settings.load(platform=Platform("win32", NO_UID, WINDOWS))


def test_settings_of_windows_need_no_modes_and_no_owners(windows: Settings) -> None:
    assert str(windows.home) == r"C:\Users\alice\AppData\Local\daypass"
    assert str(windows.ssh_folder) == r"C:\Users\alice\.ssh"


def test_the_agent_of_windows_is_not_used_and_what_to_do_is_said(windows: Settings) -> None:
    with pytest.raises(Misconfigured, match="keeps keys on disk") as caught:
        choose(windows, pytest.fail)
    assert all(word in (caught.value.hint or "") for word in ("WSL", "daypass certificate", "--force"))


def test_there_is_no_agent_of_ours_on_windows(windows: Settings) -> None:
    with pytest.raises(Misconfigured, match="on Windows there is no ssh-agent"):
        own_agent(windows)
    assert end_own_agent(windows) == 0


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A file that answers as an agent does: a terminal whose other end is one."""
    master, slave = pty.openpty()
    tty.setraw(master)
    played = agents.Played(Path())

    def serve() -> None:
        while head := read(4):
            answer = agents.honest(played, read(int.from_bytes(head, "big")))
            os.write(master, string(answer or b""))

    def read(size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                data += os.read(master, size - len(data))
            except OSError:  # the terminal's last user has gone
                return b""
        return data

    thread = threading.Thread(target=serve)
    thread.start()
    monkeypatch.setattr(transport, "is_pipe", lambda _: True)
    yield os.ttyname(slave)
    os.close(slave)
    thread.join(10)
    os.close(master)


def test_an_agent_behind_a_pipe_is_put_to_the_same_test(piped: str) -> None:
    Agent(piped).probe()
    assert Agent(piped).identities() == ()


def test_with_force_the_agent_of_windows_is_tried(piped: str, windows: Settings) -> None:
    assert choice._on_windows(piped, force=True, confirm=False) == Agent(piped)
    with pytest.raises(Misconfigured, match="does not answer"):
        choice._on_windows(r"\\.\pipe\none", force=True, confirm=False)


def test_processes_are_found_by_ps_where_there_is_no_proc() -> None:
    need("ps")
    here = os.getpid()
    assert peer.process_name(here, "darwin") == peer.process_name(here, "linux")
    named = dict(peer.command_lines("darwin"))
    assert named[here].split() == dict(peer.command_lines("linux"))[here].split()
    with subprocess.Popen(["sleep", "0"]) as ended:
        pass
    assert peer.process_name(ended.pid, "darwin") == "gone"


# What Windows' Python does not have is taken away, and everything a laptop runs is imported and some of it used.
_AS_ON_WINDOWS = """
    import asyncio, ctypes, email.message, getpass, json, logging, os, platform, shutil, socket, ssl, subprocess
    import sys, tempfile, webbrowser, zoneinfo, types, _socket
    import click, cryptography.x509, cryptography.hazmat.primitives.serialization, httpx2, msgspec

    for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty"):
        sys.modules[name] = None
    for name in ("geteuid", "getuid", "getgid", "fchmod", "getsid", "O_NOFOLLOW", "O_CLOEXEC", "O_DIRECTORY"):
        delattr(os, name)
    for module in (socket, _socket):
        del module.AF_UNIX
    locked = []
    sys.modules["msvcrt"] = types.SimpleNamespace(LK_LOCK=1, locking=lambda *given: locked.append(given))
    sys.platform = "win32"

    from importlib import import_module
    from pathlib import Path, PureWindowsPath
    for name in sys.argv[2:]:
        import_module(name)

    from daypass.client import glance, memory, portable, settings
    folder = Path(sys.argv[1])
    settings.write_file(folder / "deep" / "file", "content")
    assert (folder / "deep" / "file").read_text() == "content"
    with portable.locked(folder / "lock"):
        assert locked[0][1:] == (1, 1)
    memory.protect()
    (folder / "agent").write_text(str(folder / "deep" / "file"))
    assert not glance._agent_lists(str(folder), b"blob")
    from daypass.client.agents.agent import Agent
    from daypass.client.agents.kinds import kind
    from daypass.errors import Unavailable
    try:
        Agent(str(folder / "none")).identities()
    except Unavailable:
        print("fine", kind(chr(92) * 2 + "." + chr(92) + "pipe" + chr(92) + "openssh-ssh-agent").name)
"""


def test_everything_a_laptop_runs_does_without_what_windows_lacks(tmp_path: Path) -> None:
    source = Path(place.__file__).parents[1]
    modules = [
        f"daypass.{path.relative_to(source).with_suffix('').as_posix().replace('/', '.')}"
        for folder in ("client", "wire", "cli")
        for path in sorted((source / folder).glob("[!_]*.py"))
        if not path.name.startswith(("admin", "host"))
    ]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_AS_ON_WINDOWS), str(tmp_path), *modules],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stdout) == (0, "fine Windows' ssh-agent\n"), done.stderr
