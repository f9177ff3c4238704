"""Enrolment: a host's first certificates for a join token, and sshd set up to use them.

    prepare    look at this machine: keys, sshd, what stands against it. Changes nothing
    ask        keys, proofs of possession and the token go to the CA
    verify     everything that comes back (host.answer)
    install    files, sshd's configuration, reload, proof (host.install)

The token is good once, so everything that can fail on this machine is tried before it is sent. Enrolling again with
a new token gives new certificates for the same keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from daypass.api import EnrolRequest, EnrolResponse
from daypass.errors import Conflict, DaypassError
from daypass.host import breakglass, documents, dropin, files, principals, reload, shellagent, tools
from daypass.host.accounts import Memory
from daypass.host.alone import alone
from daypass.host.answer import Answer, verify
from daypass.host.calls import holds
from daypass.host.hostkeys import HostKey, load_host_keys
from daypass.host.install import Installation, OurFile, Outcome
from daypass.host.machine import is_clone, machine_of, require_same
from daypass.host.passwd import every_name, read_accounts
from daypass.host.settings import Paths, Settings
from daypass.host.sshd import Effective, Sshd
from daypass.host.state import CertificateState, State
from daypass.host.swap import Swap

__all__ = ["Ca", "Enrolled", "Machine", "enrol", "installation", "prepare"]


class Ca(Protocol):
    """A pinned connection to the CA, as `daypass.remote` makes it."""

    def enrol(self, request: EnrolRequest) -> EnrolResponse: ...


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine, looked at and found fit to be enrolled."""

    paths: Paths
    sshd: Sshd
    keys: tuple[HostKey, ...]
    accounts: tuple[str, ...]
    never: tuple[str, ...]
    closed: tuple[str, ...]
    warnings: tuple[str, ...]

    def certificate_paths(self) -> list[Path]:
        return [self.paths.ours / key.certificate_name for key in self.keys]

    def lines(self) -> list[str]:
        """What will stand in sshd's configuration."""
        return dropin.lines(self.paths, self.certificate_paths())

    def plan(self) -> dropin.DropIn:
        """Where it will stand, and that file's whole content."""
        return dropin.place(self.sshd, self.paths, self.lines())


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The end of it: what this host is now called, until when, and what became of sshd."""

    state: State
    outcome: Outcome
    accounts: tuple[str, ...]


def prepare(paths: Paths, sshd: Sshd, *, with_reload: bool = True) -> Machine:
    """Look at everything that can be wrong on this machine. Nothing is written, nobody is asked."""
    tools.find("ssh-keygen", "openssh-client")
    if with_reload:
        tools.find("ssh-keyscan", "openssh-client")
    files.check_folder(paths.ours)
    effective = sshd.effective()
    dropin.check_conflicts(sshd, effective, paths)
    here, made = read_accounts(paths.passwd), Memory.load(paths.made_accounts).made
    never = every_name(Settings.load(paths.settings).never, here)
    closed = every_name([login for login, each in made.items() if each.locked], here)
    if Swap.load(paths.swap) is not None:
        what, hint = "a change of this host's certificates was interrupted", "finish it first: daypass host sync"
        raise Conflict(what, code="host.swap", hint=hint)
    keys, warnings = load_host_keys(_key_files(effective, paths))
    _check_copy(paths, State.load(paths.state), keys)
    reload.offered([key.public_key for key in keys], effective)
    return Machine(
        paths=paths,
        sshd=sshd,
        keys=keys,
        accounts=tuple(each.name for each in here.values() if each.is_ordinary),
        never=tuple(sorted(never)),
        closed=tuple(sorted(closed)),
        warnings=(*warnings, *dropin.match_warnings(sshd)),
    )


def enrol(
    machine: Machine, ca: Ca, ca_id: bytes, token: str, *, url: str, roots: Sequence[str], now: float,
    with_reload: bool = True, name: str = "",
) -> Enrolled:  # fmt: skip
    """Get certificates for this machine's keys and bring them into force.

    `ca_id` is the pinned trust root (32 bytes), `token` the join token's whole text, `now` unix seconds; `roots` are
    the X.509 roots (PEM) to remember where the trust document names none; `name` is what this machine would be called
    by a token for several.
    """
    with alone(machine.paths) if machine.paths.memory.is_dir() else nullcontext():
        known = _known(machine, ca_id)
        keys = [key.proven(ca_id, token) for key in machine.keys]
        request = EnrolRequest(token=token, keys=keys, name=name, bundle_version=known.bundle_version if known else 0)
        answer = verify(ca.enrol(request), machine.keys, ca_id, now=now, known=known)
        state = _state(machine, answer, url, roots, int(now))
        outcome = installation(machine, answer, state, with_reload=with_reload).run()
        breakglass.bring(machine.paths, state, answer.trust, now, with_reload=with_reload)
        with suppress(DaypassError, OSError):
            shellagent.remove(machine.paths)
        return Enrolled(state, outcome, tuple(_principals(machine, answer)))


def installation(machine: Machine, answer: Answer, state: State, *, with_reload: bool = True) -> Installation:
    """What a verified answer means in files. The KRL comes into force first, the user CA last."""
    paths, bundle = machine.paths, answer.bundle
    lines = "".join(f"{line}\n" for line in bundle.user_ca).encode()
    certificates = list(zip(machine.certificate_paths(), answer.certificates, strict=True))
    wanted = [OurFile(paths.krl, answer.krl)]
    wanted += [OurFile(paths.principals / name, text) for name, text in _principals(machine, answer).items()]
    wanted += [OurFile(path, f"{each.line()}\n".encode()) for path, each in certificates]
    for path, signed in ((paths.trust, answer.signed_trust), (paths.bundle, answer.signed_bundle)):
        wanted.append(OurFile(path, documents.encode(signed), 0o600))
    wanted.append(OurFile(paths.user_ca, lines))
    return Installation(
        paths=paths,
        sshd=machine.sshd,
        certificates=certificates,
        wanted=wanted,
        state=OurFile(paths.state, state.encode(), 0o600),
        with_reload=with_reload,
    )


def _principals(machine: Machine, answer: Answer) -> dict[str, bytes]:
    return principals.principals_files(answer.bundle, machine.accounts, {*machine.never, *machine.closed})


def _check_copy(paths: Paths, known: State | None, keys: Sequence[HostKey]) -> None:
    """A copy of an enrolled machine needs host keys of its own: these are the other one's."""
    if known is None or not is_clone(paths, known):
        return
    theirs = {Path(each.key) for each in known.certificates if holds(each)}
    if theirs & {key.path for key in keys}:
        require_same(paths, known)


def _key_files(effective: Effective, paths: Paths) -> list[Path]:
    named = [Path(value.strip('"')) for value in effective.get("hostkey", [])]
    return named or sorted(paths.host_keys.glob("ssh_host_*_key"))


def _known(machine: Machine, ca_id: bytes) -> State | None:
    """What is remembered of this CA. A host belongs to one: its user CA file and KRL are one CA's."""
    known = State.load(machine.paths.state)  # again: a sync may have come between
    if known is not None and is_clone(machine.paths, known):
        return None
    if known is not None and known.ca_id != ca_id.hex():
        raise Conflict(
            f"this machine is enrolled with another CA as {known.name}",
            code="host.other-ca",
            hint=f"to move it to the new CA, take {machine.paths.state} away first",
        )
    return known


def _state(machine: Machine, answer: Answer, url: str, roots: Sequence[str], now: int) -> State:
    certificates = [
        CertificateState.of(each, path, key.path)
        for path, key, each in zip(machine.certificate_paths(), machine.keys, answer.certificates, strict=True)
    ]
    return State(
        url=url,
        ca_id=answer.trust.ca_id,
        roots=answer.trust.tls_roots or list(roots),
        host_id=answer.bundle.host_id,
        name=answer.bundle.name,
        trust_version=answer.trust.version,
        bundle_version=answer.bundle.version,
        bundle_expires=answer.bundle.expires,
        krl_version=answer.krl_version,
        digest=answer.bundle.digest,
        enrolled_at=now,
        certificates=certificates,
        machine=machine_of(machine.paths, answer.trust.ca_id),
        sshd=str(machine.sshd.binary),
        sshd_config=str(machine.sshd.config),
    )
