"""What is kept of the company: is it whole, how old, whose are the files, does another company claim the same."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from daypass.api import ClientBundle, Signed
from daypass.client import contexts
from daypass.client.doctor.report import Finding, note, ok, problem
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.times import moment

__all__ = ["ages", "joined", "modes"]

_DAY = 86400
_OLD_BUNDLE = 7 * _DAY
_OLD_TRUST = 400 * _DAY


def joined(settings: Settings) -> Iterator[Finding]:
    """The companies, and whether their files are what was pinned."""
    found, current = contexts.joined(settings), settings.current()
    if not found:
        if settings.machine_defaults().url:
            yield note("no company joined yet; this machine's owner has set one", "the first daypass login joins it")
        else:
            yield problem(
                "no company joined", "ask your operator for the line that starts: daypass bootstrap https://"
            )
    for context, membership in found:
        used = ", in use" if current is not None and context.name == current.name else ""
        if membership is None:
            hint = f"daypass context remove {context.name}, then join it again with your operator's line"
            yield problem(f"the files of {context.name} are damaged", hint)
        else:
            patterns = ", ".join(membership.host_patterns)
            yield ok(f"{membership.ca_name or context.name} at {membership.url}{used}; its hosts: {patterns}")
    for each in contexts.overlaps(settings):
        hint = f"name the company you mean: daypass login --context {each.second}"
        yield note(f"{each.first} and {each.second} both claim {each.pattern}; ssh goes by {each.first}", hint)


def ages(membership: Membership, now: float) -> Iterator[Finding]:
    """The signed documents. Old ones are believed; they may leave out what is new."""
    trust = membership.trust
    age = now - trust.issued_at
    text = f"trust document {trust.version}, signed {moment(trust.issued_at, now)}"
    yield note(text, "your operator signs a new one with: daypass ca trust") if age > _OLD_TRUST else ok(text)
    bundle = _bundle(membership)
    if bundle is None:
        yield note("no list of enrolled hosts yet", "it comes with the first daypass login")
        return
    text = f"{len(bundle.enrolled)} enrolled host(s), as of {moment(bundle.issued_at, now)}"
    stale = now - bundle.issued_at > _OLD_BUNDLE
    yield note(text, "a login brings today's: daypass login") if stale else ok(text)


def _bundle(membership: Membership) -> ClientBundle | None:
    try:
        signed = msgspec.json.decode(membership.context.bundle.read_bytes(), type=Signed)
        return msgspec.json.decode(signed.document, type=ClientBundle)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None


def modes(settings: Settings) -> Iterator[Finding]:
    """Files that others could write to, or read where they should not, and files of other owners."""
    if settings.platform.is_windows:  # which has no modes; a person's own folder is theirs alone
        return
    wrong = 0
    for path in _files(settings):
        for each in _judge(path, settings.platform.uid, private=path.is_relative_to(settings.home)):
            wrong += 1
            yield each
    if not wrong:
        yield ok(f"{settings.home} and {settings.ssh_folder} are yours alone to write to")


def _files(settings: Settings) -> Iterator[Path]:
    for path in (settings.home, settings.home / "contexts", settings.ssh_folder, settings.ssh_folder / "config"):
        if path.exists():
            yield path
    for context in settings.contexts():
        yield from (context.folder, *sorted(each for each in context.folder.iterdir() if not each.is_symlink()))


def _judge(path: Path, uid: int, *, private: bool) -> Iterator[Finding]:
    """ssh refuses a config that others may write to; what is ours is nobody else's to read either."""
    found = path.stat()
    if found.st_uid not in (0, uid):
        yield problem(f"{path} belongs to another account", f"sudo chown $(id -un) '{path}'")
    excess = found.st_mode & (0o077 if private else 0o022)
    if excess and not stat.S_ISSOCK(found.st_mode):
        what = "others may write to" if excess & 0o022 else "others may read"
        yield problem(f"{what} {path}", f"chmod {'go=' if private else 'go-w'} '{path}'")
