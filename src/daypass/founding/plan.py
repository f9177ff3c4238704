"""What has to be known to make a CA, and what there is to know of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daypass.config.starter import Starter

__all__ = ["CONFIG_FILE", "Founded", "Plan"]

CONFIG_FILE = Path("/etc/daypass/daypass.toml")


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be known beforehand. Paths are absolute; `root` is put before all of them when writing.

    Everything but the system-wide configuration keeps its whole CA in the configuration's folder.
    """

    name: str
    url: str
    host_domains: tuple[str, ...]
    config: Path = CONFIG_FILE
    database: str = ""  # empty: SQLite
    issuer: str = ""
    client_id: str = ""
    passphrase: bytes | None = None
    passphrase_file: Path | None = None  # only named in the configuration; its content is `passphrase`
    root: Path = Path("/")

    @property
    def folder(self) -> Path:
        return self.config.parent

    def starter(self) -> Starter:
        apart = self.config == CONFIG_FILE
        state = Path("/var/lib/daypass") if apart else self.folder
        return Starter(
            name=self.name,
            url=self.url,
            host_domains=self.host_domains,
            database=self.database or f"sqlite:///{state / 'ca.sqlite'}",
            state=state,
            admin_socket=(Path("/run/daypass") if apart else self.folder) / "admin.sock",
            trust=self.folder / "trust.json",
            keys=self.folder / "keys",
            issuer=self.issuer,
            client_id=self.client_id,
            passphrase_file=self.passphrase_file,
        )


@dataclass(frozen=True, slots=True)
class Founded:
    """A CA that can be served. `fingerprint` is the X.509 root's SHA-256 in hex, the one thing people need."""

    ca_id: bytes
    fingerprint: str
    url: str
    offline: Path
    files: tuple[Path, ...]

    @property
    def join(self) -> str:
        return f"daypass bootstrap {self.url.rstrip('/')}/#{self.fingerprint}"
