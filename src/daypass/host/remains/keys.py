"""Keys that let somebody into an account: every file that sshd reads for it, line by line.

The files are those that `sshd -T` names for the account, and those that a Match block names by account or home: which
address somebody comes from is not known before.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daypass.errors import DaypassError
from daypass.host.remains.asuser import as_user
from daypass.host.remains.found import Found
from daypass.host.remains.keylines import KeyLine, key_lines
from daypass.host.remains.look import File, read
from daypass.host.remains.places import Place
from daypass.host.settings import Paths
from daypass.host.sshd import Effective, Sshd
from daypass.model import shown

__all__ = ["Keys"]

_STANDARD = (".ssh/authorized_keys", ".ssh/authorized_keys2")
_SOME_ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Keys:
    """`sshd` is None where there is none: then the standard files are looked at."""

    sshd: Sshd | None
    root: Path

    def found(self, place: Place) -> Iterator[Found]:
        """A key each; who is meant by it is not judged. What can't be read is said."""
        patterns, said = self._patterns(place)
        yield from said
        names = list(dict.fromkeys(_expanded(each, place, self.root) for each in patterns))
        try:
            files = _read_all(names, place)
        except OSError as error:
            yield Found(
                kind="authorized_keys", what="the files that sshd reads", error=error.strerror or "unreadable"
            )
            return
        for file in files:
            yield from _in(file) if file is not None else ()

    def _patterns(self, place: Place) -> tuple[list[str], list[Found]]:
        if self.sshd is None:
            return [*_STANDARD], []
        try:
            effective = self.sshd.effective_for(place.account, _SOME_ADDRESS)
            by_match = list(_by_match(self.sshd))
        except DaypassError as error:
            return [*_STANDARD], [Found(kind="authorized_keys", what="what sshd goes by", error=error.message)]
        glass = str(Paths(self.root).break_glass)  # nobody's: the offline root says what stands in it
        named = [
            each
            for line in effective.get("authorizedkeysfile", [])
            for each in _words(line)
            if each not in ("none", glass)
        ]
        return [*named, *by_match], list(_by_command(effective))


def _read_all(names: list[str], place: Place) -> list[File | None]:
    found: list[File | None] = as_user(
        place.uid, place.gid, lambda: [read(each) for each in names], list[File | None]
    )
    return found


def _by_match(sshd: Sshd) -> Iterator[str]:
    """Only what can be nobody else's file."""
    for each in sshd.directives():
        if each.keyword == "authorizedkeysfile" and each.in_match:
            yield from (
                name for name in each.arguments if not name.startswith("/") or {"%u", "%U", "%h"} & {*_codes(name)}
            )


def _by_command(effective: Effective) -> Iterator[Found]:
    """Whatever the program answers at the next login: that is not known before."""
    command = effective.get("authorizedkeyscommand", ["none"])[0]
    if command != "none":
        program = shown((_words(command) or [command])[0], 120)
        yield Found(kind="authorized_keys", what=f"keys that AuthorizedKeysCommand gives: {program}", theirs=False)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _codes(pattern: str) -> Iterator[str]:
    yield from (pattern[at : at + 2] for at, each in enumerate(pattern) if each == "%")


def _expanded(pattern: str, place: Place, root: Path) -> str:
    """sshd_config(5), TOKENS of AuthorizedKeysFile; one that is not absolute is below the home."""
    home = str(place.home)
    tokens = {"%": "%", "h": home, "u": place.account, "U": str(place.uid)}
    parts, rest = list[str](), pattern
    while "%" in rest:
        before, _, rest = rest.partition("%")
        parts += [before, tokens.get(rest[:1], f"%{rest[:1]}")]
        rest = rest[1:]
    name = "".join([*parts, rest])
    if name.startswith("/"):
        inside = root == Path("/") or name.startswith(f"{root}/")
        return name if inside else f"{root}{name}"
    return f"{home}/{name}"


def _in(file: File) -> Iterator[Found]:
    if file.error:
        yield Found(kind="authorized_keys", what=shown(file.path, 200), file=file, error=file.error)
    for each in key_lines(file.content):
        yield Found(kind="authorized_keys", what=_text(each, file), file=file, line=each)


def _text(key: KeyLine, file: File) -> str:
    what = "whatever is signed by " if key.ca else ""
    comment = f" {shown(key.comment)}" if key.comment else ""
    link = " (a link)" if file.link else ""
    return f"{what}{key.print or 'a key'} {key.type}{comment} in {shown(file.path, 200)}{link}, line {key.number}"
