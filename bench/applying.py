"""Agents as tasks of one process: `python -m bench.applying URL ROOT FILE FOLDER TRUST`, told what to do by words on
stdin, as `bench.listening` is.

Each verifies the bundle that its stream brings, takes the KRL that the bundle names, and puts it in place by rename.
What they leave to real agents is ssh-keygen's opinion of it, and the rest of a host's files: it is one machine that
all these hosts share here.
"""

from __future__ import annotations

import pickle
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import uvloop
from httptools import HttpResponseParser

from bench.listening import Counted, End, Ends, Listener, told
from daypass import trusted
from daypass.api import HostSyncResponse, Signed, TrustDocument
from daypass.host import files


class Applied(Counted):
    """`times`: when (unix seconds) each list was in place."""

    def __init__(self) -> None:
        super().__init__()
        self.times = list[float]()


class Applying(End):
    def __init__(self, host: Listener, counted: Counted, folder: Path, trust: TrustDocument) -> None:
        super().__init__(host, counted)
        self._file, self._trust, self._line = folder / host.id, trust, b""
        self._answer = HttpResponseParser(self)  # which calls `on_body`

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._answer.feed_data(data)

    def on_body(self, part: bytes) -> None:
        self._line += part
        if self._line.endswith(b"\n"):
            self._take(msgspec.json.decode(self._line, type=HostSyncResponse))
            self._line = b""

    def _take(self, answer: HostSyncResponse) -> None:
        assert isinstance(self.counted, Applied)
        if answer.bundle is None or answer.krl is None:
            return
        bundle = trusted.verify_bundle(answer.bundle, self._trust, now=time.time())
        if sha256(answer.krl).hexdigest() == bundle.krl_digest:
            files.write(self._file, answer.krl, 0o644)
            self.counted.times.append(time.time())


def main(url: str, root: str, file: Path, folder: Path, trust: Path) -> None:
    found = urlsplit(url)
    fleet: list[Listener] = pickle.loads(file.read_bytes())  # noqa: S301  # our own parent's
    signed = msgspec.json.decode(trust.read_bytes(), type=Signed)
    document = trusted.verify_trust(signed, fleet[0].ca_id)

    def make(host: Listener, counted: Counted) -> Any:
        return Applying(host, counted, folder, document)

    uvloop.run(told(Ends((found.hostname or "", found.port or 443), root, fleet, make, Applied)))


if __name__ == "__main__":
    url, root, *rest = sys.argv[1:]
    main(url, root, *map(Path, rest))
