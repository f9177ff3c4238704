"""Bring verified files into force, one step at a time; whatever goes wrong, sshd ends up as it was before.

The order is what keeps a machine reachable that loses power between two steps: the files sshd will read come
first, then the configuration is tried beside the real one (`sshd -t`, `sshd -T`), then it is put in place in one
rename, and only a sshd that presents the new certificate on a connection of ours is taken as done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from daypass.errors import DaypassError, Misconfigured, Unavailable
from daypass.host import dropin, files, reload
from daypass.host.settings import Paths
from daypass.host.sshd import Effective, Sshd
from daypass.wire import Certificate

__all__ = ["Installation", "OurFile", "Outcome", "explained"]


@dataclass(frozen=True, slots=True)
class OurFile:
    """A file to write: bytes and mode."""

    path: Path
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of sshd: `proven` says that it presented the new certificates."""

    proven: bool
    configuration: Path


@dataclass(slots=True)
class Installation:
    """One way from the old state to the new. `run` goes it; `steps` is the way itself, for tests that stop midway."""

    paths: Paths
    sshd: Sshd
    certificates: Sequence[tuple[Path, Certificate]]
    wanted: Sequence[OurFile]  # in the order they come into force
    state: OurFile  # written last: a host is enrolled once sshd has shown it
    with_reload: bool = True
    _reloaded: reload.Running | None = field(default=None, init=False)
    _proven: bool = field(default=False, init=False)
    _made: list[Path] = field(default_factory=list, init=False)

    def run(self) -> Outcome:
        """All steps, or none. Raises what went wrong, after everything was put back and sshd reloaded."""
        drop_in = self._drop_in()
        before = [files.Snapshot.take(path) for path in (drop_in.path, *self._touched())]
        try:
            for _ in self.steps():
                pass
        except BaseException as error:
            raise explained(error, self._roll_back(before)) from error
        return Outcome(self._proven, drop_in.path)

    def steps(self) -> Iterator[str]:
        """Each step's name, after it was done. Stopping anywhere leaves an sshd that starts and lets people in."""
        yield from self._make_folders()
        for each in self.wanted:
            files.write(each.path, each.content, each.mode)
            yield f"{each.path} written"
        for path in self._stale():
            files.remove(path)
            yield f"{path} removed"
        drop_in = self._drop_in()
        self._try_beside()
        yield "configuration tried beside the real one"
        yield from self._put_in_place(drop_in)
        effective = self._check_in_force()
        yield "configuration in force"
        if self.with_reload:
            yield from self._reload(effective)
        files.write(self.state.path, self.state.content, self.state.mode)
        yield f"{self.state.path} written"

    def _drop_in(self) -> dropin.DropIn:
        return dropin.place(self.sshd, self.paths, self._lines())

    def _lines(self) -> list[str]:
        return dropin.lines(self.paths, [path for path, _ in self.certificates])

    def _touched(self) -> list[Path]:
        return [*(each.path for each in self.wanted), *self._stale(), self.state.path, self._backup]

    @property
    def _backup(self) -> Path:
        """The owner's sshd_config, as it was before we wrote into it for the first time."""
        return self.paths.memory / "sshd_config.before"

    def _stale(self) -> list[Path]:
        """Files of earlier runs that nothing of ours stands for any more: an account that lost its last role."""
        current = {*(each.path for each in self.wanted), self.paths.break_glass}
        folders = (self.paths.ours, self.paths.principals)
        found = [each for folder in folders if folder.is_dir() for each in sorted(folder.iterdir())]
        return [each for each in found if each not in current and each.is_file()]

    def _make_folders(self) -> Iterator[str]:
        for path, mode in ((self.paths.ours, 0o755), (self.paths.principals, 0o755), (self.paths.memory, 0o700)):
            if files.make_folder(path, mode):
                self._made.append(path)
                yield f"{path} made"

    def _try_beside(self) -> None:
        """Our lines ahead of the whole configuration, in a file sshd does not use."""
        beside = self.paths.memory / "sshd_config.candidate"
        try:
            files.write(beside, dropin.candidate(self.sshd.config.read_bytes(), self._lines()), 0o600)
            self.sshd.test(beside)
            self._expect(self.sshd.effective(beside))
        finally:
            beside.unlink(missing_ok=True)

    def _put_in_place(self, drop_in: dropin.DropIn) -> Iterator[str]:
        before = files.Snapshot.take(drop_in.path)
        if before.content == drop_in.content:
            return
        if not drop_in.include and before.content is not None and not dropin.has_block(before.content):
            files.write(self._backup, before.content, 0o600)
            yield "sshd_config backed up"
        mode, owner = (before.mode, before.owner) if before.content is not None else (0o644, None)
        files.write(drop_in.path, drop_in.content, mode, owner)
        yield f"{drop_in.path} written"

    def _check_in_force(self) -> Effective:
        self.sshd.test()
        effective = self.sshd.effective()
        self._expect(effective)
        return effective

    def _expect(self, effective: Effective) -> None:
        """Every one of our lines must be what sshd goes by."""
        for line in self._lines():
            keyword, _, value = line.partition(" ")
            if value.strip('"') not in (each.strip('"') for each in effective.get(keyword.lower(), [])):
                found = ", ".join(effective.get(keyword.lower(), ["nothing"]))
                raise Misconfigured(f"sshd goes by {keyword} {found}, not by {value}", code="host.not-in-force")

    def _reload(self, effective: Effective) -> Iterator[str]:
        running = reload.Running.find(self.sshd, effective)
        if running is None:
            return
        self._reloaded = running
        running.reload()
        yield "sshd reloaded"
        reload.prove([certificate for _, certificate in self.certificates], effective)
        self._proven = True
        yield "sshd presents its new certificate"

    def _roll_back(self, before: Sequence[files.Snapshot]) -> list[str]:
        """Put everything back and say what could not be. sshd's configuration first: it names the other files."""
        troubles = list[str]()
        for snapshot in before:
            try:
                snapshot.restore()
            except OSError as error:
                troubles.append(f"{snapshot.path} could not be put back: {error.strerror}")
        for folder in reversed(self._made):
            with suppress(OSError):
                folder.rmdir()
        if self._reloaded is not None:
            try:
                self._reloaded.reload()
            except DaypassError as error:
                troubles.append(f"{error.message}; start sshd now, before you leave this session")
        return troubles


def explained(error: BaseException, troubles: Sequence[str]) -> BaseException:
    """The same error, saying what is left of the attempt."""
    undone = "; ".join(troubles) or "everything is as it was before"
    if isinstance(error, OSError):
        return Unavailable(f"{error.filename}: {error.strerror}; {undone}", code="host.write")
    if isinstance(error, DaypassError):
        return type(error)(f"{error.message}; {undone}", code=error.code, hint=error.hint)
    return error
