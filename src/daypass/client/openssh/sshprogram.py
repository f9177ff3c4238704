"""OpenSSH's client as a program: which version, what it makes of its configuration, and what it says on the way.

Nobody is asked anything by it here, and it starts no sign-in of ours: DAYPASS_AUTO_LOGIN=0 (client.autologin).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daypass.client.settings import Settings
from daypass.errors import Invalid, Misconfigured, Unavailable

__all__ = ["OLDEST", "Ran", "config_arguments", "effective", "host_of", "run", "version"]

OLDEST = (8, 2)
CONFIG_SECONDS = 15.0
_MAX_OUTPUT = 1 << 20  # characters


@dataclass(frozen=True, slots=True)
class Ran:
    """How ssh ended. `code` is None where it had to be stopped."""

    code: int | None
    out: str
    err: str


def run(settings: Settings, arguments: Sequence[str], seconds: float) -> Ran:
    """`ssh arguments`, without a terminal. Raises Misconfigured where there is no ssh."""
    environ = {**settings.environ, "DAYPASS_AUTO_LOGIN": "0", "LC_ALL": "C"}
    environ.setdefault("PATH", os.defpath)
    process = _started(arguments, environ)
    with process:
        try:
            out, err = process.communicate(timeout=seconds)
            code: int | None = process.returncode
        except subprocess.TimeoutExpired:
            _end(process)
            out, err = process.communicate()
            code = None
    return Ran(code, out[:_MAX_OUTPUT], err[:_MAX_OUTPUT])


def _started(arguments: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            ["ssh", *arguments],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # no terminal to ask on
        )
    except OSError as error:
        raise Misconfigured("ssh is not installed", code="ssh.missing", hint="install openssh-client") from error


def _end(process: subprocess.Popen[str]) -> None:
    """With all that it started: a command of `Match exec` would keep our pipe open."""
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)


def version(settings: Settings) -> tuple[str, tuple[int, int] | None]:
    """As `ssh -V` says it, and its number; None for what is not OpenSSH."""
    said = run(settings, ["-V"], 10).err.strip().partition("\n")[0]
    found = re.match(r"OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)", said)
    return said.partition(",")[0], (int(found[1]), int(found[2])) if found else None


def config_arguments(settings: Settings) -> list[str]:
    """`-F` where the folder is not the one that ssh, which asks passwd(5) and not $HOME, would look into."""
    config = settings.ssh_folder / "config"
    if settings.ssh_folder.parent == _passwd_home():
        return []
    return ["-F", str(config)] if config.exists() else ["-F", "none"]


def _passwd_home() -> Path | None:
    if sys.platform == "win32":  # where ssh looks into the person's profile, as we do
        return Path.home()
    try:
        import pwd

        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except (ImportError, KeyError, AttributeError):
        return None


def host_of(destination: str) -> str:
    """The host of `[USER@]HOST` or `ssh://[USER@]HOST[:PORT]`, as ssh(1) takes them."""
    is_url = destination.lower().startswith("ssh://")
    host = (destination[6:].rstrip("/") if is_url else destination).rpartition("@")[2]
    if is_url:
        host = re.sub(r":\d*$", "", host)
        host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return host


def effective(settings: Settings, host: str, arguments: Sequence[str] = ()) -> dict[str, list[str]]:
    """What `ssh -G` says of a host: keyword (lower case) to its values. Nothing is connected to.

    Raises Invalid for a configuration or a host name that ssh refuses, with ssh's own words.
    """
    if host.startswith("-"):
        raise Invalid(
            f"{host!r} is no host name", code="host", hint="write it as for ssh: web-1 or web-1.example.com"
        )
    ran = run(settings, [*config_arguments(settings), "-G", *arguments, "--", host], CONFIG_SECONDS)
    if ran.code is None:
        raise Unavailable(
            "ssh does not get through its configuration", hint="a Match exec in ~/.ssh/config that hangs?"
        )
    if ran.code != 0:
        said = ran.err.strip().splitlines()[-1:] or ["it says nothing"]
        raise Invalid(f"ssh refuses its configuration: {said[0][:300]}", hint="mend the line it names")
    found: dict[str, list[str]] = {}
    for line in ran.out.splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword.lower(), []).append(value)
    return found
