"""New certificates for a host that has some: for the keys it has (a renewal), or for new ones (a rekey).

All keys are renewed in one call that one of the certificates speaks for; each key signs for itself. What comes back
is judged like an enrolment's answer, and brought into force by `host.swap`: the old certificates go when sshd has
shown the new ones. New keys are made in a folder of root's, and replace the old ones where sshd finds them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from daypass.api import HostRenewed, HostRenewRequest
from daypass.errors import Invalid, Misconfigured
from daypass.host import dropin, swap, tools
from daypass.host.alone import alone
from daypass.host.answer import verify_certificates
from daypass.host.calls import Prove, holding, prover
from daypass.host.hostkeys import HostKey, family, load_host_keys
from daypass.host.settings import Paths
from daypass.host.sshd import Sshd
from daypass.host.state import CertificateState, State
from daypass.host.swap import Left, Step, Swap
from daypass.host.sync import PATIENCE, Before
from daypass.wire import Certificate
from daypass.wire.binding import renewal_message

__all__ = ["Ca", "Renewed", "rekey", "renew"]

_LEAST_RSA = 3072


class Ca(Protocol):
    """A pinned connection to the CA."""

    def host_renew(self, request: HostRenewRequest, prove: Prove) -> HostRenewed: ...


@dataclass(frozen=True, slots=True)
class Renewed:
    """The state from now on; `proven`: a running sshd presents it. `replaced`: paths of keys that are new."""

    state: State
    proven: bool
    replaced: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class _Pair:
    """One host key from now on, where its halves and its certificate belong, and what it replaces."""

    key: HostKey
    place: Path
    certificate: Path
    old: tuple[Certificate, HostKey] | None  # None: the key stays


def renew(paths: Paths, ca: Ca, now: float) -> Renewed:
    """The next certificates for the keys that sshd has. Raises any of the error tree, with everything in place."""
    with alone(paths, patience=PATIENCE):
        before = Before.load(paths)
        return _renewed(_present(before.state), before, paths, ca, now)


def rekey(paths: Paths, ca: Ca, now: float, kinds: Collection[str] = ()) -> Renewed:
    """New keys of these families (`ed25519`, `ecdsa`, `rsa`; all that have a certificate), and certificates for all.
    The old certificates are given up afterwards (`host.leaving`)."""
    with alone(paths, patience=PATIENCE):
        before = Before.load(paths)
        present = _present(before.state)
        here = {family(pair.key.public_key) for pair in present}
        if missing := set(kinds) - here:
            have = ", ".join(sorted(here))
            what = f"sshd has no certified host key of type {', '.join(sorted(missing))}, only {have}"
            raise Invalid(what, code="host.key-type", hint="name one of those with --type")
        wanted = set(kinds) or here
        with tempfile.TemporaryDirectory(dir=paths.memory, prefix=swap.NEW_KEYS) as name:
            folder = Path(name)
            pairs = [_fresh(each, folder) if family(each.key.public_key) in wanted else each for each in present]
            return _renewed(pairs, before, paths, ca, now)


def _present(state: State) -> list[_Pair]:
    """Whatever stands at a key's place is what sshd uses, also where somebody has replaced it. One that its owner has
    taken away is certified no more."""
    found = list[_Pair]()
    for each in [each for each in state.certificates if Path(each.key).exists()] or state.certificates:
        (key,), _ = load_host_keys([Path(each.key)])
        found.append(_Pair(key, key.path, Path(each.path), None))
    return found


def _fresh(pair: _Pair, folder: Path) -> _Pair:
    if pair.place.is_symlink():
        raise Misconfigured(f"{pair.place} is a symbolic link", code="host.unsafe-file", hint="make it a file first")
    kind, path = family(pair.key.public_key), folder / pair.place.name
    bits = {"rsa": max(_LEAST_RSA, pair.key.private_key.key_size)} if kind == "rsa" else {}  # type: ignore[union-attr]
    if kind == "ecdsa":
        bits = {"ecdsa": pair.key.private_key.key_size}  # type: ignore[union-attr]
    size = ["-b", str(bits[kind])] if bits else []
    program = tools.find("ssh-keygen", "openssh-client")
    ran = tools.run([program, "-q", "-t", kind, *size, "-N", "", "-C", "", "-f", path], seconds=120)
    if ran.code != 0:
        raise Misconfigured(f"ssh-keygen made no new key: {ran.words or ran.code}", code="host.key")
    (made,), _ = load_host_keys([path])
    held = holding(CertificateState(path=str(pair.certificate), key=str(pair.place), serial=0, expires=0))
    return _Pair(made, pair.place, pair.certificate, held or None)


def _renewed(pairs: Sequence[_Pair], before: Before, paths: Paths, ca: Ca, now: float) -> Renewed:
    state, kept = before.state, before.kept
    if kept is None:
        what = "the documents of this host are not here"
        raise Misconfigured(what, code="host.documents", hint="daypass host sync asks for them anew")
    keys = [pair.key for pair in pairs]
    message = renewal_message(bytes.fromhex(state.ca_id), state.host_id, (key.public_key.blob for key in keys))
    request = HostRenewRequest(keys=[key.possessed(message) for key in keys])
    answer = ca.host_renew(request, prover(state))
    certificates = verify_certificates(answer.certificates, keys, state.name, kept.trust, now)
    sshd = Sshd(Path(state.sshd), Path(state.sshd_config))
    wanted = _swap(pairs, certificates, state, paths, sshd)
    proven = swap.carry_out(wanted, paths, sshd, certificates)
    return Renewed(wanted.state, proven, tuple(pair.place for pair in pairs if pair.old is not None))


def _swap(
    pairs: Sequence[_Pair], certificates: Sequence[Certificate], state: State, paths: Paths, sshd: Sshd
) -> Swap:
    """Renewed certificates go to their places. A new key's certificate stands beside the old one first, and sshd is
    told of both: it takes the one that fits the key it finds."""
    first, beside, then, left = list[Step](), list[tuple[Path, Step]](), list[Step](), list[Left]()
    keys = list[Step]()
    for pair, certificate in zip(pairs, certificates, strict=True):
        line = f"{certificate.line()}\n".encode()
        if pair.old is None:
            first.append(Step.to(pair.certificate, line))
            continue
        next_to = pair.certificate.with_name(f"next-{pair.certificate.name}")
        beside.append((next_to, Step.to(next_to, line)))
        keys += _key_steps(pair)
        then.append(Step.to(pair.certificate, line))
        left.append(Left(pair.old[0].encode(), pair.place.read_bytes()))
    if beside:
        both, one = _configurations(pairs, [path for path, _ in beside], paths, sshd)
        first += [*(step for _, step in beside), both, *keys]
        then += [one, *(_gone(step) for _, step in beside)]
    stated = [
        CertificateState.of(c, pair.certificate, pair.place) for c, pair in zip(certificates, pairs, strict=True)
    ]
    return Swap(first=first, then=then, state=msgspec.structs.replace(state, certificates=stated), left=left)


def _key_steps(pair: _Pair) -> list[Step]:
    """The public half first: nothing goes by it."""
    return [
        Step.to(place.with_name(f"{place.name}.pub"), made.with_name(f"{made.name}.pub").read_bytes())
        if public
        else Step.to(place, made.read_bytes(), 0o600)
        for place, made in [(pair.place, pair.key.path)]
        for public in (True, False)
    ]


def _configurations(pairs: Sequence[_Pair], beside: Sequence[Path], paths: Paths, sshd: Sshd) -> tuple[Step, Step]:
    """sshd's configuration with both, and the way back to the one that there is."""
    usual = [pair.certificate for pair in pairs]
    place = dropin.place(sshd, paths, dropin.lines(paths, [*usual, *beside]))
    both = Step.to(place.path, place.content)
    if both.before is None:
        hint = "enrol it again: daypass token host NAME on the CA's machine, then daypass host enroll here"
        raise Misconfigured(
            f"sshd is not told of its certificates in {place.path}", code="host.sshd-config", hint=hint
        )
    return both, msgspec.structs.replace(both, before=both.after, after=both.before)


def _gone(step: Step) -> Step:
    return msgspec.structs.replace(step, before=step.after, after=None)
