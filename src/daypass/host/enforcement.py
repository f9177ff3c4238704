"""Certificates only: the lines that close the old doors of sshd, where they stand, and what stands against them.

They are a Match block. Of Match blocks the first counts, and each beats what stands outside of all of them; so ours
comes ahead of the owner's: a file of its own that is read first, or, without an Include, a marked block in front of
the first Match. Every spelling is one that sshd 7.4 knows, and knows inside of Match.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from daypass.errors import Conflict, Misconfigured
from daypass.host import dropin, files
from daypass.host.settings import Paths
from daypass.host.sshd import Directive, Effective, Sshd

__all__ = [
    "BEGIN",
    "GLASS_END",
    "NAME",
    "State",
    "beside",
    "check_ahead",
    "check_effective",
    "lines",
    "own_files",
    "place",
    "without",
]

NAME = "00-daypass-certificates-only.conf"
BEGIN, _END = "# >>> daypass: certificates only >>>", "# <<< daypass: certificates only <<<"
GLASS_END = "# <<< daypass: break-glass <<<"  # of the block that stays ahead of ours (`glassfile`)
_HEAD = "# Written by `daypass host enforce`; `daypass host enforce --off` takes it away."

# AuthorizedKeysFile none: no key of one's own. AuthenticationMethods publickey: nothing that is typed, by PAM either.
_KEYS = "AuthorizedKeysFile none"
_COMMAND = "AuthorizedKeysCommand none"  # said only where there is one: inside of Match sshd reads it as a path
_METHODS = ("AuthenticationMethods publickey", "PasswordAuthentication no", "KbdInteractiveAuthentication no")
_ALWAYS = ("HostbasedAuthentication no",)
_OPENING = frozenset({
    "authorizedkeysfile", "authorizedkeyscommand", "authenticationmethods", "passwordauthentication",
    "kbdinteractiveauthentication", "challengeresponseauthentication", "hostbasedauthentication",
    "gssapiauthentication",
})  # fmt: skip


class State(msgspec.Struct, frozen=True, kw_only=True):
    """`/var/lib/daypass/enforce.json`. Until it is confirmed, `deadline` says when it is taken back."""

    id: str  # random: what was to take back an earlier one leaves this alone
    sshd: str  # the program, and its configuration file
    config: str
    path: str  # that our lines stand in
    exceptions: list[str]
    since: int  # unix seconds
    deadline: int = 0  # unix seconds; 0: it is confirmed

    @property
    def confirmed(self) -> bool:
        return self.deadline == 0

    @classmethod
    def load(cls, path: Path) -> State | None:
        """None where nothing is enforced. Misconfigured where the file can't be understood."""
        files.check(path)
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            hint = "take it back: daypass host enforce --off"
            raise Misconfigured(f"{path} can't be understood: {error}", code="host.enforce", hint=hint) from error

    def encode(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def lines(sshd: Sshd, exceptions: Iterable[str]) -> list[str]:
    """A second factor that the owner asks everybody for stays; Conflict where only some are asked for one."""
    found = list(sshd.directives())
    own = [each for each in found if each.keyword == "authenticationmethods"]
    command = [_COMMAND] if any(each.keyword == "authorizedkeyscommand" for each in found) else []
    wanting = [each for each in own if any(_asks_for_more(one) for one in each.arguments)]
    methods = [] if wanting else [*_METHODS]
    if wanting and (all(each.in_match for each in own) or not all(map(_has_key, own))):
        raise Conflict(
            f"{wanting[0].place} asks for more than a key, and other logins need none",
            code="host.sshd-conflict",
            hint="say AuthenticationMethods once, for everybody, with publickey in each list; or take it out",
        )
    whom = ",".join(["*", *(f"!{each}" for each in sorted(exceptions))])
    return [f"Match User {whom}", *(f"    {each}" for each in (_KEYS, *command, *methods, *_ALWAYS))]


def _asks_for_more(methods: str) -> bool:
    return methods not in ("any", "publickey")


def _has_key(directive: Directive) -> bool:
    return all("publickey" in each.split(",") for each in directive.arguments)


def place(sshd: Sshd, paths: Paths, ours: Sequence[str]) -> dropin.DropIn:
    """Where they go, and what that file then holds."""
    folder = dropin.included_folder(sshd, paths)
    if folder is not None:
        return dropin.DropIn(folder / NAME, "\n".join([_HEAD, *ours, ""]).encode(), include=True)
    config = sshd.config.read_bytes()
    return dropin.DropIn(sshd.config.resolve(), _with_block(config, ours), include=False)


def own_files(sshd: Sshd) -> list[Path]:
    """Files of ours that sshd includes."""
    return [each for folder in dropin.folders(sshd) if (each := folder / NAME).is_file()]


def beside(sshd: Sshd, ours: Sequence[str]) -> bytes:
    """The whole of sshd_config with them, to be tried in a file that sshd does not use."""
    return _with_block(sshd.config.read_bytes(), ours)


def without(config: bytes) -> bytes:
    """sshd_config as it was without our block."""
    before, begin, rest = config.partition(f"{BEGIN}\n".encode())
    _, end, after = rest.partition(f"{_END}\n".encode())
    return before + after if begin and end else config


def _with_block(config: bytes, ours: Sequence[str]) -> bytes:
    """In front of the owner's first Match, behind our own of break-glass; at the end where there is none."""
    config = without(config)
    rows = config.splitlines(keepends=True)
    glass = next((number + 1 for number, row in enumerate(rows) if row.startswith(GLASS_END.encode())), 0)
    first = next((number for number, row in enumerate(rows) if number >= glass and _is_match(row)), len(rows))
    head = b"".join(rows[:first])
    if head and not head.endswith(b"\n"):
        head += b"\n"
    block = "\n".join([BEGIN, _HEAD, *ours, _END, ""]).encode()
    return head + block + b"".join(rows[first:])


def _is_match(row: bytes) -> bool:
    words = row.replace(b"=", b" ").split()
    return bool(words) and words[0].lower() == b"match"


def check_ahead(sshd: Sshd, drop_in: dropin.DropIn) -> None:
    """Conflict where a Match block of the owner's ahead of ours leaves a door open: there it would win."""
    for each in _ahead(sshd, drop_in):
        if each.in_match and each.keyword in _OPENING and not _is_glass(each):
            raise Conflict(
                f"{each.place} sets {each.keyword} in a Match block that sshd reads first",
                code="host.sshd-conflict",
                hint="take it out, or move it to the end of sshd_config",
            )


def _is_glass(directive: Directive) -> bool:
    """Break-glass's own line, ahead of ours for one account: while ours holds it names no file of the owner's."""
    return directive.keyword == "authorizedkeysfile" and [Path(each).parts[-4:] for each in directive.arguments] == [
        ("etc", "ssh", "daypass", "break_glass")
    ]


def _ahead(sshd: Sshd, drop_in: dropin.DropIn) -> Iterator[Directive]:
    rows = drop_in.content.decode(errors="replace").splitlines()
    start = 0 if drop_in.include else rows.index(BEGIN)
    for each in sshd.directives():
        if each.file.resolve() == drop_in.path.resolve() and each.number > start:
            return
        yield each


def check_effective(sshd: Sshd, config: Path | None, ours: Sequence[str], accounts: Iterable[str]) -> None:
    """For each of these accounts our lines must be what sshd goes by, wherever they come from."""
    for account in accounts:
        for address in ("127.0.0.1", "198.51.100.7"):
            _expect(sshd.effective_for(account, address, config), ours, account)


def _expect(effective: Effective, ours: Sequence[str], account: str) -> None:
    for keyword, _, value in (each.strip().partition(" ") for each in ours[1:]):
        found = effective.get(keyword.lower(), [])
        if found not in ([value], [] if value == "none" else [value]):
            said = ", ".join(found) or "nothing"
            raise Misconfigured(
                f"for {account} sshd goes by {keyword} {said}, not by {value}", code="host.not-in-force"
            )
