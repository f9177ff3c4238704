"""The files of one configuration: the main one, and those it includes.

Included files are as much trusted as the main one, so nobody but root, the CA's own user and the main file's owner
may be able to write them, or to put others in their place.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from daypass.config.problem import Problem, error, quoted, warning
from daypass.errors import Misconfigured

__all__ = ["MAX_BYTES", "MAX_FILES", "Source", "included", "pattern_faults", "read_main"]

MAX_BYTES = 512 * 1024  # of all files together, far above any honest configuration
MAX_FILES = 256


@dataclass(frozen=True, slots=True)
class Source:
    """One file's bytes, no more than can be a configuration; `name` as messages say it, empty for the main one."""

    path: Path
    content: bytes
    name: str = ""
    owner: int = 0


def read_main(path: Path) -> Source:
    """Raises Misconfigured."""
    try:
        with path.open("rb") as file:
            return Source(path, file.read(MAX_BYTES + 1), owner=os.fstat(file.fileno()).st_uid)
    except FileNotFoundError:
        raise Misconfigured(f"there is no {path}", code="config.missing", hint="make one: daypass ca init") from None
    except OSError as exc:
        raise Misconfigured(f"{path} can't be read: {exc.strerror}", code="config.unreadable") from exc


def included(main: Source, patterns: list[str]) -> tuple[list[Source], list[Problem]]:
    """The files that the main one includes, pattern by pattern, each pattern's in the order of their names."""
    found: dict[Path, Source] = {}
    problems: list[Problem] = []
    left = MAX_BYTES - len(main.content)
    for index, pattern in enumerate(patterns):
        place = f"include[{index}]"
        paths, faults = _matching(main, pattern, place)
        problems += faults
        for path in paths:
            if path in found or left < 0:
                continue
            source = _read(path, path.relative_to(main.path.parent).as_posix(), main, left)
            if isinstance(source, Problem):
                problems.append(source)
                continue
            found[path], left = source, left - len(source.content)
    if left < 0:
        problems.append(error("include", f"all files together are larger than {MAX_BYTES // 1024} KiB"))
    if len(found) > MAX_FILES:
        problems.append(error("include", f"names {len(found)} files; {MAX_FILES} may be included"))
    return list(found.values()), problems


def _matching(main: Source, pattern: str, place: str) -> tuple[list[Path], list[Problem]]:
    if _pattern_fault(pattern, place):
        return [], []  # told with what else is wrong in the file
    relative = PurePosixPath(pattern)
    folder = main.path.parent / relative.parent
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    except FileNotFoundError:
        names = []
    except OSError as exc:
        return [], [error(place, f"{quoted(str(relative.parent))} can't be read: {exc.strerror}")]
    names = [name for name in names if fnmatchcase(name, relative.name)]
    if strange := [name for name in names if not name.isprintable()]:
        return [], [error(place, f"a file's name is {quoted(strange[0])}", "rename it")]
    paths = [folder / name for name in names]
    if main.path in paths:
        return [], [error(place, "includes the file that it stands in", 'name a folder: "roles.d/*.toml"')]
    if not paths:
        wild = any(each in pattern for each in "*?")
        say = warning if wild else error
        return [], [
            say(place, f"{quoted(pattern)} matches no file" if wild else f"there is no file {quoted(pattern)}")
        ]
    return paths, list(_open_to_others(relative, main, place))


def pattern_faults(patterns: list[str]) -> Iterator[Problem]:
    for index, pattern in enumerate(patterns):
        if fault := _pattern_fault(pattern, f"include[{index}]"):
            yield fault


def _pattern_fault(pattern: str, place: str) -> Problem | None:
    parts = pattern.split("/")
    if pattern.startswith("/"):
        return error(place, f"{quoted(pattern)} is absolute", "write it relative to this file's folder")
    if not pattern.isprintable() or "[" in pattern or any(part.startswith(".") or not part for part in parts):
        return error(place, f"{quoted(pattern)} names no files below this file's folder", 'like "roles.d/*.toml"')
    if any(each in part for part in parts[:-1] for each in "*?") or "**" in pattern:
        return error(place, f"{quoted(pattern)} has * or ? in a folder's name", "only the file's name may have them")
    return None


def _open_to_others(relative: PurePosixPath, main: Source, place: str) -> Iterator[Problem]:
    """Whoever can write a folder can rename and remove what is in it."""
    for folder in relative.parents:
        if folder.name and (fault := _fault((main.path.parent / folder).stat(), main)):
            yield error(place, f"the folder {quoted(str(folder))} {fault[0]}", fault[1])


def _read(path: Path, name: str, main: Source, limit: int) -> Source | Problem:
    """A link counts as the file it leads to, if both it and that are in trusted hands."""
    try:
        link = path.lstat()
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as exc:
        return error("", f"can't be read: {exc.strerror}", file=name)
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        return error("", "is not a file", file=name)
    with os.fdopen(descriptor, "rb") as file:
        if fault := _fault(about, main) or (stat.S_ISLNK(link.st_mode) and _fault_of_owner(link, main)):
            return error("", fault[0], fault[1], file=name)
        return Source(path, file.read(limit + 1), name, about.st_uid)


def _fault(about: os.stat_result, main: Source) -> tuple[str, str] | None:
    if about.st_mode & 0o022:
        return "can be written by others", "chmod go-w"
    return _fault_of_owner(about, main)


def _fault_of_owner(about: os.stat_result, main: Source) -> tuple[str, str] | None:
    if about.st_uid in (0, os.geteuid(), main.owner):
        return None
    return f"belongs to somebody else (uid {about.st_uid})", "chown root"
