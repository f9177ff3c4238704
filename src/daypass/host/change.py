"""A change of sshd's configuration after enrolment, with the same care: tried, put in place, proven, or undone.

try it     beside the real configuration, where the change can be tried there
write      each file in one rename
ask sshd   `sshd -t`, and what it goes by now
reload     the running sshd; sessions go on
prove      by connections of our own
all back   byte for byte, and sshd reloaded, whatever went wrong
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daypass.errors import Conflict, DaypassError
from daypass.host import files, reload
from daypass.host.install import explained
from daypass.host.sshd import Effective, Sshd

__all__ = ["Change", "NewFile"]


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file of sshd's configuration as it is to be; None takes it away. Mode and owner stay those it has."""

    path: Path
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Change:
    """`check` sees what sshd reads, `prove` what the running one does; either raises what is wrong."""

    sshd: Sshd
    wanted: Sequence[NewFile]
    check: Callable[[], None]
    prove: Callable[[Effective], None]
    needs_sshd: bool = True
    with_reload: bool = True

    def run(self) -> bool:
        """Whether a running sshd was seen to go by it. Raises Conflict where none runs but one is needed."""
        effective = self.sshd.effective()
        running = reload.Running.find(self.sshd, effective) if self.with_reload else None
        if running is None and self.needs_sshd:
            raise Conflict("no running sshd reads this configuration", code="host.no-sshd", hint="start it first")
        before = [files.Snapshot.take(each.path) for each in self.wanted]
        try:
            self._put(before)
            self.sshd.test()
            self.check()
            if running is not None:
                running.reload()
                self.prove(effective)
        except BaseException as error:
            raise explained(error, _put_back(before, running)) from error
        return running is not None

    def _put(self, before: Sequence[files.Snapshot]) -> None:
        for new, old in zip(self.wanted, before, strict=True):
            if new.content is None:
                files.remove(new.path)
            elif new.content != old.content:
                mode, owner = (old.mode, old.owner) if old.content is not None else (0o644, None)
                files.write(new.path, new.content, mode, owner)


def _put_back(before: Sequence[files.Snapshot], running: reload.Running | None) -> list[str]:
    """What could not be."""
    troubles = list[str]()
    for snapshot in before:
        try:
            snapshot.restore()
        except OSError as error:
            troubles.append(f"{snapshot.path} could not be put back: {error.strerror}")
    if running is not None:
        try:
            running.reload()
        except DaypassError as error:
            troubles.append(f"{error.message}; start sshd now, before you leave this session")
    return troubles
