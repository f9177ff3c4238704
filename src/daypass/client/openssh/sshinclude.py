"""The one marked block at the top of ~/.ssh/config, and taking it out again byte for byte.

A symlinked file is followed, its mode and every other byte are kept. What was not there before (the file, the
folder) is noted, and is not there afterwards.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from daypass.client.settings import Settings, write_file
from daypass.errors import Misconfigured

__all__ = ["Change", "change", "clean_up", "is_there", "note_before", "plan_add", "plan_remove"]

_BEGIN = b"# >>> daypass: daypass ssh-config --remove takes these lines out >>>\n"
_END = b"# <<< daypass <<<\n"
_BEGINS, _ENDS = (re.compile(rb"^" + re.escape(each.strip()) + rb"[ \t]*\r?(\n|\Z)", re.M) for each in (_BEGIN, _END))


@dataclass(frozen=True, slots=True)
class Change:
    """What a file is and what it is to be; None where there is none."""

    path: Path
    before: bytes | None
    after: bytes | None

    @property
    def is_needed(self) -> bool:
        return self.before != self.after

    def diff(self) -> str:
        """As `diff -u` shows it."""
        lines = difflib.unified_diff(
            _lines(self.before), _lines(self.after), _label(self.path, self.before), _label(self.path, self.after)
        )
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)

    def apply(self) -> None:
        """Make it so, at once, keeping the file's mode."""
        if self.after is None:
            self.path.unlink(missing_ok=True)
        else:
            mode = stat.S_IMODE(self.path.stat().st_mode) if self.before is not None else 0o600
            write_file(self.path, self.after, mode)


def change(path: Path, after: bytes | None) -> Change:
    """From what the file holds now."""
    return Change(path, _read(path), after)


def plan_add(settings: Settings) -> Change:
    """Our block first in ~/.ssh/config, and nothing else touched."""
    path = _target(settings)
    before = _read(path)
    include = f'Include "{settings.home.as_posix()}/contexts/*/ssh_config"\n'.encode()
    return Change(path, before, _BEGIN + include + _END + _without_block(before or b"", path))


def is_there(settings: Settings) -> bool:
    """Whether our block stands in ~/.ssh/config."""
    return _BEGINS.search(_read(_target(settings)) or b"") is not None


def plan_remove(settings: Settings) -> Change:
    """~/.ssh/config as it was before, gone where there was none."""
    path = _target(settings)
    before = _read(path)
    if before is None:
        return Change(path, None, None)
    after = _without_block(before, path)
    ours_alone = not after and _record(settings).get("made_file") is True
    return Change(path, before, None if ours_alone else after)


def note_before(settings: Settings) -> None:
    """Keep what plan_remove and clean_up have to know. The first note counts."""
    if not settings.ssh_record.exists():
        made_file, made_folder = not _target(settings).exists(), not settings.ssh_folder.exists()
        write_file(settings.ssh_record, json.dumps({"made_file": made_file, "made_folder": made_folder}))


def clean_up(settings: Settings) -> None:
    """After the removal: a folder we made and nobody has used since, and the note."""
    if _record(settings).get("made_folder") is True and settings.ssh_folder.is_dir():
        try:
            settings.ssh_folder.rmdir()
        except OSError:
            return
    settings.ssh_record.unlink(missing_ok=True)


def _record(settings: Settings) -> dict[str, object]:
    try:
        record = json.loads(settings.ssh_record.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _target(settings: Settings) -> Path:
    """The file itself: a symlink leads somewhere that is kept in a repository, say, and stays one."""
    return Path(os.path.realpath(settings.ssh_folder / "config"))


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Misconfigured(f"can't read {path}: {error.strerror}", hint="is it yours? ls -l shows it") from error


def _without_block(content: bytes, path: Path) -> bytes:
    """An editor may have ended its lines as Windows does."""
    begin = _BEGINS.search(content)
    if begin is None:
        return content
    end = _ENDS.search(content, begin.end())
    if end is None:
        raise Misconfigured(
            f"the daypass block in {path} has lost its last line",
            hint=f"take the block out by hand, or put back the line: {_END.decode().strip()}",
        )
    return _without_block(content[: begin.start()] + content[end.end() :], path)


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", "replace").splitlines(keepends=True)


def _label(path: Path, content: bytes | None) -> str:
    return "/dev/null" if content is None else str(path)
