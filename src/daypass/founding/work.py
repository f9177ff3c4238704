"""One founding under way: each step, and how it is taken back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.config import Config, errors_in, policy_document, policy_hash, rebased
from daypass.config.reading import examine
from daypass.errors import Conflict, Invalid, Misconfigured
from daypass.founding.plan import Founded, Plan
from daypass.founding.trust import describe, public_half, sign
from daypass.signers.file import FileSigner
from daypass.signers.generate import serialised, write_new
from daypass.signers.x509 import certificate_file, encode_certificate, fingerprint, make_root
from daypass.store import SqlStore, open_store
from daypass.wire import PublicKey

__all__ = ["found"]

Tell = Callable[[str], None]


def found(plan: Plan, *, now: int, tell: Tell = lambda _: None) -> Founded:
    """Make the CA. `tell` hears of each step as it is done.

    Raises Invalid for a plan that makes no sense, Conflict where a CA (or a part of one) exists already, both
    before anything is written; Misconfigured where something can't be written.
    """
    if plan.passphrase == b"":
        raise Invalid("the passphrase is empty", code="init.passphrase", hint="give one, or none at all")
    text = plan.starter().text()
    config, problems = examine(text)
    if mistakes := errors_in(problems):
        raise Invalid("".join(f"\n  {mistake}" for mistake in mistakes).strip(), code="init.plan")
    config = rebased(config, plan.root)
    with _Work(plan, config, now, tell) as work:
        work.refuse_what_exists()
        founded = work.run(text)
        work.undo.pop_all()
    return founded


class _Work:
    """One founding under way: what it makes is in `undo` until all is done."""

    def __init__(self, plan: Plan, config: Config, now: int, tell: Tell) -> None:
        self.plan, self.config, self.now, self.tell = plan, config, now, tell
        self.undo = ExitStack()
        self.folder = plan.root / plan.folder.relative_to("/")
        self.config_file = self.folder / plan.config.name
        self.offline = self.folder / "offline" / "trust_root"
        self.keys = {key.use: key.file for key in config.keys}
        self.database = _sqlite_file(config.ca.database)

    def __enter__(self) -> _Work:
        return self

    def __exit__(self, *_: object) -> None:
        self.undo.close()

    def targets(self) -> tuple[Path, ...]:
        ssh_keys = (self.offline, *(self.keys[use] for use in ("user", "host", "bundle")))
        public = map(public_half, ssh_keys)
        tls = (self.keys["tls"], certificate_file(self.keys["tls"]))
        database = () if self.database is None else (self.database,)
        return (*ssh_keys, *public, *tls, self.config.ca.trust, self.config_file, *database)

    def refuse_what_exists(self) -> None:
        existing = [path for path in self.targets() if os.path.lexists(path)]
        if existing:
            finished = self.config_file in existing
            raise Conflict(
                f"there is a CA already: {_listed(existing)}",
                code="init.exists",
                hint=f"give another --config, or run this one: daypass ca serve --config {self.plan.config}"
                if finished
                else "if these are left from an init that was cut short, remove them and run it again",
            )
        if self.database is None:
            asyncio.run(_refuse_used_database(self.config.ca.database))

    def run(self, text: str) -> Founded:
        ca_id, lines = self.make_ssh_keys()
        root = self.make_tls_root(ca_id)
        self.sign_trust(ca_id)
        self.write(self.config_file, text.encode(), 0o600)
        self.tell(f"configuration {self.config_file}")
        self.begin_record(ca_id, fingerprint(root), lines)
        return Founded(ca_id, fingerprint(root), self.config.ca.url, self.offline, self.targets())

    def make_ssh_keys(self) -> tuple[bytes, dict[str, str]]:
        """The CA id, and the public key line of each use."""
        trust_root = self.make_key(self.offline, "trust root")
        uses = {use: self.make_key(self.keys[use], what) for use, what in _SSH_KEYS.items()}
        return sha256(trust_root.blob).digest(), {use: key.line() for use, key in uses.items()}

    def make_key(self, path: Path, what: str) -> PublicKey:
        key = Ed25519PrivateKey.generate()
        public = PublicKey.from_cryptography(key.public_key())
        self.write(path, serialised(key, self.plan.passphrase), 0o600)
        self.write(public_half(path), f"{public.line(f'{self.plan.name} {what}')}\n".encode(), 0o644)
        self.tell(f"{what} {path}")
        return public

    def make_tls_root(self, ca_id: bytes) -> x509.Certificate:
        root, key = make_root(self.plan.name, ca_id, self.now)
        path = self.keys["tls"]
        self.write(path, serialised(key, self.plan.passphrase), 0o600)
        self.write(certificate_file(path), encode_certificate(root), 0o644)
        self.tell(f"TLS root {path}")
        return root

    def sign_trust(self, ca_id: bytes) -> None:
        document = describe(self.config, ca_id, version=1, now=self.now)
        signed = asyncio.run(sign(document, FileSigner.load(self.offline, self.plan.passphrase)))
        self.write(self.config.ca.trust, msgspec.json.encode(signed), 0o644)
        self.tell(f"trust document {self.config.ca.trust}")

    def begin_record(self, ca_id: bytes, root: str, lines: dict[str, str]) -> None:
        if self.database is not None:
            self.make_folder(self.database.parent)
            for suffix in ("", "-wal", "-shm", "-journal"):
                self.undo.callback(Path(f"{self.database}{suffix}").unlink, missing_ok=True)
        details: dict[str, object] = {
            "ca_id": ca_id.hex(),
            "tls_root": root,
            "keys": {use: PublicKey.from_line(line).fingerprint for use, line in lines.items()},
        }
        asyncio.run(_begin(self.config, details, self.now))
        self.tell("database and the first entries of the ledger")

    def write(self, path: Path, data: bytes, mode: int) -> None:
        self.make_folder(path.parent)
        write_new(path, data, mode)
        self.undo.callback(path.unlink, missing_ok=True)  # only now: a file that was there is not ours to remove

    def make_folder(self, path: Path) -> None:
        """0700, and its parents; those that exist are left as they are."""
        missing = [each for each in (path, *path.parents) if not os.path.lexists(each)]
        for each in reversed(missing):
            try:
                each.mkdir(mode=0o700)
            except OSError as error:
                raise Misconfigured(f"{each} can't be made: {error.strerror}", code="init.folder") from error
            self.undo.callback(_remove_empty, each)


_SSH_KEYS = {"user": "user CA key", "host": "host CA key", "bundle": "bundle key"}


async def _begin(config: Config, details: dict[str, object], now: int) -> None:
    store: SqlStore = open_store(config.ca.database, create=True)
    actor = f"uid:{os.geteuid()}"
    try:
        await store.add_event("ca.init", details, actor=actor, now=now)
        await store.publish(policy_document(config), policy_hash(config), actor=actor, now=now)
    finally:
        await store.close()


async def _refuse_used_database(url: str) -> None:
    """A database server may hold another CA, or not have been used yet; that it answers is known afterwards."""
    try:
        store = open_store(url)
    except Misconfigured as error:
        if error.code == "store.version":
            return
        raise
    try:
        if await store.active_config() is not None:
            raise Conflict("the database holds a CA already", code="init.exists", hint="give another --database")
    finally:
        await store.close()


def _listed(paths: list[Path]) -> str:
    rest = f" and {len(paths) - 3} more files" if len(paths) > 3 else ""
    return ", ".join(map(str, paths[:3])) + rest


def _sqlite_file(url: str) -> Path | None:
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:") else None


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # someone has put something there; it is theirs
