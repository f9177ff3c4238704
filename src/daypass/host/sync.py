"""One sync: ask the CA what has changed for this host, judge it, and bring it into force.

    load     state, the documents kept, the owner's ceilings, this machine's accounts
    ask      by the key of the host's certificate; the digest of what we have comes along
    judge    signatures, versions, times, KRL (`documents`). An error up to here leaves everything as it was
    accounts of people are locked, unlocked and made (`accounts`, `useradd`)
    glass    what the offline root has signed for the day everything is down (`breakglass`)
    files    KRL first, then principals, the user CA last; one that has not changed is not touched
    state    versions and times: what died before it is done again by the next sync
    sessions and then processes of locked accounts are ended

sshd reads principals files and the KRL at each login: it is reloaded only where break-glass has changed.
`host run` takes what the CA says on its stream the same way (`take`); where there is no agent, cron has `sync_once`
called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import msgspec

from daypass.api import ClosedSession, HostSyncRequest, HostSyncResponse
from daypass.errors import Conflict, DaypassError, Misconfigured
from daypass.host import accounts, breakglass, closing, documents, files, useradd
from daypass.host.about import about
from daypass.host.alone import BUSY, alone
from daypass.host.calls import Prove, prover
from daypass.host.documents import Documents, News
from daypass.host.install import OurFile
from daypass.host.look_after import end_sessions
from daypass.host.machine import require_same
from daypass.host.passwd import every_name, read_accounts
from daypass.host.principals import check_roles, principals_files
from daypass.host.refused import note_refusal_alone
from daypass.host.remains.memory import locked
from daypass.host.settings import Paths, Settings
from daypass.host.state import State
from daypass.host.swap import mend

__all__ = ["Before", "Ca", "Synced", "enrolled", "request", "sync_once", "take"]

PATIENCE = 60.0  # seconds that a word from the stream waits for an enrolment or a rekey to be done
FRESH = 120  # seconds; a sign of life every 25 would otherwise be a write to the disk each

_MOST_NAMES = 24 * 1024  # characters of account names that are reported, of each kind


class Ca(Protocol):
    """A pinned connection to the CA, as `daypass.remote` makes it."""

    def host_sync(self, request: HostSyncRequest, prove: Prove) -> HostSyncResponse: ...


@dataclass(slots=True)
class Synced:
    """What one sync has done. `said`: what was not done, and why; `closed`: sessions that were ended; `unknown`:
    accounts of roles that are not here; `held`: too many to be locked at once."""

    state: State
    changed: list[Path] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    unlocked: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    closed: list[ClosedSession] = field(default_factory=list)
    renewed: bool = False
    news: bool = False  # a bundle or a list, and not only a sign of life
    ack_within: float = 0.0  # seconds over which hosts spread their word that they have applied it

    @property
    def did_something(self) -> bool:
        return bool(self.changed or self.made or self.locked or self.unlocked or self.renewed or self.closed)


def sync_once(paths: Paths, ca: Ca, now: float, *, lock_many: bool = False) -> Synced:
    """Raises Conflict where another sync runs, and any of the error tree, with everything left in place.

    `lock_many`: lock everybody who is not listed any more, however many they are.
    """
    if not paths.memory.is_dir():
        enrolled(paths)
    with alone(paths):
        before = Before.load(paths)
        try:
            answer = _asked(ca, before, paths)
            return _taken(answer, before, paths, now, lock_many=lock_many)
        except DaypassError as error:
            raise closing.without_word(paths, before.state, now, error) from error


def _asked(ca: Ca, before: Before, paths: Paths) -> HostSyncResponse:
    try:
        return ca.host_sync(request(before, paths), prover(before.state))
    except DaypassError as error:
        note_refusal_alone(paths, error)
        raise


def take(answer: HostSyncResponse, paths: Paths, now: float) -> Synced:
    """The same for one word of a stream, which came while nobody held the lock."""
    with alone(paths, patience=PATIENCE):
        return _taken(answer, Before.load(paths), paths, now, fresh=FRESH)


@dataclass(frozen=True, slots=True)
class Before:
    """What this host has and goes by, before the CA has answered. `krl`: what sshd reads."""

    state: State
    settings: Settings
    kept: Documents | None
    krl: bytes
    mended: str = ""  # what an interrupted change of certificates has come to, just now

    @classmethod
    def load(cls, paths: Paths) -> Before:
        """By who holds the lock: what was begun and left is finished or undone first.

        Misconfigured for what is not enrolled, a clone, or a folder that others may write to.
        """
        files.check_folder(paths.ours)
        return cls._looked(paths, mend(paths))

    @classmethod
    def look(cls, paths: Paths) -> Before:
        """By who does not. Where somebody else holds it, they may be in the middle of a change: nothing is mended."""
        try:
            with alone(paths):
                return cls.load(paths)
        except Conflict as error:
            if error.code != BUSY:
                raise
        return cls._looked(paths)

    @classmethod
    def _looked(cls, paths: Paths, mended: str = "") -> Before:
        state = enrolled(paths)
        require_same(paths, state)
        return cls(state, Settings.load(paths.settings), Documents.load(paths, state), _krl_here(paths), mended)


def _taken(
    answer: HostSyncResponse, before: Before, paths: Paths, now: float, *, lock_many: bool = False, fresh: int = 0
) -> Synced:
    """`fresh`: for so many seconds after it was written, the state is not written for a new time alone."""
    state = before.state
    news = documents.judge(answer, state, before.kept, before.krl, now)
    check_roles(news.documents.bundle.roles)
    done, wanted = _apply(news, paths, before.settings, state, lock_many)
    documents.save(news.documents, paths)
    done.changed += breakglass.bring(paths, state, news.documents.trust, now)
    done.state = _remembered(state, news, int(now))
    done.said += [before.mended] if before.mended else []
    done.news, done.ack_within = answer.bundle is not None or answer.krl is not None, answer.ack_within
    young = state.synced_at <= now < state.synced_at + fresh and not state.refused
    if answer.heartbeat is None or done.did_something or not young:
        files.write(paths.state, done.state.encode(), 0o600)
    if wanted.closed and paths.root == Path("/"):
        _end_all_of_locked(wanted, paths, now, done)
    return done


def _end_all_of_locked(wanted: accounts.Plan, paths: Paths, now: float, done: Synced) -> None:
    """Sessions first, each with a word to who is in it, and on the record; then whatever else runs."""
    if wanted.lock:
        done.closed, said = end_sessions(paths, now)
        done.said += said
    done.said += useradd.end_processes(wanted, accounts.Memory.load(paths.made_accounts))


def _apply(
    news: News, paths: Paths, settings: Settings, state: State, lock_many: bool
) -> tuple[Synced, accounts.Plan]:
    bundle, done = news.documents.bundle, Synced(state)
    memory = accounts.Memory.load(paths.made_accounts)
    wanted = _plan(news, paths, settings, memory, lock_many)
    done.held = wanted.held
    if paths.root == Path("/"):
        acts = useradd.carry_out(wanted, memory, paths)
        done.made, done.locked, done.unlocked = acts.made, acts.locked, acts.unlocked
        done.said += [*wanted.said, *acts.said]
    here = read_accounts(paths.passwd)
    ordinary = [each.name for each in here.values() if each.is_ordinary]
    found = principals_files(bundle, ordinary, every_name({*settings.never, *wanted.closed, *locked(paths)}, here))
    done.changed = list(_written(paths, news.krl, found, bundle.user_ca))
    done.unknown = sorted({name for role in bundle.roles for name in role.accounts} - here.keys())
    return done, wanted


def _plan(news: News, paths: Paths, settings: Settings, memory: accounts.Memory, lock_many: bool) -> accounts.Plan:
    bundle, here = news.documents.bundle, read_accounts(paths.passwd)
    absent = [each.login for each in bundle.people if each.login not in here]
    taken = {login for login in absent if paths.root == Path("/") and useradd.known_elsewhere(login)}
    groups = accounts.read_groups(paths.group) if absent else {}
    return accounts.plan(bundle, here, groups, settings, memory, root=paths.root, taken=taken, lock_many=lock_many)


def _written(paths: Paths, krl: bytes, principals: dict[str, bytes], user_ca: list[str]) -> Iterator[Path]:
    """Every file that was written or taken away. What narrows comes before what widens."""
    lines = "".join(f"{line}\n" for line in user_ca).encode()
    wanted = [OurFile(paths.principals / name, content) for name, content in principals.items()]
    files.make_folder(paths.principals, 0o755)  # somebody may have taken it away
    stale = [each for each in sorted(paths.principals.iterdir()) if each.name not in principals and each.is_file()]
    yield from _put(OurFile(paths.krl, krl))
    for path in stale:
        files.remove(path)
        yield path
    for each in (*wanted, OurFile(paths.user_ca, lines)):
        yield from _put(each)


def _krl_here(paths: Paths) -> bytes:
    """What sshd reads; empty where it is gone: then the CA sends it again."""
    try:
        return paths.krl.read_bytes()
    except FileNotFoundError:
        return b""


def _put(file: OurFile) -> Iterator[Path]:
    before = files.Snapshot.take(file.path)
    if (before.content, before.mode) != (file.content, file.mode):
        files.write(file.path, file.content, file.mode)
        yield file.path


def request(before: Before, paths: Paths) -> HostSyncRequest:
    """What this host has, and is. One without its documents asks for all of them."""
    state, kept, here = before.state, before.kept, read_accounts(paths.passwd)
    return HostSyncRequest(
        digest=kept.bundle.digest if kept else "",
        krl_digest=sha256(before.krl).hexdigest(),
        bundle_version=state.bundle_version,
        trust_version=state.trust_version if kept else 0,
        system_accounts=_capped(each.name for each in here.values() if each.uid < 1000),
        accounts=_capped(each.name for each in here.values() if each.is_ordinary),
        about=about(paths, state),
    )


def _capped(names: Iterator[str]) -> list[str]:
    found, left = list[str](), _MOST_NAMES
    for name in sorted(names):
        left -= len(name) + 3
        if left >= 0 and len(name) <= 32:
            found.append(name)
    return found


def _remembered(state: State, news: News, now: int) -> State:
    return msgspec.structs.replace(
        state,
        roots=news.documents.trust.tls_roots or state.roots,
        trust_version=news.documents.trust.version,
        bundle_version=news.version,
        bundle_expires=news.expires,
        krl_version=news.krl_version,
        digest=news.documents.bundle.digest,
        refused="",
        synced_at=now,
    )


def enrolled(paths: Paths) -> State:
    state = State.load(paths.state)
    if state is None:
        hint = "make a token on the CA machine: daypass token host NAME; then here: daypass host enroll"
        raise Misconfigured("this machine is not enrolled", code="host.not-enrolled", hint=hint)
    return state
