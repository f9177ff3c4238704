"""Break-glass in sshd's configuration (trust 8.5): which file sshd reads for the one account, and where that is said.

A Match block for this account alone, so nobody else's AuthorizedKeysFile is touched, and its own files stay beside
ours. It comes ahead of the owner's Match blocks and of `enforce --certificates-only`: a file of its own that is read
first, or a marked block in front of the first Match. Every spelling is one that sshd 7.4 knows.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from daypass.errors import Misconfigured
from daypass.host import dropin, enforcement, files
from daypass.host.settings import Paths
from daypass.host.sshd import Sshd
from daypass.trusted import BREAK_GLASS
from daypass.wire import PublicKey

__all__ = ["NAME", "key_lines", "keys_in", "owners_files", "place", "removal", "without"]

NAME = "00-daypass-break-glass.conf"
_BEGIN, _END = "# >>> daypass: break-glass >>>", enforcement.GLASS_END
_HEAD = "# Written by daypass from what the offline root has signed; changes made here are lost."
_OPTIONS = f'cert-authority,principals="{BREAK_GLASS}",restrict,pty'
_ADDRESSES = ("127.0.0.1", "198.51.100.7")  # a Match block by address would tell them apart


def key_lines(keys: Sequence[PublicKey]) -> bytes:
    """`/etc/ssh/daypass/break_glass` (sshd(8), AUTHORIZED_KEYS FILE FORMAT)."""
    return "".join(f"{_OPTIONS} {key.line(BREAK_GLASS)}\n" for key in keys).encode()


def keys_in(content: bytes) -> list[PublicKey]:
    """The same read back. Raises Invalid for any other line."""
    rows = content.decode("utf-8", errors="replace").splitlines()
    return [PublicKey.from_line(row.removeprefix(f"{_OPTIONS} ")) for row in rows]


def place(sshd: Sshd, paths: Paths, account: str, own: Sequence[str]) -> dropin.DropIn:
    """Where it goes, and what that file then holds. `own`: the owner's files for this account."""
    named = " ".join([*(each for each in own if each != "none"), str(paths.break_glass)])
    rows = [_HEAD, f"Match User {account}", f"    AuthorizedKeysFile {named}"]
    folder = dropin.included_folder(sshd, paths)
    if folder is not None:
        return dropin.DropIn(folder / NAME, "\n".join([*rows, ""]).encode(), include=True)
    return dropin.DropIn(sshd.config.resolve(), _with_block(sshd.config.read_bytes(), rows), include=False)


def removal(sshd: Sshd) -> list[tuple[Path, bytes | None]]:
    """What takes it out of sshd's configuration again: files and their content, None for none."""
    config = sshd.config.resolve()
    found = list[tuple[Path, bytes | None]]()
    if (plain := without(content := config.read_bytes())) != content:
        found.append((config, plain))
    own = (folder / NAME for folder in dropin.folders(sshd))
    return [*found, *((each, None) for each in own if each.is_file())]


def without(config: bytes) -> bytes:
    """sshd_config as it was without our block."""
    before, begin, rest = config.partition(f"{_BEGIN}\n".encode())
    _, end, after = rest.partition(f"{_END}\n".encode())
    return before + after if begin and end else config


def _with_block(config: bytes, rows: Sequence[str]) -> bytes:
    """In front of the first Match, and of our own block that has one."""
    config = without(config)
    old = config.splitlines(keepends=True)
    first = next((at for at, row in enumerate(old) if _begins_match(row)), len(old))
    head = b"".join(old[:first])
    if head and not head.endswith(b"\n"):
        head += b"\n"
    return head + "\n".join([_BEGIN, *rows, _END, ""]).encode() + b"".join(old[first:])


def _begins_match(row: bytes) -> bool:
    words = row.replace(b"=", b" ").split()
    return row.startswith(enforcement.BEGIN.encode()) or bool(words and words[0].lower() == b"match")


def owners_files(sshd: Sshd, paths: Paths, account: str) -> list[str]:
    """Where the owner has sshd look for this account's keys, by a copy of the configuration without ours.

    Raises Misconfigured where that depends on the address somebody comes from.
    """
    with _as_owner_has_it(sshd, paths) as copy:
        found = [sshd.effective_for(account, each, copy).get("authorizedkeysfile", []) for each in _ADDRESSES]
    if found[0] != found[1]:
        raise Misconfigured(
            f"sshd reads other AuthorizedKeysFiles for {account} by the address somebody comes from",
            code="host.break-glass",
            hint=f"say one AuthorizedKeysFile for {account}",
        )
    return " ".join(found[0]).split()


@contextmanager
def _as_owner_has_it(sshd: Sshd, paths: Paths) -> Iterator[Path]:
    files.make_folder(paths.memory, 0o700)
    folder = Path(tempfile.mkdtemp(prefix="owners-", dir=paths.memory))
    try:
        text = enforcement.without(without(sshd.config.read_bytes())).decode("utf-8", errors="surrogateescape")
        for number, each in enumerate(dict.fromkeys(dropin.folders(sshd))):
            if each.is_dir():
                copy = folder / str(number)
                shutil.copytree(each, copy, ignore=shutil.ignore_patterns(NAME, enforcement.NAME))
                text = text.replace(f"{each}/*", f"{copy}/*")
        config = folder / "sshd_config"
        files.write(config, text.encode("utf-8", errors="surrogateescape"), 0o600)
        yield config
    finally:
        shutil.rmtree(folder, ignore_errors=True)
