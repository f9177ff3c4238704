"""Break-glass on a host (trust 8.5): what the offline root has signed, brought into force.

    wanted    the keys and the one account of the trust document; nothing where the owner's `never` names the account
    keys      a file of root's that sshd reads for this account; it stays when certificates alone are let in, and
              while the list of revoked ones names the user CA itself
    sshd      a Match block of its own (`glassfile`), tried, seen in force, and undone where it is not

The trust document alone is gone by: no bundle, and so no web process and no database, adds a key. What stands
against it on this machine is remembered and said; it never keeps a sync from its work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from daypass import trusted
from daypass.api import TrustDocument
from daypass.errors import DaypassError, Misconfigured
from daypass.host import enforcement, files, glassfile, reload
from daypass.host.account import Gate
from daypass.host.calls import certificates
from daypass.host.change import Change, NewFile
from daypass.host.documents import Documents
from daypass.host.passwd import every_name, read_accounts
from daypass.host.settings import Paths, Settings
from daypass.host.sshd import Effective, Sshd
from daypass.host.state import State
from daypass.wire import PublicKey

__all__ = ["Kept", "bring", "bring_again", "in_force", "opens"]

_AGAIN = 1800  # seconds until what could not be done is tried again
_NO_ROOT = ("no", "forced-commands-only")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """`/var/lib/daypass/break-glass.json`. `mark`: a digest of what was wanted when it was done; `said`: what stands
    against it, `told` what is not as it should be although it is in force. `refused`: by the owner's `never`."""

    mark: str
    account: str
    keys: list[str] = []  # fingerprints of those in force
    said: str = ""
    told: str = ""
    refused: bool = False
    done_at: int = 0

    @classmethod
    def load(cls, path: Path) -> Kept | None:
        """A broken one is done again."""
        files.check(path)
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):
            return None


@dataclass(frozen=True, slots=True)
class _Wanted:
    keys: tuple[PublicKey, ...] = ()
    account: str = ""
    against: str = ""
    refused: bool = False


def bring(paths: Paths, state: State, trust: TrustDocument, now: float, *, with_reload: bool = True) -> list[Path]:
    """Files that were written or taken away. `trust` is verified; the caller holds the lock. Never raises: what went
    wrong stands in `Kept`, and everything is as it was."""
    try:
        return _bring(paths, state, trust, now, with_reload)
    except (
        DaypassError,
        OSError,
    ):  # a disk that is full, or a file that others may write to: both are said elsewhere
        return []


def _bring(paths: Paths, state: State, trust: TrustDocument, now: float, with_reload: bool) -> list[Path]:
    wanted = _wanted(paths, trust)
    kept, mark = Kept.load(paths.break_glass_state), _mark(paths, wanted)
    if not wanted.account and kept is None:
        return []
    if kept is not None and kept.mark == mark and _still(paths, kept, now):
        return []
    new, changed = _done(paths, state, wanted, mark, int(now), with_reload)
    if not wanted.account and not new.said:
        files.remove(paths.break_glass_state)
    else:
        files.write(paths.break_glass_state, msgspec.json.encode(new), 0o600)
    return changed


def bring_again(paths: Paths, now: float) -> None:
    """By the documents that are kept here, for whoever has changed what else sshd goes by."""
    state = State.load(paths.state)
    kept = Documents.load(paths, state) if state is not None else None
    if state is not None and kept is not None:
        bring(paths, state, kept.trust, now)


def in_force(paths: Paths) -> Kept | None:
    """None where there is nothing of it, or the owner has nothing to do with it."""
    kept = Kept.load(paths.break_glass_state)
    return kept if kept is not None and kept.keys else None


def opens(paths: Paths) -> frozenset[str]:
    """Fingerprints of the keys whose certificates sshd lets in by it; none where the file can't be read."""
    return Gate.look(paths).break_glass


def _wanted(paths: Paths, trust: TrustDocument) -> _Wanted:
    account = trust.break_glass_account if trust.break_glass else ""
    if (problem := trusted.break_glass_problem(trust)) is not None:
        return _Wanted(account=account or "?", against=f"what the trust document says can't be: {problem}")
    if not account:
        return _Wanted()
    try:
        here, never = read_accounts(paths.passwd), Settings.load(paths.settings).never
    except DaypassError as error:
        return _Wanted(account=account, against=error.message)
    if account in every_name(never, here):
        return _Wanted(account=account, against="never in host.toml names the account", refused=True)
    if account not in here:
        return _Wanted(account=account, against=f"there is no account {account} here: useradd {account}")
    return _Wanted(trusted.public_keys(trust.break_glass), account)


def _mark(paths: Paths, wanted: _Wanted) -> str:
    said = [*(key.line() for key in wanted.keys), wanted.account, wanted.against, *map(str, _enforced(paths))]
    return sha256("\n".join(said).encode()).hexdigest()


def _enforced(paths: Paths) -> Sequence[str]:
    """Accounts that certificates alone are not asked of; ("*",) where nothing is enforced."""
    try:
        state = enforcement.State.load(paths.enforcement)
    except Misconfigured:
        return ("*",)
    return ("*",) if state is None else sorted(state.exceptions)


def _still(paths: Paths, kept: Kept, now: float) -> bool:
    if kept.said and not kept.refused:
        return kept.done_at <= now < kept.done_at + _AGAIN
    return sorted(opens(paths)) == sorted(kept.keys) and (bool(kept.keys) or not paths.break_glass.exists())


def _done(
    paths: Paths, state: State, wanted: _Wanted, mark: str, now: int, with_reload: bool
) -> tuple[Kept, list[Path]]:
    told, said, changed, before = "", wanted.against, list[Path](), files.Snapshot.take(paths.break_glass)
    sshd = Sshd(Path(state.sshd), Path(state.sshd_config)) if state.sshd else None
    try:
        if wanted.keys and sshd is not None:
            files.write(paths.break_glass, glassfile.key_lines(wanted.keys), 0o644)
            changed = [paths.break_glass, *_configure(paths, sshd, wanted.account, state, with_reload)]
            told = _in_the_way(sshd, wanted.account)
        elif sshd is not None:
            changed = _taken_out(paths, sshd, state, with_reload)
    except (DaypassError, OSError) as error:
        said = error.message if isinstance(error, DaypassError) else f"{error.filename}: {error.strerror}"
        before.restore()
    keys = sorted(opens(paths))
    kept = Kept(
        mark=mark, account=wanted.account, keys=keys, said=said, told=told, refused=wanted.refused, done_at=now
    )
    return kept, changed


def _configure(paths: Paths, sshd: Sshd, account: str, state: State, with_reload: bool) -> list[Path]:
    narrowed = account not in _enforced(paths) and "*" not in _enforced(paths)
    own = ["none"] if narrowed else glassfile.owners_files(sshd, paths, account)
    drop_in = glassfile.place(sshd, paths, account, own)
    if drop_in.path.is_file() and drop_in.path.read_bytes() == drop_in.content:
        return []
    expected = [*(each for each in own if each != "none"), str(paths.break_glass)]

    def check() -> None:
        found = " ".join(sshd.effective_for(account, "198.51.100.7").get("authorizedkeysfile", [])).split()
        if found != expected:
            shown = " ".join(found) or "nothing"
            text = f"for {account} sshd goes by AuthorizedKeysFile {shown}: a Match block that it reads first wins"
            raise Misconfigured(text, code="host.break-glass", hint="move that block behind its Include of *.conf")

    _change(sshd, [NewFile(drop_in.path, drop_in.content)], check, state, with_reload)
    return [drop_in.path]


def _taken_out(paths: Paths, sshd: Sshd, state: State, with_reload: bool) -> list[Path]:
    """sshd's configuration first: it names the file."""
    gone = [NewFile(*each) for each in glassfile.removal(sshd)]
    if gone:
        _change(sshd, gone, lambda: None, state, with_reload)
    if paths.break_glass.exists():
        files.remove(paths.break_glass)
        return [*(each.path for each in gone), paths.break_glass]
    return [each.path for each in gone]


def _change(sshd: Sshd, wanted: list[NewFile], check: Callable[[], None], state: State, with_reload: bool) -> None:
    def prove(effective: Effective) -> None:
        if held := certificates(state):
            reload.prove(held, effective)

    Change(sshd, wanted, check, prove, needs_sshd=False, with_reload=with_reload).run()


def _in_the_way(sshd: Sshd, account: str) -> str:
    """What else of the owner's keeps everybody out of this account, whatever they show. It is said, not changed."""
    effective = sshd.effective_for(account, "198.51.100.7")

    def first(keyword: str, default: str) -> str:
        return effective.get(keyword, [default])[0]

    if account == "root" and first("permitrootlogin", "yes") in _NO_ROOT:
        return f"PermitRootLogin {first('permitrootlogin', 'yes')} keeps root out"
    if first("pubkeyauthentication", "yes") == "no":
        return "PubkeyAuthentication no keeps every key out"
    methods = " ".join(effective.get("authenticationmethods", ["any"])).split()
    if all(each not in ("any", "publickey") for each in methods):
        return f"AuthenticationMethods {' '.join(methods)} asks for more than a key: can it be had that day?"
    allowed = " ".join(effective.get("allowusers", [])).split()
    if allowed and not any(each.split("@")[0] in (account, "*") for each in allowed):
        return f"AllowUsers does not name {account}"
    if account in " ".join(effective.get("denyusers", [])).split():
        return f"DenyUsers names {account}"
    return ""
