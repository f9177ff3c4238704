"""sshd as its owner has set it up: its configuration in force, where each line stands, and what sshd says to it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daypass.errors import Misconfigured
from daypass.host import tools

__all__ = ["Directive", "Effective", "Sshd"]

_COMPILED_IN = Path("/etc/ssh")  # where sshd looks for an Include that is not absolute
_MAX_DEPTH = 16  # sshd's own limit
_BOOTED = Path("/run/systemd/system")  # sd_booted(3)
_NOT_STARTED = "Missing privilege separation directory"  # sshd -t too wants what its unit makes at its start

Effective = dict[str, list[str]]
"""`sshd -T`: keyword in lower case -> the value of each of its lines. What is not set is "none" or missing."""


@dataclass(frozen=True, slots=True)
class Directive:
    """One line of the configuration, and whether a Match block limits it."""

    file: Path
    number: int
    keyword: str
    arguments: tuple[str, ...]
    in_match: bool

    @property
    def place(self) -> str:
        return f"{self.file}:{self.number}"


@dataclass(frozen=True, slots=True)
class Sshd:
    """A program and its configuration file, both absolute."""

    binary: Path
    config: Path

    def test(self, config: Path | None = None) -> None:
        """`sshd -t`; Misconfigured in sshd's own words where it would not start."""
        self._ask("-t", config)

    def effective(self, config: Path | None = None) -> Effective:
        """`sshd -T`: what holds outside of Match blocks."""
        return _effective(self._ask("-T", config))

    def effective_for(self, account: str, address: str, config: Path | None = None) -> Effective:
        """What holds for a login to this account from this address. All three words: sshd 7.4 wants them."""
        return _effective(self._ask("-T", config, "-C", f"user={account},host={address},addr={address}"))

    def directives(self) -> Iterator[Directive]:
        """Every line in the order sshd reads them, included files at their place."""
        return _directives(self.config, in_match=False, depth=0)

    def _ask(self, question: str, config: Path | None, *more: str) -> str:
        command: list[str | Path] = [self.binary, question, "-f", config or self.config, *more]
        ran = tools.run(command)
        asleep = ran.code != 0 and _NOT_STARTED in ran.words
        if asleep and _started_as_by_a_connection():
            ran = tools.run(command)
        if ran.code != 0:
            raise Misconfigured(
                f"sshd refuses its configuration: {ran.words or f'exit {ran.code}'}",
                code="host.sshd",
                hint="start sshd first: systemctl start ssh (sshd elsewhere)" if asleep else None,
            )
        return ran.out


def _started_as_by_a_connection() -> bool:
    """Where systemd listens for sshd (ssh.socket) and nobody has come yet, it runs as after the first connection."""
    if not _BOOTED.is_dir():
        return False
    return any(
        _listens(f"{name}.socket") and tools.run(["systemctl", "start", f"{name}.service"]).code == 0
        for name in ("ssh", "sshd")
    )


def _listens(unit: str) -> bool:
    """For one sshd that takes the socket over; the other kind, of an sshd for each connection, conflicts with it."""
    told = tools.run(["systemctl", "show", "--property=ActiveState,Accept", unit]).out.split()
    return {"ActiveState=active", "Accept=no"} <= set(told)


def _effective(told: str) -> Effective:
    found = Effective()
    for line in told.splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword.lower(), []).append(value)
    return found


def _directives(file: Path, *, in_match: bool, depth: int) -> Iterator[Directive]:
    """A Match block ends with the file it stands in, as sshd has it."""
    for number, line in enumerate(_lines(file), 1):
        keyword, arguments = _split(line)
        if keyword == "match":
            in_match = True
        elif keyword:
            yield Directive(file, number, keyword, arguments, in_match)
        if keyword == "include" and depth < _MAX_DEPTH:
            for each in _included(arguments):
                yield from _directives(each, in_match=in_match, depth=depth + 1)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise Misconfigured(f"{file} can't be read: {error.strerror}", code="host.sshd-config") from error


def _split(line: str) -> tuple[str, tuple[str, ...]]:
    """Keyword in lower case and arguments; `Keyword=value` is one of sshd's spellings."""
    head, equals, rest = line.partition("=")
    if equals and len(head.split()) == 1:
        line = f"{head} {rest}"
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        words = line.split()
    return (words[0].lower(), tuple(words[1:])) if words else ("", ())


def _included(patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        absolute = _COMPILED_IN / pattern
        yield from sorted(Path(absolute.anchor).glob(str(absolute.relative_to(absolute.anchor))))
