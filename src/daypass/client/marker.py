"""What ssh looks at before each connection, with a shell's own `test`: is there a day pass?

    CONTEXT/valid        its modification time is the certificate's end; a link to a file in the runtime folder
    CONTEXT/id-cert.pub  its modification time is one second later, so a marker from the future is not believed
    CONTEXT/agent.sock   a link to the socket of the agent that holds the key

The runtime folder (XDG_RUNTIME_DIR) is empty after a reboot, as the agent is; where there is none, as in containers,
a folder of ours in /dev/shm is. Where there is neither, `valid` is a file, and a reboot in the day leaves ssh without
the pass and without a sign-in: the agent's socket, by then nobody's, is still there.
None of the three decides anything: a wrong one costs a connection a closer look (client.openssh.autologin), never
access. Only `os` is imported, since ssh waits for this.
"""

# pathlib costs more than all there is to do here.
# ruff: noqa: PTH102, PTH103, PTH105, PTH106, PTH108, PTH115, PTH116, PTH117, PTH118, PTH119, PTH120, PTH211

from __future__ import annotations

import binascii
import os
import stat
import sys

from daypass.client import place

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["forget", "is_ahead", "write"]


def write(folder: str, valid_before: int, agent: str, environ: Mapping[str, str]) -> None:
    """Have ssh offer the pass in the company's `folder` until `valid_before` (unix seconds). Raises OSError.

    What is right already is left alone: so a lost marker comes back even below a home folder that is read-only.
    """
    link, target = os.path.join(folder, place.VALID), _target(folder, environ)
    _write_at(target, valid_before)
    if target != link:
        _link(target, link)
    _link(agent, os.path.join(folder, place.AGENT_LINK))
    certificate = os.path.join(folder, place.CERTIFICATE)
    if os.stat(certificate).st_mtime != valid_before + 1:
        os.utime(certificate, (valid_before + 1, valid_before + 1))


def is_ahead(folder: str, now: float) -> bool:
    """Whether there is a marker, and its time has not come."""
    try:
        return os.stat(os.path.join(folder, place.VALID)).st_mtime > now
    except OSError:
        return False


def forget(folder: str) -> None:
    """Take the marker away; also the file it leads to, wherever that is."""
    link = os.path.join(folder, place.VALID)
    paths = [link, os.path.join(folder, place.AGENT_LINK)]
    try:
        target = os.readlink(link)
    except OSError:
        target = ""
    if os.path.basename(os.path.dirname(target)) in (_FOLDER, os.path.basename(_shared())):
        paths.insert(0, target)
    for path in paths:
        try:
            os.unlink(path)
        except OSError:
            continue  # gone already, or nothing of ours; without pass.conf it says nothing to ssh
    if len(paths) == 3:
        _leave(os.path.dirname(target))


_FOLDER = "daypass"
_MEMORY = "/dev/shm"  # noqa: S108 - tmpfs(5), for everybody; see _in_memory


def _target(folder: str, environ: Mapping[str, str]) -> str:
    """One file per company and home folder."""
    runtime = _runtime(environ)
    own = os.path.join(runtime, _FOLDER) if runtime else _in_memory()
    if not own:
        return os.path.join(folder, place.VALID)
    return os.path.join(own, f"{os.path.basename(folder)}-{binascii.crc32(os.fsencode(folder)):08x}")


def _runtime(environ: Mapping[str, str]) -> str:
    """A folder that nobody else can write to and that does not outlive the machine's run; "" where there is none."""
    if sys.platform == "win32":
        return ""
    own = environ.get("TMPDIR", "") if sys.platform == "darwin" else f"/run/user/{os.geteuid()}"
    for path in (environ.get("XDG_RUNTIME_DIR", ""), own):
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            continue
        if os.path.isabs(path) and _is_ours(found):
            return path.rstrip("/")
    return ""


def _in_memory() -> str:
    """A folder of ours where everybody may have one, made here; "" where somebody else has taken its name."""
    path = _shared()
    try:
        if not os.path.lexists(path):
            os.mkdir(path, 0o700)
        return path if _is_ours(os.lstat(path)) else ""
    except OSError:
        return ""


def _shared() -> str:
    if sys.platform == "win32":
        return ""
    return os.path.join(_MEMORY, f"{_FOLDER}-{os.geteuid()}")


def _is_ours(found: os.stat_result) -> bool:
    """A folder that nobody else can even enter."""
    if sys.platform == "win32":
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _leave(folder: str) -> None:
    try:
        os.rmdir(folder)
    except OSError:  # another company's marker is there
        return


def _write_at(path: str, when: int) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        os.write(descriptor, f"{when}\n".encode())  # for systems without /proc, see client.openssh.sshconfig
    finally:
        os.close(descriptor)
    os.utime(temporary, (when, when))
    os.replace(temporary, path)


def _link(target: str, path: str) -> None:
    try:
        if os.readlink(path) == target:
            return
    except OSError:  # none, or a file
        pass
    temporary = f"{path}.{os.getpid()}.new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, path)
