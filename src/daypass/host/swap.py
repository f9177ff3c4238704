"""A change of certificates, or of keys, that is finished or undone whatever happens in between: `swap.json`.

    begin      everything to be written, and what stands there now, in one file (rename, fsync)
    first      certificates, and for new keys sshd's configuration and the keys; each step leaves key and certificate
               that belong together, so sshd may start at any moment
    prove      sshd reads it all and presents it on a connection of ours; else everything goes back
    then       what is only tidying; the state; the file goes

What a kill or a power cut left, `mend` finishes where it was proven, and undoes where it was not. The file holds
private host keys while a rekey goes on: it is root's alone, on the disk where they lie anyway.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from daypass.errors import DaypassError, Misconfigured
from daypass.host import files, reload
from daypass.host.install import explained
from daypass.host.settings import Paths
from daypass.host.sshd import Sshd
from daypass.host.state import State
from daypass.wire import Certificate

__all__ = ["NEW_KEYS", "Left", "Step", "Swap", "carry_out", "load_left", "mend"]


NEW_KEYS = "rekey-"
"""How folders of keys begin that have not taken their places yet."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One file from what it is to what it shall be; None is no file."""

    path: str
    before: bytes | None
    after: bytes | None
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)

    @classmethod
    def to(cls, path: Path, after: bytes | None, mode: int = 0o644) -> Step:
        """A file that is there keeps its mode and owner."""
        files.check(path)
        found = files.Snapshot.take(path)
        if found.content is None:
            return cls(path=str(path), before=None, after=after, mode=mode)
        return cls(path=str(path), before=found.content, after=after, mode=found.mode, owner=found.owner)

    def take(self, *, back: bool = False) -> None:
        """One that has been changed by somebody else meanwhile is theirs, and stays."""
        path, wanted = Path(self.path), self.before if back else self.after
        found = files.Snapshot.take(path).content
        if found == wanted or found not in (self.before, self.after):
            return
        if wanted is None:
            files.remove(path)
        else:
            files.write(path, wanted, self.mode, self.owner)


class Swap(msgspec.Struct, frozen=True, kw_only=True):
    """`state` is what the host remembers once it is done; `left` are certificates with keys to be given up then."""

    first: list[Step]
    then: list[Step]
    state: State
    left: list[Left] = []
    proven: bool = False

    @classmethod
    def load(cls, path: Path) -> Swap | None:
        files.check(path)
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            hint = f"move {path} away, then: daypass host enroll"
            raise Misconfigured(f"{path} can't be understood: {error}", code="host.swap", hint=hint) from error

    def save(self, path: Path) -> None:
        files.write(path, msgspec.json.encode(self), 0o600)


class Left(msgspec.Struct, frozen=True):
    """A certificate that is of no more use, as its blob, and the private key (a file's content) that gives it up."""

    certificate: bytes
    key: bytes


def carry_out(swap: Swap, paths: Paths, sshd: Sshd, certificates: Sequence[Certificate]) -> bool:
    """All of it, or none. Says whether a running sshd presented the certificates. The caller holds the lock."""
    swap.save(paths.swap)
    try:
        for step in swap.first:
            step.take()
        sshd.test()
        proven = _prove(sshd, certificates)
        swap = msgspec.structs.replace(swap, proven=True)
        swap.save(paths.swap)
    except BaseException as error:
        raise explained(error, _undone(swap, paths, sshd)) from error
    _finish(swap, paths)
    return proven


def mend(paths: Paths) -> str:
    """Finish or undo what was begun and left; says which, "" where there was nothing. The caller holds the lock."""
    for folder in paths.memory.glob(f"{NEW_KEYS}*"):
        shutil.rmtree(folder)
    swap = Swap.load(paths.swap)
    if swap is None:
        return ""
    if swap.proven:
        _finish(swap, paths)
        return "a change of host certificates that was interrupted is finished now"
    state = State.load(paths.state)
    sshd = Sshd(Path(state.sshd), Path(state.sshd_config)) if state is not None and state.sshd else None
    troubles = "; ".join(_undone(swap, paths, sshd))
    if paths.swap.exists():
        raise Misconfigured(troubles, code="host.swap", hint="daypass host status says how it stands")
    done = "a change of host certificates that was interrupted is undone"
    return f"{done}; {troubles}" if troubles else done


def _prove(sshd: Sshd, certificates: Sequence[Certificate]) -> bool:
    effective = sshd.effective()
    running = reload.Running.find(sshd, effective)
    if running is None:
        return False
    running.reload()
    reload.prove(certificates, effective)
    return True


def _finish(swap: Swap, paths: Paths) -> None:
    for step in swap.then:
        step.take()
    if swap.left:
        files.write(paths.given_up, msgspec.json.encode([*load_left(paths.given_up), *swap.left]), 0o600)
    files.write(paths.state, swap.state.encode(), 0o600)
    files.remove(paths.swap)


def load_left(path: Path) -> list[Left]:
    """What waits to be given up; one that can't be read is no reason to stop."""
    files.check(path)
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Left])
    except (OSError, msgspec.DecodeError):
        return []


def _undone(swap: Swap, paths: Paths, sshd: Sshd | None) -> list[str]:
    """Put everything back, the last first, and say what could not be. Once all is back the attempt is forgotten."""
    troubles = list[str]()
    for step in reversed(swap.first):
        try:
            step.take(back=True)
        except OSError as error:
            troubles.append(f"{step.path} could not be put back: {error.strerror}")
    if not troubles:
        files.remove(paths.swap)
    if sshd is not None:
        try:
            running = reload.Running.find(sshd, sshd.effective())
            if running is not None:
                running.reload()
        except DaypassError as error:
            troubles.append(f"{error.message}; look after sshd now, before you leave this session")
    return troubles
