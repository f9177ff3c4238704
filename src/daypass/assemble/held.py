"""The CA's keys as this machine's files have them now: rotation counts while the process runs.

What is looked at are the [[keys]] of the configuration, in their order, and the trust document. A file that can't be
used leaves the keys as they were, for as long as the trust document lets them sign.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from pathlib import Path

from msgspec.structs import replace

from daypass.assemble.parts import KeyFiles, Parts, load_parts
from daypass.config import Config, KeySection
from daypass.errors import DaypassError, Misconfigured
from daypass.server.tls import Leaf

__all__ = ["Held"]

log = logging.getLogger("daypass.ca")


class Held:
    """`file` is the configuration, `read` gives it as it is now; without them the keys are those of the start."""

    def __init__(
        self,
        parts: Parts,
        files: KeyFiles | None = None,
        read: Callable[[], Config] | None = None,
        file: Path | None = None,
    ) -> None:
        self.parts = parts
        self._files, self._read, self._file = files or KeyFiles(), read, file
        self._keys, self._seen = parts.config.keys, _stamp(file)

    def leaf(self) -> Leaf:
        """For TLS, under the root that counts now."""
        return self.parts.leaves()

    def mark(self) -> Hashable:
        """Differs where a look may find something new."""
        seen = _stamp(self._file)
        if seen != self._seen:
            self._seen, self._keys = seen, self._named()
        return _stamp(self.parts.config.ca.trust), tuple((key.use, key.file, _stamp(key.file)) for key in self._keys)

    def look(self) -> Parts:
        """The parts as the files are now. Raises Misconfigured where nothing that is held may sign any more."""
        self.mark()
        named, before = self._keys, self.parts
        try:
            self.parts = self._loaded(named)
        except DaypassError as error:
            if named == before.config.keys:
                raise
            log.error("the keys stay as they were: %s (%s)", error.message, error.hint or error.code)
            self.parts = self._loaded(before.config.keys)
        if self.parts.user_keys[0] != before.user_keys[0]:
            log.warning("people's certificates are signed with %s now", self.parts.user_keys[0].fingerprint)
        if self.parts.host_keys[0] != before.host_keys[0]:
            log.warning("hosts' certificates are signed with %s now", self.parts.host_keys[0].fingerprint)
        return self.parts

    def _loaded(self, keys: list[KeySection]) -> Parts:
        found = load_parts(replace(self.parts.config, keys=keys), files=self._files)
        if found.ca_id != self.parts.ca_id:
            path = found.config.ca.trust
            hint = "put this CA's own back"
            raise Misconfigured(f"the trust document {path} is another CA's", code="trust", hint=hint)
        return found

    def _named(self) -> list[KeySection]:
        """A file with a mistake in it is told of by whoever publishes it."""
        try:
            return self._read().keys if self._read is not None else self._keys
        except DaypassError:
            return self._keys


def _stamp(path: Path | None) -> Hashable:
    try:
        status = path.stat() if path is not None else None
    except OSError:
        status = None
    return None if status is None else (status.st_mtime_ns, status.st_size, status.st_ino)
