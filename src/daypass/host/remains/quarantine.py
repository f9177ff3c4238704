"""What is taken out of an account, kept so that it can be put back as it was: `/var/lib/daypass/quarantine/`.

    ID        the whole file as it was, byte for byte (of a link: where it led to)
    ID.json   the note: whose it was, where it stood, which lines were taken, for which endings

Both are on the disk before anything is taken, and go after it is back. A kill in between leaves a note too many:
taking it again, or putting it back, finds what there is and does the rest.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from daypass.host import files
from daypass.host.remains.look import File
from daypass.host.remains.moving import Mover
from daypass.host.remains.places import Place
from daypass.host.settings import Paths

__all__ = ["Note", "add_ending", "notes", "put_back", "take"]


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """`file` without its content; `lines`: those that were taken, or None for the whole file. `left`: SHA-256 of
    what was left of it. `what`: as reports have it, a line each. `uid`, `gid`: the account's."""

    id: str
    account: str
    uid: int
    gid: int
    kind: str
    file: File
    lines: tuple[int, ...] | None
    left: str
    what: list[str]
    endings: list[str]
    time: int


def take(
    paths: Paths, place: Place, kind: str, file: File, lines: tuple[int, ...] | None, what: Sequence[str],
    ending: str, now: int,
) -> None:  # fmt: skip
    """Raises OSError where it can't be, or has changed since it was read; then it stands as it stood."""
    rest = None if lines is None else _without(file.content, lines)
    number = sha256(b"\0".join([kind.encode(), file.path.encode(), repr(lines).encode(), file.content])).hexdigest()
    before = _read(paths, number[:16])
    note = Note(
        id=number[:16], account=place.account, uid=place.uid, gid=place.gid, kind=kind, lines=lines,
        file=replace(file, content=b""), left="" if rest is None else sha256(rest).hexdigest(), what=list(what),
        endings=sorted({ending, *(before.endings if before else ())}), time=before.time if before else now,
    )  # fmt: skip
    files.make_folder(paths.quarantine, 0o700)
    files.check_folder(paths.quarantine)
    files.write(paths.quarantine / note.id, file.link or file.content, 0o600)
    _save(paths, note)
    mover = Mover(paths.root, kind, place.account, place.uid, place.gid)
    try:
        mover.put(file, rest)
    except OSError as error:
        if before is None and (error.errno == errno.EAGAIN or _stands(mover, file)):
            _forget(paths, note)
        raise


def _stands(mover: Mover, file: File) -> bool:
    """Whether it was seen to be there as it was: whoever was to take it may have been ended right after it did."""
    try:
        return mover.read(file.path) == file
    except OSError:
        return False


def put_back(paths: Paths, note: Note) -> None:
    """Raises OSError where it can't be: something else stands there now. Then it is kept."""
    mover = Mover(paths.root, note.kind, note.account, note.uid, note.gid)
    content = (paths.quarantine / note.id).read_bytes()
    now = mover.read(note.file.path)
    if note.file.link:
        mover.link(note.file, content, now)
    elif now is None:
        mover.make(replace(note.file, content=content))
    elif now.content != content:
        mover.put(now, _merged(note, content, now))
    _forget(paths, note)


def _merged(note: Note, content: bytes, now: File) -> bytes:
    """As it was, where nobody has touched it since; else with the lines that were taken at its end."""
    if sha256(now.content).hexdigest() == note.left and not now.link:
        return content
    if note.kind not in ("authorized_keys", "cron") or now.link or now.error:
        raise OSError(errno.EEXIST, "something else stands there now", note.file.path)
    here = set(now.content.split(b"\n"))
    every = content.split(b"\n")
    taken = every if note.lines is None else [every[number - 1] for number in note.lines]
    more = [each for each in taken if each and each not in here]
    end = b"" if not now.content or now.content.endswith(b"\n") else b"\n"
    return now.content + end + b"".join(each + b"\n" for each in more)


def notes(paths: Paths) -> Iterator[Note]:
    """By when they were made. One that can't be read is passed over; what it is about stays beside it."""
    found = [_read(paths, each.stem) for each in paths.quarantine.glob("*.json")]
    yield from sorted((each for each in found if each is not None), key=lambda each: (each.time, each.id))


def add_ending(paths: Paths, note: Note, endings: Collection[str]) -> None:
    _save(paths, replace(note, endings=sorted(endings)))


def _without(content: bytes, lines: tuple[int, ...]) -> bytes:
    every = content.split(b"\n")
    return b"\n".join(each for number, each in enumerate(every, 1) if number not in lines)


def _read(paths: Paths, number: str) -> Note | None:
    path = paths.quarantine / f"{number}.json"
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(path.read_bytes(), type=Note)
    return None


def _save(paths: Paths, note: Note) -> None:
    files.write(paths.quarantine / f"{note.id}.json", msgspec.json.format(msgspec.json.encode(note)), 0o600)


def _forget(paths: Paths, note: Note) -> None:
    files.remove(paths.quarantine / f"{note.id}.json")
    files.remove(paths.quarantine / note.id)
