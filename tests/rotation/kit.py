"""A CA in a folder, whose keys are rotated without its command line."""

from __future__ import annotations

import asyncio
from pathlib import Path

from daypass.api import TrustDocument
from daypass.assemble import Parts, load_parts
from daypass.config import load
from daypass.founding import Plan, found
from daypass.founding.trust import read_trust
from daypass.rotation import Ground, Standing, announce, retire, sign
from daypass.signers.file import FileSigner

NOW = 1_800_000_000
USES = ("user", "host", "bundle", "tls")
SSH = ("user", "host", "bundle")
FIRST = {"user": "user_ca", "host": "host_ca", "bundle": "bundle", "tls": "tls_root.key"}
NEXT = {"user": "user_ca-2", "host": "host_ca-2", "bundle": "bundle-2", "tls": "tls_root-2.key"}


class Rotating:
    """`stage` runs one for a use; `told` is what the stages said."""

    def __init__(self, folder: Path, passphrase: bytes | None = None) -> None:
        self.file, self.passphrase = folder / "ca/daypass.toml", passphrase
        plan = Plan("Example", "https://ca.example.com", ("*.example.com",), self.file, passphrase=passphrase)
        self.founded = found(plan, now=NOW)
        self.keys = self.file.parent / "keys"
        self.told: list[str] = []
        self.root_file, self.root_passphrase = self.founded.offline, passphrase

    def stage(self, use: str, *stages: str) -> None:
        ground, moment = self.ground(use), NOW + 60
        for each in stages:
            if each == "announce":
                asyncio.run(announce(ground, self.passphrase, self.root, moment, self.told.append))
            elif each == "sign":
                asyncio.run(sign(ground, moment, self.told.append))
            else:
                asyncio.run(retire(ground, self.root, moment, self.told.append))

    def root(self) -> FileSigner:
        return FileSigner.load(self.root_file, self.root_passphrase)

    def ground(self, use: str) -> Ground:
        return Ground(self.file, Path("/"), use)

    def standing(self, use: str) -> Standing:
        return self.ground(use).standing()

    def trust(self) -> TrustDocument:
        return read_trust(self.file.parent / "trust.json").document

    def parts(self) -> Parts:
        """As `ca serve` would begin with. Raises Misconfigured where it could not."""
        return load_parts(load(self.file), self.passphrase)

    def signs(self, use: str) -> str:
        return self.parts().keys.fingerprints[use]

    def key_files(self) -> set[str]:
        return {str(each.relative_to(self.keys)) for each in self.keys.rglob("*") if each.is_file()}
