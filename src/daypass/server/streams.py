"""The lines of a host's stream: NDJSON (one JSON object a line), each an `api.HostSyncResponse` with what is news.

A line is sent in parts, and a part only when the last one has left this process, so a host that reads slowly holds
little memory however large the KRL is; whoever stops reading is cut off by `protocol` and by the kernel (`sockets`).
"""

from __future__ import annotations

import resource
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

import msgspec

from daypass import api
from daypass.ca.host_calls import Synced
from daypass.server.ports import HostStream

__all__ = ["Lines", "room"]

PART: Final = 64 * 1024  # bytes
SPARED: Final = 2000  # descriptors that are left for people
_encode = msgspec.json.Encoder().encode


class _Line(msgspec.Struct, omit_defaults=True):
    bundle: api.Signed | None = None
    heartbeat: api.Signed | None = None
    trust: api.Signed | None = None
    retry_after: int | None = None
    ack_within: float = 0.0


class Lines:
    """`trust` gives the trust document and its version; `within` the seconds over which hosts are to answer."""

    def __init__(self, trust: Callable[[], tuple[api.Signed, int]], within: Callable[[], float] = float) -> None:
        self._trust, self._within = trust, within
        self._krl: tuple[bytes, bytes] = (b"", b"")  # the last, as it is and in base64: the same for all hosts

    async def of(self, stream: HostStream, trust_version: int) -> AsyncIterator[bytes]:
        """The parts of all lines; `trust_version` is what the host has."""
        async for synced in stream.told():
            trust, version = self._trust()
            line = _Line(
                bundle=api.Signed(*synced.bundle) if synced.bundle else None,
                heartbeat=api.Signed(*synced.heartbeat) if synced.heartbeat else None,
                trust=trust if version > trust_version else None,
                ack_within=self._within() if synced.bundle else 0.0,
            )
            trust_version = max(version, trust_version)
            for part in self._parts(line, synced):
                yield part
        if stream.retry_after is not None:
            yield _encode(_Line(retry_after=stream.retry_after)) + b"\n"

    def _parts(self, line: _Line, synced: Synced) -> Iterator[bytes]:
        text = _encode(line) + b"\n"
        if synced.krl is not None:
            if self._krl[0] != synced.krl:
                self._krl = synced.krl, b64encode(synced.krl)
            krl = self._krl[1]
            yield b'{"krl":"'
            yield from (krl[at : at + PART] for at in range(0, len(krl), PART))
            text = b'",' + text[1:]  # there is a bundle or a heartbeat behind it
        yield from (text[at : at + PART] for at in range(0, len(text), PART))


def room() -> int:
    """How many streams the descriptors of this process suffice for."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(0, most - SPARED) if most != resource.RLIM_INFINITY else 1 << 30
