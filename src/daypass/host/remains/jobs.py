"""What goes on for an account while nobody is logged in: crontabs, at jobs, linger, units of its own.

Of a job no more is told than where it stands: a command may hold a password.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from daypass.host.remains.asuser import as_user
from daypass.host.remains.found import Found
from daypass.host.remains.look import File, below, read
from daypass.host.remains.places import Place
from daypass.model import shown

__all__ = ["LINGER", "jobs"]

LINGER = "var/lib/systemd/linger"
_CRONTABS = ("var/spool/cron/crontabs", "var/spool/cron/tabs", "var/spool/cron")  # Debian, SUSE, Red Hat
_AT = ("var/spool/cron/atjobs", "var/spool/at", "var/spool/atjobs")
_UNITS = (".config/systemd/user", ".local/share/systemd/user")  # systemd.unit(5), user unit search path
_SETTING = re.compile(rb"[A-Za-z_\"'][^ \t=]*[ \t]*=")
_JOB = re.compile(r"[A-Za-z=][0-9A-Fa-f]{13}")  # queue, number, minute: atd runs no other
_MANY = 10_000  # files of a spool that are looked at


def jobs(place: Place, root: Path) -> Iterator[Found]:
    if place.is_plain:
        yield from _crontabs(place, root)
        yield from _linger(place, root)
        yield from _system_crontabs(place, root) if place.own else ()
    yield from _at_jobs(place, root)
    yield from _units(place)


def _crontabs(place: Place, root: Path) -> Iterator[Found]:
    for folder in _CRONTABS:
        file = read(f"{root / folder}/{place.account}")
        if file is not None and (file.error or file.link or _count(file.content)):
            number = f"{_count(file.content)} jobs" if not file.link else "a link"
            yield Found(kind="cron", what=f"{number} in {file.path}", file=file, error=file.error)


def _count(content: bytes) -> int:
    """Lines that are jobs: neither comments nor settings (crontab(5))."""
    lines = [each.strip() for each in content.split(b"\n")]
    return sum(bool(each) and not each.startswith(b"#") and not _SETTING.match(each) for each in lines)


def _system_crontabs(place: Place, root: Path) -> Iterator[Found]:
    """The administrator's, with a field for the account."""
    folder = root / "etc/cron.d"
    names = sorted(os.listdir(folder))[:_MANY] if folder.is_dir() else []  # noqa: PTH208  odd names
    for path in (str(root / "etc/crontab"), *(f"{folder}/{each}" for each in names)):
        file = read(path)
        number = sum(_is_for(each.split(), place.account) for each in (file.content if file else b"").split(b"\n"))
        if number:
            yield Found(kind="cron", what=f"{number} jobs in {shown(path, 200)}")


def _is_for(words: list[bytes], account: str) -> bool:
    if not words or words[0].startswith(b"#") or _SETTING.match(words[0]):
        return False
    at = 1 if words[0].startswith(b"@") else 5
    return len(words) > at + 1 and words[at] == account.encode()


def _at_jobs(place: Place, root: Path) -> Iterator[Found]:
    """Whose a job is says who owns its file."""
    for folder in _AT:
        try:
            with os.scandir(root / folder) as entries:
                some = (each for each, _ in zip(entries, range(_MANY), strict=False))
                mine = sorted(each.path for each in some if _is_job(each, place))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield Found(kind="at", what=f"jobs in {root / folder}", error=error.strerror or "unreadable")
            continue
        for path in mine:
            file = read(path)
            if file is not None:
                yield Found(kind="at", what=f"a job in {shown(path, 200)}", file=file, error=file.error)


def _is_job(entry: os.DirEntry[str], place: Place) -> bool:
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    return found.st_uid == place.uid and stat.S_ISREG(found.st_mode) and _JOB.fullmatch(entry.name) is not None


def _linger(place: Place, root: Path) -> Iterator[Found]:
    """loginctl(1): its services run from the boot on, logged in or not."""
    file = read(f"{root / LINGER}/{place.account}")
    if file is not None:
        yield Found(kind="linger", what="services run while nobody is logged in", file=file)


def _units(place: Place) -> Iterator[Found]:
    folders = [place.home / each for each in _UNITS]
    try:
        files: list[File] = as_user(place.uid, place.gid, lambda: below(folders), list[File])
    except OSError as error:
        yield Found(kind="unit", what="units in the home", error=error.strerror or "unreadable")
        return
    yield from (Found(kind="unit", what=shown(each.path, 200), file=each, error=each.error) for each in files)
