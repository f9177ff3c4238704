"""The other ends of many streams: `python -m bench.listening PORT ROOT FILE`, told what to do by words on stdin.

open    open a stream for every host of FILE; says how many, and how long it took
mark    forget what was counted
count   how many streams are alive (open, and heard of since the mark), how many bundles came, when the first and
        the last (CLOCK_MONOTONIC, which all processes of a machine share)
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.api import HostProof
from daypass.wire import PublicKey, SshSignature, sign_blob, sshsig
from daypass.wire.binding import HOST_REQUEST_NAMESPACE, request_message

AT_ONCE = 64  # streams that are being opened


@dataclass(frozen=True, slots=True)
class Listener:
    """A host: its id, its raw Ed25519 key, its certificate."""

    id: str
    key: bytes
    certificate: bytes
    ca_id: bytes


def request(host: Listener, path: str, body: bytes) -> bytes:
    """One signed call, as it is written to a connection."""
    key, now, nonce = Ed25519PrivateKey.from_private_bytes(host.key), int(time.time()), os.urandom(16)
    message = request_message(host.ca_id, "POST", path, body, now, nonce)
    signature = sign_blob(key, sshsig.to_be_signed(HOST_REQUEST_NAMESPACE, message))
    public = PublicKey.from_cryptography(key.public_key())
    proof = SshSignature(public, HOST_REQUEST_NAMESPACE, "sha512", signature).encode()
    shown = HostProof(certificate=host.certificate, time=now, nonce=nonce, proof=proof).header()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {shown}\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


class Counted:
    def __init__(self) -> None:
        self.bundles = 0
        self.first = self.last = 0.0

    def bundle(self) -> None:
        self.last = time.monotonic()
        self.first = self.first or self.last
        self.bundles += 1


class End(asyncio.Protocol):
    def __init__(self, host: Listener, counted: Counted) -> None:
        self._host, self.counted = host, counted
        self.heard = asyncio.get_running_loop().create_future()
        self.lines, self.is_open = 0, False

    def connection_made(self, transport: Any) -> None:
        transport.write(request(self._host, "/v1/host/stream", b"{}"))

    def data_received(self, data: bytes) -> None:
        if not self.heard.done():
            self.is_open = data.startswith(b"HTTP/1.1 200")
            self.heard.set_result(None)
            if not self.is_open:
                print(data[-200:], file=sys.stderr)
        if b'"bundle":{' in data:
            self.counted.bundle()
        self.lines += data.count(b"-----END SSH SIGNATURE-----")

    def connection_lost(self, _exc: Exception | None) -> None:
        self.is_open = False
        if not self.heard.done():
            self.heard.set_result(None)


class Ends:
    """`make` makes the end of one host."""

    def __init__(
        self,
        address: tuple[str, int],
        root: str,
        fleet: list[Listener],
        make: Callable[[Listener, Counted], End] | None = None,
        count: type[Counted] = Counted,
    ) -> None:
        self._address, self._context, self._fleet = address, ssl.create_default_context(cafile=root), fleet
        self._make, self._count = make or End, count
        self._counted, self._ends = count(), list[End]()

    async def open(self) -> dict[str, float]:
        began, queue = time.monotonic(), list(self._fleet)
        await asyncio.gather(*(self._open_some(queue) for _ in range(AT_ONCE)))
        return {"open": sum(end.is_open for end in self._ends), "seconds": time.monotonic() - began}

    async def _open_some(self, queue: list[Listener]) -> None:
        loop = asyncio.get_running_loop()
        while queue:
            host = queue.pop()
            _, end = await loop.create_connection(
                lambda host=host: self._make(host, self._counted),  # type: ignore[misc]
                *self._address, ssl=self._context,
            )  # fmt: skip
            await end.heard
            self._ends.append(end)

    async def mark(self) -> dict[str, float]:
        self._counted = self._count()
        for end in self._ends:
            end.lines, end.counted = 0, self._counted
        return {}

    async def count(self) -> dict[str, Any]:
        alive = sum(end.is_open and end.lines > 0 for end in self._ends)
        return {"alive": alive, **vars(self._counted)}


async def told(ends: Ends) -> None:
    """Do what the words on stdin say, one after the other."""
    while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
        print(json.dumps(await getattr(ends, word)()), flush=True)


if __name__ == "__main__":
    port, root, file = sys.argv[1:]
    fleet = pickle.loads(Path(file).read_bytes())  # noqa: S301  # our own parent's
    uvloop.run(told(Ends(("localhost", int(port)), root, fleet)))
