"""The TLS side of the port: a leaf that replaces itself while the server runs.

Clients pin the root, so a leaf may live for days and be made anew at any time; connections that are open keep the
one they began with.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Protocol

__all__ = ["ByName", "Leaf", "LiveContext", "TlsSource", "context_with"]

CHECK_EVERY: Final = 5.0  # seconds
RETRY_AFTER: Final = 60.0  # seconds, where a leaf could not be made
log = logging.getLogger("daypass.server")


@dataclass(frozen=True, slots=True)
class Leaf:
    """PEM of the chain (leaf first, root left out) and of its key; validity in unix seconds."""

    chain: bytes
    key: bytes
    not_before: float
    not_after: float

    @property
    def renew_at(self) -> float:
        """Two thirds of its life."""
        return self.not_before + (self.not_after - self.not_before) * 2 / 3

    def __repr__(self) -> str:
        return f"Leaf(until {self.not_after:.0f})"


TlsSource = Callable[[], Leaf]
"""Makes a fresh leaf each time it is called."""


class ByName(Protocol):
    """Another certificate, for connections that ask for `host` (RFC 6066 section 3)."""

    host: str
    context: ssl.SSLContext

    def refresh(self) -> bool: ...


class LiveContext:
    """An SSLContext for new connections, always with a leaf that is valid for a while yet.

    `other` serves one host name by a certificate of its own; whoever asks for another name, or none, gets the leaf.
    `mark` is what the leaf is made with: with another one, it is made anew.
    """

    def __init__(
        self,
        source: TlsSource,
        now: Callable[[], float] = time.time,
        other: ByName | None = None,
        mark: Callable[[], Hashable] = lambda: None,
    ) -> None:
        self._source, self._mark = source, mark
        self._made_with = mark()
        self._not_before = 0.0  # of the next attempt
        self._now = now
        self._other = other
        self._leaf = source()
        self.context = context_with(self._leaf)
        if other is not None:
            self.context.sni_callback = self._by_name

    def _by_name(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        if self._other is not None and name is not None and name.lower() == self._other.host:
            connection.context = self._other.context

    def refresh(self) -> bool:
        """Replace the leaf if it is due. A source that fails is logged and asked again at the next check."""
        mark, now = self._mark(), self._now()
        if now < self._not_before or (now < self._leaf.renew_at and mark == self._made_with):
            return False
        try:
            leaf = self._source()
            context_with(leaf)  # a leaf and key that do not fit would leave the live context with half of each
            _load(self.context, leaf)
        except Exception:
            log.exception("the TLS leaf could not be renewed; the old one ends at %d", self._leaf.not_after)
            self._not_before = now + RETRY_AFTER
            return False
        self._leaf, self._made_with = leaf, mark
        return True

    async def keep_fresh(self) -> None:
        """Look often, until cancelled: at whether the leaf is due, at its root, and at files that others renew."""
        while True:
            await asyncio.sleep(CHECK_EVERY)
            self.refresh()
            if self._other is not None:
                self._other.refresh()


def context_with(leaf: Leaf) -> ssl.SSLContext:
    """TLS 1.2 and later (RFC 8996); no compression (CRIME, CVE-2012-4929), no renegotiation (CVE-2009-3555).

    No session tickets: no client of ours resumes, and their key would undo forward secrecy for as long as it lives.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    _load(context, leaf)
    return context


def _load(context: ssl.SSLContext, leaf: Leaf) -> None:
    """OpenSSL reads files; pipes keep the key off the disk. Both fit into a pipe's buffer."""
    with _readable(leaf.chain) as chain, _readable(leaf.key) as key:
        context.load_cert_chain(f"/dev/fd/{chain.fileno()}", f"/dev/fd/{key.fileno()}", password=_no_passphrase)


def _no_passphrase() -> str:
    """For a key that is encrypted: without this OpenSSL would ask for it on the terminal."""
    return ""


def _readable(data: bytes) -> _Pipe:
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        written = os.write(writer, data)
    finally:
        os.close(writer)
    if written != len(data):
        os.close(reader)
        raise ValueError("a TLS chain or key larger than a pipe takes")
    return _Pipe(reader)


class _Pipe:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def __enter__(self) -> _Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
