"""`daypass host leave`: this machine as it was before it was enrolled.

    sshd      our lines taken out of its configuration, tried, and proven by connections of our own; else all back
    word      the CA revokes this host's certificates, so that laptops ask for none of it any more; where the CA is
              away, an operator says so there
    service   stopped and taken away
    files     what sshd read, then what we remember, the state last

A kill between any two steps leaves an sshd that starts; running it again does the rest. Accounts that daypass has
made hold people's files: they stay, and are named. What is in quarantine stays, too, and who was locked stays so.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from daypass.api import HostReport
from daypass.errors import Conflict, DaypassError, NotFound
from daypass.host import deadman, dropin, enforcement, files, glassfile, leaving, reload, service, shellagent, swap
from daypass.host.accounts import Memory
from daypass.host.alone import alone
from daypass.host.calls import certificates
from daypass.host.change import Change, NewFile
from daypass.host.hostkeys import load_host_keys
from daypass.host.machine import is_clone
from daypass.host.settings import Paths
from daypass.host.sshd import Effective, Sshd
from daypass.host.state import State
from daypass.wire import PublicKey

__all__ = ["Left", "leave", "refuse_lock_out"]

_SHOWN = 30 * 86400  # seconds that somebody's coming in by key or password counts for


@dataclass(slots=True)
class Left:
    """What was taken away. `proven`: a running sshd was seen to answer by its own key alone. `kept`: why its
    certificates are not revoked, "" where they are."""

    name: str = ""
    proven: bool = False
    service: bool = False
    kept: str = "nobody was asked"
    accounts: list[str] = field(default_factory=list)  # made by daypass; they stay


def refuse_lock_out(report: HostReport, now: int) -> None:
    """Conflict where, as far as is known, everybody comes in by certificate: nobody could any more."""
    old = [
        each for each in report.logins if each.way not in ("certificate", "break-glass") and now - each.last < _SHOWN
    ]
    if report.logins and not old:
        raise Conflict(
            "everybody comes in by certificate here: after this nobody may come in at all",
            code="host.only-certificates",
            hint="log in by a key or password of yours first (host enforce --off opens the door); or say --force",
        )


def leave(
    paths: Paths, sshd: Sshd, *, with_reload: bool = True, connect: Callable[[State], leaving.Ca] | None = None
) -> Left:
    """Raises NotFound where there is nothing of ours; any of the error tree with everything as it was. `connect`: to
    the CA, which is told."""
    if not paths.memory.is_dir() and not paths.ours.is_dir():
        raise NotFound("this machine is not enrolled", code="host.not-enrolled")
    files.check_folder(paths.ours)
    files.make_folder(paths.memory, 0o700)
    with alone(paths):
        with suppress(DaypassError):
            swap.mend(paths)
        state = _state(paths)
        left = Left(state.name if state else "", accounts=sorted(Memory.load(paths.made_accounts).made))
        gone = [each.encode() for each in certificates(state)] if state else []
        left.proven = _reconfigure(sshd, _own_keys(state), gone, with_reload)
        if connect is not None and state is not None:
            left.kept = _told(paths, state, connect)
        deadman.disarm(paths)
        left.service = service.remove(paths)
        shellagent.remove(paths)
        if paths.ours.is_dir():
            shutil.rmtree(paths.ours)
        _forget(paths)
    return left


def _told(paths: Paths, state: State, connect: Callable[[State], leaving.Ca]) -> str:
    """After sshd has been seen to do without them: the other way round a failure would shut everybody out."""
    if is_clone(paths, state):
        return f"they are those of {state.name}, which this machine is a copy of"
    try:
        return leaving.give_up_all(paths, state, connect(state))
    except (DaypassError, OSError) as error:
        return error.message if isinstance(error, DaypassError) else str(error)


def _state(paths: Paths) -> State | None:
    """One that can't be understood keeps nobody here."""
    try:
        return State.load(paths.state)
    except DaypassError:
        return None


def _own_keys(state: State | None) -> list[PublicKey]:
    paths = [Path(each.key) for each in state.certificates if each.key] if state else []
    try:
        return [each.public_key for each in load_host_keys(paths)[0]]
    except DaypassError:
        return []


def _reconfigure(sshd: Sshd, keys: Sequence[PublicKey], gone: Sequence[bytes], with_reload: bool) -> bool:
    def prove(effective: Effective) -> None:
        if with_reload and keys:
            reload.prove_plain(keys, gone, effective)

    changes = original(sshd)
    change = Change(sshd, changes, lambda: None, prove, needs_sshd=False, with_reload=with_reload)
    return bool(changes) and change.run()


def original(sshd: Sshd) -> list[NewFile]:
    """sshd's configuration without any line of ours, byte for byte as it was."""
    config = sshd.config.resolve()
    content = config.read_bytes()
    plain = dropin.without_block(enforcement.without(glassfile.without(content)))
    found = [NewFile(config, plain)] if plain != content else []
    own = [folder / dropin.NAME for folder in dropin.folders(sshd) if (folder / dropin.NAME).is_file()]
    glass = [path for path, left in glassfile.removal(sshd) if left is None]
    return [*found, *(NewFile(each, None) for each in (*own, *enforcement.own_files(sshd), *glass))]


def _forget(paths: Paths) -> None:
    """The state last: with it, `daypass host leave` knows that it has not done yet."""
    for each in sorted(paths.memory.iterdir()):
        if each not in (paths.state, paths.lock, paths.quarantine):
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    with suppress(OSError):
        paths.quarantine.rmdir()
    files.remove(paths.state)
    paths.lock.unlink(missing_ok=True)
    with suppress(OSError):  # a file system of its own stays
        paths.memory.rmdir()
