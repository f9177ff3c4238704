"""`daypass host enforce`: certificates alone from now on, and back by itself unless somebody still gets in.

    ready     somebody has come in by certificate, and nobody lately by anything else (`refuse_unready`)
    remember  what was done, and until when it has to be confirmed
    arm       the dead man's switch (`deadman`)
    change    sshd's configuration, tried, seen in force and proven, or undone (`change`)
    confirm   from a session that began after it, by certificate; then it stays

A kill between any two steps leaves the old doors open, or the switch armed.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from daypass.api import HostReport
from daypass.errors import Conflict, Denied, Invalid, Misconfigured
from daypass.host import breakglass, deadman, enforcement, files, reload
from daypass.host.alone import alone
from daypass.host.calls import certificates
from daypass.host.change import Change, NewFile
from daypass.host.dropin import DropIn
from daypass.host.enforcement import State
from daypass.host.logins import Login
from daypass.host.passwd import read_accounts
from daypass.host.settings import Paths
from daypass.host.sshd import Effective, Sshd
from daypass.host.sync import enrolled
from daypass.model import is_login_name

__all__ = ["Enforcing", "check_in_force", "confirm", "opened", "refuse_unready", "take_back", "take_back_overdue"]

_ENTERED = 30 * 86400  # seconds: that somebody came in by certificate longer ago is no proof
_FITTING = ("certificate", "break-glass")
_NAMED = 5
_MOST_ASKED = 50  # accounts that sshd is asked about, each for two addresses


@dataclass(frozen=True, slots=True)
class Enforcing:
    """One attempt. `within`: seconds until it has to be confirmed."""

    paths: Paths
    sshd: Sshd
    exceptions: tuple[str, ...]
    within: int
    clock: Callable[[], float] = time.time

    def run(self) -> State:
        """Raises any of the error tree, with the old doors open as they were."""
        enrolled(self.paths)
        with alone(self.paths):
            self._check_exceptions()
            _refuse_twice(State.load(self.paths.enforcement))
            ours = enforcement.lines(self.sshd, self.exceptions)
            self._try_beside(ours)
            drop_in = enforcement.place(self.sshd, self.paths, ours)
            now = int(self.clock())
            state = State(
                id=secrets.token_hex(8), sshd=str(self.sshd.binary), config=str(self.sshd.config),
                path=str(drop_in.path), exceptions=sorted(self.exceptions), since=now,
                deadline=now + self.within,
            )  # fmt: skip
            files.write(self.paths.enforcement, state.encode(), 0o600)
            try:
                deadman.arm(self.paths, self.sshd, state.id, self.within)
                breakglass.bring_again(self.paths, now)  # its account keeps no key of its own, either
                self._change(enforcement.place(self.sshd, self.paths, ours), ours).run()
            except BaseException:
                deadman.disarm(self.paths)
                files.remove(self.paths.enforcement)
                breakglass.bring_again(self.paths, now)
                raise
            state = replace(state, since=math.ceil(self.clock()))  # who came in before the last step proves nothing
            files.write(self.paths.enforcement, state.encode(), 0o600)
            return state

    def _check_exceptions(self) -> None:
        here = read_accounts(self.paths.passwd)
        for each in self.exceptions:
            if each not in here or not is_login_name(each):
                raise Invalid(f"there is no account {each} here", code="host.account")

    def _try_beside(self, ours: list[str]) -> None:
        """Ahead of the owner's Match blocks in a file that sshd does not use; an exception is left as it is."""
        candidate = self.paths.memory / "sshd_config.candidate"
        try:
            files.write(candidate, enforcement.beside(self.sshd, ours), 0o600)
            self.sshd.test(candidate)
        finally:
            candidate.unlink(missing_ok=True)

    def _change(self, drop_in: DropIn, ours: list[str]) -> Change:
        def check() -> None:
            enforcement.check_ahead(self.sshd, drop_in)
            enforcement.check_effective(self.sshd, None, ours, _asked(self.paths, self.exceptions))

        def prove(effective: Effective) -> None:
            reload.prove(certificates(enrolled(self.paths)), effective)
            if any("AuthenticationMethods" in each for each in ours):
                somebody = (_asked(self.paths, self.exceptions) or ["root"])[0]
                reload.prove_methods(somebody, {"publickey"}, effective)

        return Change(self.sshd, [NewFile(drop_in.path, drop_in.content)], check, prove)


def _asked(paths: Paths, exceptions: Collection[str]) -> list[str]:
    glass = breakglass.in_force(paths)
    exceptions = {*exceptions, *([glass.account] if glass else [])}
    here = [each.name for each in read_accounts(paths.passwd).values() if each.is_ordinary]
    return [each for each in ("root", *here) if each not in exceptions][:_MOST_ASKED]


def check_in_force(paths: Paths, sshd: Sshd, state: State) -> None:
    """Conflict or Misconfigured where the owner has changed sshd's configuration since, so that a door is open."""
    ours = enforcement.lines(sshd, state.exceptions)
    enforcement.check_ahead(sshd, enforcement.place(sshd, paths, ours))
    enforcement.check_effective(sshd, None, ours, _asked(paths, state.exceptions))


def refuse_unready(report: HostReport, exceptions: Collection[str], now: int, quiet: int) -> None:
    """Conflict where nobody has come in by certificate, or somebody within `quiet` seconds by anything else."""
    by_certificate = [each for each in report.logins if each.way == "certificate" and now - each.last < _ENTERED]
    if not by_certificate:
        raise Conflict(
            "nobody has come in by certificate here in the last 30 days: everybody would be shut out",
            code="host.nobody-by-certificate",
            hint="log in by certificate first: daypass login, then ssh to this server",
        )
    old = sorted({
        f"{each.account} by {each.way.replace('-', ' ')}{f' {each.what}' if each.what else ''}"
        for each in report.logins
        if each.way not in _FITTING and each.account not in exceptions and now - each.last < quiet
    })  # fmt: skip
    if old:
        more = f" and {len(old) - _NAMED} more" if len(old) > _NAMED else ""
        raise Conflict(
            f"somebody still comes in without a certificate: {', '.join(old[:_NAMED])}{more}",
            code="host.still-by-key",
            hint="daypass host report --old shows when; leave an account out with --except, or look less far back: "
            "--quiet 1h",
        )


def confirm(paths: Paths, login: Callable[[State], Login | None]) -> State:
    """From now on it stays. `login`: by what the session came in that says so, if it began after the change.

    Raises Conflict where nothing waits, Denied for a session that proves nothing.
    """
    with alone(paths):
        state = State.load(paths.enforcement)
        if state is None or state.confirmed:
            what = "nothing waits to be confirmed" if state is None else "it is confirmed already"
            raise Conflict(what, code="host.nothing-to-confirm", hint="daypass host enforce --certificates-only")
        found = login(state)
        if found is None or found.way != "certificate":
            raise Denied(
                "this session did not come in by certificate after the change, so it proves nothing",
                code="host.not-by-certificate",
                hint="log in anew, by certificate, and run it there; not in tmux or screen, nor over a shared "
                "connection (ssh -o ControlPath=none)",
            )
        kept = replace(state, deadline=0)
        files.write(paths.enforcement, kept.encode(), 0o600)
        deadman.disarm(paths)
        return kept


def take_back(paths: Paths, sshd: Sshd, number: str | None = None) -> bool:
    """Open the old doors again. `number`: only this enforcement, and only while nobody has confirmed it.

    False where there was nothing to take back. A configuration that sshd refuses is left as it was.
    """
    with alone(paths):
        state = _known(paths)
        if number is not None and (state is None or state.id != number or state.confirmed):
            return False
        changed = _open(sshd, state)
        deadman.disarm(paths)
        files.remove(paths.enforcement)
        breakglass.bring_again(paths, time.time())
        return changed or state is not None


def take_back_overdue(paths: Paths, now: float) -> bool:
    """What was not confirmed in time, by the wall clock; one that was set back counts as late."""
    state = _known(paths)
    if state is None or state.confirmed or state.since - 60 <= now < state.deadline:
        return False
    return take_back(paths, Sshd(Path(state.sshd), Path(state.config)), state.id)


def opened(sshd: Sshd, state: State | None) -> list[NewFile]:
    """What sshd's configuration is without our lines, as far as they are there: also where none reads them now."""
    config = sshd.config.resolve()
    found = list[NewFile]()
    if (plain := enforcement.without(content := config.read_bytes())) != content:
        found.append(NewFile(config, plain))
    own = set(enforcement.own_files(sshd))
    if state is not None and (kept := Path(state.path)).name == enforcement.NAME and kept.is_file():
        own.add(kept)
    return [*found, *(NewFile(each, None) for each in sorted(own))]


def _open(sshd: Sshd, state: State | None) -> bool:
    """No proof that fails closes them again."""
    changes = opened(sshd, state)
    if changes:
        Change(sshd, changes, lambda: None, lambda _: None, needs_sshd=False).run()
    return bool(changes)


def _known(paths: Paths) -> State | None:
    """A state that can't be understood is one to be taken back."""
    try:
        return State.load(paths.enforcement)
    except Misconfigured:
        return None


def _refuse_twice(state: State | None) -> None:
    if state is not None:
        what = "is in force already" if state.confirmed else "waits to be confirmed"
        back = "take it back: daypass host enforce --off"
        hint = back if state.confirmed else f"confirm it: daypass host enforce --confirm; or {back}"
        raise Conflict(f"--certificates-only {what}", code="host.enforced", hint=hint)
