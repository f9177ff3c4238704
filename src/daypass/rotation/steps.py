"""The three stages. Each does what is still to be done, so one that was cut short is run again.

Order within a stage: everything that may refuse, the ledger, then files, each whole or not there. The configuration
names a key only once its files are there, and no longer names it before they go.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from daypass.ca.ports import Signer
from daypass.config import Config, load, rebased
from daypass.errors import Conflict
from daypass.founding.trust import TrustFile, describe, read_trust, replace_trust, require_root
from daypass.rotation.keyfiles import fingerprint_of, following, make_next, number_of, numbered, put_away
from daypass.rotation.keylist import list_keys
from daypass.rotation.standing import KIND, Stage, Standing, standing
from daypass.signers.x509 import cross_file
from daypass.store import open_store

__all__ = ["Ground", "announce", "require_turn", "retire", "sign"]

Root = Callable[[], Signer]
"""Opens the offline root."""
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a rotation happens: the configuration as it lies on this machine, below `root`."""

    file: Path
    root: Path
    use: str

    def config(self) -> Config:
        return rebased(load(self.file), self.root)

    def trust(self) -> TrustFile:
        return read_trust(self.config().ca.trust)

    def standing(self) -> Standing:
        return standing(self.config(), self.trust().document, self.use)

    def named(self, file: Path) -> Path:
        """As the configuration writes it."""
        return Path("/") / file.relative_to(self.root)

    def list(self, *files: Path) -> None:
        list_keys(self.file, self.use, [self.named(file) for file in files])


async def announce(ground: Ground, passphrase: bytes | None, root: Root, now: int, tell: Tell) -> None:
    """Raises Conflict where a rotation is past this, Misconfigured for keys and roots that can't be opened."""
    at = _at(ground, "announce")
    file = at.newer[-1].file if at.newer else following(at.signing.file)
    signer = None if at.elsewhere else _opened(ground, root)
    if at.elsewhere and not file.exists():
        raise Conflict(
            f"the next {KIND[ground.use]} was announced on another machine: {at.elsewhere[-1]}",
            code="rotate.elsewhere",
            hint=f"copy its files from there, as {file} and what lies beside it, then run this again",
        )
    made = make_next(ground.use, at.signing.file, file, passphrase, now=now, ca_id=ground.trust().ca_id)
    key = fingerprint_of(ground.use, file)
    tell(f"{KIND[ground.use]} {file} {'made' if made else 'found'}: {key}")
    if at.elsewhere and key not in at.elsewhere:
        hint = "move it away, and copy the other machine's key here"
        raise Conflict(f"{file} is not the key that another machine announced", code="rotate.elsewhere", hint=hint)
    await _record(ground, {"stage": "announce", "key": key}, now)
    ground.list(*(each.file for each in at.keys if each.file != file), file)
    tell(f"{ground.file} names it, after the one that signs")
    if signer is not None:
        await _sign_trust(ground, signer, now, tell)


async def sign(ground: Ground, now: int, tell: Tell) -> None:
    """The newest signs from now on, at every process of this machine within seconds. Raises Conflict."""
    at = _at(ground, "sign")
    new = at.newer[-1]
    await _record(ground, {"stage": "sign", "key": new.fingerprint, "before": at.signing.fingerprint}, now)
    ground.list(new.file, *(each.file for each in at.keys if each != new))
    tell(f"{ground.file} names {new.file} first: it signs from now on")


async def retire(ground: Ground, root: Root, now: int, tell: Tell) -> None:
    """What signs is all that stays. Raises Conflict, and Misconfigured for a root that can't be opened."""
    at = _at(ground, "retire")
    going = [*at.dropped, *(each.fingerprint for each in at.older)]
    needs_root = any(each in going for each in at.announced)
    signer = _opened(ground, root) if needs_root else None
    await _record(ground, {"stage": "retire", "keys": going, "stays": at.signing.fingerprint}, now)
    ground.list(at.signing.file)
    if ground.use == "tls":
        cross_file(at.signing.file).unlink(missing_ok=True)  # who pins the old root alone is not to be led on
    if signer is not None:
        await _sign_trust(ground, signer, now, tell)
    for file in _left_behind(at):
        tell(f"{file} put away as {put_away(ground.use, file)}")


def _opened(ground: Ground, root: Root) -> Signer:
    """Before anything is changed."""
    signer = root()
    require_root(signer, ground.trust().ca_id)
    return signer


def _left_behind(at: Standing) -> list[Path]:
    """Also what a retirement that was cut short has left."""
    lower = (numbered(at.signing.file, number) for number in range(1, number_of(at.signing.file)))
    return [each for each in dict.fromkeys([*(key.file for key in at.older), *lower]) if each.exists()]


def require_turn(ground: Ground, option: str) -> None:
    """Raises Conflict where it is not the turn of this stage."""
    _at(ground, option)


def _at(ground: Ground, option: str) -> Standing:
    at = ground.standing()
    left = option == "retire" and at.stage is Stage.STEADY and _left_behind(at)
    if at.stage.following != option and not left:
        raise Conflict(
            f"the {KIND[ground.use]} is {_SAID[at.stage]}, so there is nothing to {option}",
            code="rotate.stage",
            hint=f"next is: daypass ca rotate {ground.use} --{at.stage.following}",
        )
    return at


_SAID: Mapping[Stage, str] = {
    Stage.STEADY: "not being rotated",
    Stage.ANNOUNCING: "being announced",
    Stage.ANNOUNCED: "announced",
    Stage.SIGNING: "one that signs, with the old one still believed",
    Stage.RETIRING: "being retired",
}


async def _sign_trust(ground: Ground, signer: Signer, now: int, tell: Tell) -> None:
    config, before = ground.config(), ground.trust()
    version = before.document.version + 1
    after = describe(config, before.ca_id, version=version, now=now, before=before.document)
    await replace_trust(config, before, after, signer, now)
    tell(f"version {version} of the trust document is in place")


async def _record(ground: Ground, details: dict[str, object], now: int) -> None:
    store = open_store(ground.config().ca.database)
    try:
        await store.add_event("ca.rotate", {"use": ground.use, **details}, actor=f"uid:{os.geteuid()}", now=now)
    finally:
        await store.close()
