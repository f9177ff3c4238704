"""A PostgreSQL cluster of the tests' own, reached over a Unix socket in a folder that is theirs."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from tests.parts.needs import need
from tests.parts.processes import safe_directory, stop, wait_until

__all__ = ["Postgres", "run_postgres"]

# What a crash of the machine could lose is of no interest here; what a killed server could lose still holds.
_INITDB = ("--no-sync", "-U", "daypass", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
_SETTINGS = ("listen_addresses=", "fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=200")


@dataclass(slots=True)
class Postgres:
    """A running cluster with a superuser `daypass`. Its folder is its socket's folder too."""

    directory: Path
    process: subprocess.Popen[bytes]
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str = "postgres") -> str:
        """For SQLAlchemy."""
        return f"postgresql+psycopg://daypass@/{database}?host={self.directory}"

    def dsn(self, database: str = "postgres") -> str:
        """For psycopg."""
        return f"host={self.directory} user=daypass dbname={database}"

    def fresh(self, template: str = "template1") -> str:
        """The name of a new database, a copy of `template` (to which nobody may be connected); about 30 ms."""
        name = f"test{next(self._numbers)}"
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        return name

    def fresh_url(self, template: str = "template1") -> str:
        return self.url(self.fresh(template))

    def is_up(self) -> bool:
        if self.process.poll() is not None:
            raise ChildProcessError(f"postgres ended:\n{(self.directory / 'log').read_text(errors='replace')}")
        try:
            psycopg.connect(self.dsn()).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def run_postgres() -> Iterator[Postgres]:
    """initdb and start, about a second. PostgreSQL refuses to be root, so as root it runs as `postgres`."""
    binaries = need("postgresql")
    with safe_directory() as directory:
        drop = _as_postgres(directory)
        directory.chmod(0o700)  # `trust` is for those who can reach the socket
        subprocess.run(
            [*drop, binaries / "initdb", "-D", directory / "data", *_INITDB],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                [*drop, binaries / "postgres", "-D", directory / "data", "-k", directory, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )
        cluster = Postgres(directory, process)
        try:
            wait_until(cluster.is_up, "postgres start")
            yield cluster
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)  # fast shutdown: does not wait for clients
            stop(process)


def _as_postgres(directory: Path) -> list[str]:
    if os.geteuid() != 0:
        return []
    shutil.chown(directory, "postgres", "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
