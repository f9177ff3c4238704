"""Our lines in sshd's configuration: what they say, where they go, and what of the owner's stands against them.

A file of our own in a folder that sshd_config includes; where there is no such Include (sshd before 8.2, or an
owner who took it out), a marked block at the top of sshd_config, ahead of every Match block. In sshd the first
value wins, so lines of the owner that say something else are never overridden in silence: they are a Conflict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from daypass.errors import Conflict
from daypass.host.settings import Paths
from daypass.host.sshd import Effective, Sshd

__all__ = [
    "DropIn",
    "candidate",
    "check_conflicts",
    "folders",
    "has_block",
    "included_folder",
    "lines",
    "match_warnings",
    "place",
    "without_block",
]

NAME = "10-daypass.conf"
_BEGIN, _END = "# >>> daypass >>>", "# <<< daypass <<<"
_HEAD = "# Written by `daypass host enroll`, and written again by it: changes made here are lost."

_OURS = ("trustedusercakeys", "authorizedprincipalsfile", "revokedkeys")
# Without a user CA the command did nothing; with ours it would begin to admit people.
_FOREIGN = (*_OURS, "authorizedprincipalscommand", "hostcertificate")


@dataclass(frozen=True, slots=True)
class DropIn:
    """One file of sshd's configuration and its content with our lines; `include` is false for a marked block."""

    path: Path
    content: bytes
    include: bool


def lines(paths: Paths, certificates: Iterable[Path]) -> list[str]:
    """Our configuration. The three files are named together: one without the others opens or shuts too much."""
    return [
        *(f"HostCertificate {_quoted(each)}" for each in certificates),
        f"TrustedUserCAKeys {_quoted(paths.user_ca)}",
        f"AuthorizedPrincipalsFile {_quoted(paths.principals / '%u')}",
        f"RevokedKeys {_quoted(paths.krl)}",
    ]


def place(sshd: Sshd, paths: Paths, ours: Iterable[str]) -> DropIn:
    """Where `ours` go, and what that file then holds."""
    config = sshd.config.read_bytes()
    folder = None if has_block(config) else included_folder(sshd, paths)
    if folder is not None:
        return DropIn(folder / NAME, "\n".join([_HEAD, *ours, ""]).encode(), include=True)
    return DropIn(sshd.config.resolve(), candidate(config, ours), include=False)


def candidate(config: bytes, ours: Iterable[str]) -> bytes:
    """The whole of sshd_config with our block on top, in place of one that may be there."""
    block = "\n".join([_BEGIN, _HEAD, *ours, _END, ""])
    return block.encode() + without_block(config)


def has_block(config: bytes) -> bool:
    """Whether our lines already stand in it."""
    return _BEGIN.encode() in config


def check_conflicts(sshd: Sshd, effective: Effective, paths: Paths) -> None:
    """Conflict where the owner has set, outside of Match blocks, what we would set."""
    for keyword in _FOREIGN:
        foreign = [value for value in effective.get(keyword, []) if value != "none" and not _is_ours(value, paths)]
        if foreign:
            raise Conflict(
                f"sshd already has {_where(sshd, keyword)} {foreign[0]}",
                code="host.sshd-conflict",
                hint="take that line out of its configuration and run this again; nothing was changed",
            )


def match_warnings(sshd: Sshd) -> list[str]:
    """Lines of the owner in Match blocks that go on winning over ours, for whom they match."""
    return [
        f"{each.place} sets {each.keyword} for some logins: there it wins over daypass"
        for each in sshd.directives()
        if each.in_match and each.keyword in _FOREIGN
    ]


def _where(sshd: Sshd, keyword: str) -> str:
    """The owner's spelling is lost in `sshd -T`; its place is what helps."""
    places = [each.place for each in sshd.directives() if each.keyword == keyword and not each.in_match]
    return f"{keyword} ({', '.join(places)})" if places else keyword


def _is_ours(value: str, paths: Paths) -> bool:
    return Path(value.strip('"')).is_relative_to(paths.ours)


def included_folder(sshd: Sshd, paths: Paths) -> Path | None:
    """The folder of the first Include that reads every *.conf in it, ahead of any Match block."""
    for folder in folders(sshd):
        if folder.is_dir() and folder.resolve().is_relative_to(paths.root.resolve()):
            return folder
    return None


def folders(sshd: Sshd) -> Iterator[Path]:
    """Every folder that sshd_config itself includes the *.conf of."""
    for each in sshd.directives():
        if each.keyword == "include" and not each.in_match and each.file == sshd.config:
            for pattern in map(Path, each.arguments):
                if pattern.is_absolute() and pattern.name in ("*.conf", "*"):
                    yield pattern.parent


def without_block(config: bytes) -> bytes:
    """sshd_config as it was without ours."""
    before, begin, rest = config.partition(f"{_BEGIN}\n".encode())
    _, end, after = rest.partition(f"{_END}\n".encode())
    return before + after if begin and end else config


def _quoted(path: Path) -> str:
    return f'"{path}"' if " " in str(path) else str(path)
