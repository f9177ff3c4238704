"""An account of a person's own is locked, and opened again (trust 6.7): it expires, no certificate admits to it, and
nothing of it runs. Never a locked password alone: that lets certificates in."""

from __future__ import annotations

from daypass.errors import Misconfigured
from daypass.host import files, processes, tools
from daypass.host.accounts import Memory as MadeMemory
from daypass.host.alone import alone
from daypass.host.passwd import read_accounts
from daypass.host.remains.memory import Locked, Memory
from daypass.host.remains.places import Place
from daypass.host.settings import Paths

__all__ = ["expires", "lock", "unlock"]

_LOCKED = "1"  # the second day of 1970: an account that has expired
_PATIENCE = 60.0


def lock(paths: Paths, place: Place, ending: str, memory: Memory) -> list[int]:
    """The pids that go on whatever was tried. What it was is remembered before it is changed.

    Raises Misconfigured where the system's own programs do not do it.
    """
    before, known = expires(paths, place.account), memory.locked.get(place.account)
    if known is not None or before != _LOCKED:  # else somebody else has locked it: it is theirs to open
        was = known.before if known is not None and known.uid == place.uid else before
        ids = sorted({ending, *(known.endings if known is not None else ())})
        memory.locked = {**memory.locked, place.account: Locked(uid=place.uid, before=was, endings=ids)}
        memory.save(paths)
    if before != _LOCKED:
        _usermod(_LOCKED, place.account)
    if place.account in memory.locked:
        with alone(paths, patience=_PATIENCE):
            if (paths.principals / place.account).exists():
                files.remove(paths.principals / place.account)
    return processes.end_all(place.uid)


def unlock(paths: Paths, account: str, ending: str, memory: Memory) -> bool:
    """Whether it is open again; the next word of the CA writes its principals. Another ending may still hold it."""
    known = memory.locked[account]
    left = [each for each in known.endings if each != ending]
    entry, made = read_accounts(paths.passwd).get(account), MadeMemory.load(paths.made_accounts).made.get(account)
    by_sync = made is not None and made.locked  # it does what the CA says of the person
    if not left and not by_sync and entry is not None:
        if entry.uid != known.uid:
            raise Misconfigured(f"{account} has another uid than the account that was locked", code="host.account")
        if expires(paths, account) == _LOCKED:
            _usermod(known.before, account)
    others = {name: each for name, each in memory.locked.items() if name != account}
    still = {account: Locked(uid=known.uid, before=known.before, endings=left)} if left else {}
    memory.locked = {**others, **still}
    memory.save(paths)
    return not left


def expires(paths: Paths, account: str) -> str:
    """The day of its line in shadow(5), "" for never. Misconfigured where it has no line."""
    try:
        lines = paths.shadow.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise Misconfigured(f"{paths.shadow} can't be read: {error.strerror}", code="host.shadow") from error
    for fields in (line.split(":") for line in lines):
        if len(fields) >= 8 and fields[0] == account:
            return fields[7]
    raise Misconfigured(f"{account} has no line in {paths.shadow}", code="host.shadow")


def _usermod(day: str, account: str) -> None:
    ran = tools.run([tools.find("usermod", "passwd"), "--expiredate", day, account])
    if ran.code != 0:
        raise Misconfigured(f"usermod failed for {account}: {ran.words or f'exit {ran.code}'}", code="host.usermod")
