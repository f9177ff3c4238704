"""An issuer's keys from a file on this machine, where the CA can't or shall not ask anybody (RFC 7517)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from daypass.errors import Invalid, Unavailable
from daypass.provisioners.discovery import MAX_ANSWER
from daypass.provisioners.jose import parse_object
from daypass.provisioners.jwks import KeySet, ProviderKey

__all__ = ["FileKeys"]


class FileKeys:
    """Read again whenever the file is another one than before."""

    def __init__(self, name: str, path: str, algorithms: Collection[str]) -> None:
        self._name, self._path, self._algorithms = name, Path(path), algorithms
        self._mark: tuple[int, int, int] | None = None
        self._keys = KeySet()

    async def find(self, kid: str | None, algorithm: str, *, anew: bool = False) -> ProviderKey | None:  # noqa: ARG002 - it is looked at each time
        """Raises Unavailable where the file can't be read."""
        try:
            self._look()
        except (OSError, Invalid) as error:
            why = error.message if isinstance(error, Invalid) else error.strerror or "it can't be read"
            raise Unavailable(
                f'"{self._name}" has no keys to verify tokens with: {self._path}: {why}',
                code="workload.keys",
                hint="operator: put the platform's JSON Web Key Set there, readable by the CA",
            ) from error
        return self._keys.find(kid, algorithm)

    def _look(self) -> None:
        found = self._path.stat()
        mark = (found.st_ino, found.st_mtime_ns, found.st_size)
        if mark == self._mark:
            return
        if found.st_size > MAX_ANSWER:
            raise Invalid(f"it has more than {MAX_ANSWER} bytes", code="workload.keys")
        self._keys = KeySet.parse(parse_object(self._path.read_bytes()), self._algorithms)
        self._mark = mark
