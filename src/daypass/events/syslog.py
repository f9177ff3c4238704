"""Syslog by RFC 5424, over a Unix socket, UDP (RFC 5426), TCP (RFC 6587, octet counting) or TLS (RFC 5425).

Facility authpriv, MSGID the act, MSG the entry in JSON. Structured data are those that IANA lists: meta's sequenceId
is the entry's number in the ledger. UDP and Unix sockets tell nobody what was lost; TCP tells of it late, so events
that went out shortly before a connection broke may be lost: a webhook or a file is for those who must have all.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from daypass import __version__
from daypass.ca.event_ports import Event
from daypass.errors import Misconfigured, Unavailable
from daypass.events.sizes import fitting
from daypass.times import utc

__all__ = ["ADDRESS", "Syslog", "message"]

ADDRESS = re.compile(
    r"unix:(?P<path>/[^\0]{1,106})|(?P<by>udp|tcp|tls):(?P<host>[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]):(?P<port>\d{1,5})"
)
AUTHPRIV = 10
MOST_DATAGRAM = 1600  # bytes of an entry: RFC 5426 section 3.2 asks receivers for 2,048 in all
MOST_STREAM = 7 * 1024  # RFC 5425 section 4.3.1 asks for 8,192
_NAME = re.compile(r"[^!-~]")
T = TypeVar("T")


class Syslog:
    """`address`: unix:/dev/log, udp:HOST:514, tcp:HOST:601 or tls:HOST:6514."""

    def __init__(self, address: str, *, roots: Path | None = None) -> None:
        found = ADDRESS.fullmatch(address)
        if found is None:
            raise Misconfigured(f"{address!r} is no address of a syslog", code="events.address")
        self._path, self._by = found["path"], found["by"] or "unix"
        self._host, self._port = (found["host"] or "").strip("[]"), int(found["port"] or 0)
        self._context = _context(roots) if self._by == "tls" else None
        self._socket: socket.socket | None = None
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, event: Event) -> None:
        if self._by in ("tcp", "tls"):
            line = message(event, MOST_STREAM)
            await self._try(self._write(b"%d %s" % (len(line), line)))
        else:
            await self._try(self._datagram(message(event, MOST_DATAGRAM)))

    async def settle(self) -> None:
        """What a stream is known to have lost is known here."""
        if self._stream is None:
            return
        reader, writer = self._stream
        await self._try(writer.drain())
        if reader.at_eof() or writer.is_closing():
            await self.close()
            raise _failed("the connection was closed")

    async def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._stream is not None:
            self._stream[1].close()
        self._socket = self._stream = None

    async def _datagram(self, line: bytes) -> None:
        loop = asyncio.get_running_loop()
        if self._socket is None:
            self._socket = await self._open()
        await loop.sock_sendall(self._socket, line)

    async def _open(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        family, to = socket.AF_UNIX, self._path
        if self._by == "udp":
            family, _, _, _, to = (await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM))[0]
        made = socket.socket(family, socket.SOCK_DGRAM)
        made.setblocking(False)
        try:
            await loop.sock_connect(made, to)
        except BaseException:
            made.close()
            raise
        return made

    async def _write(self, frame: bytes) -> None:
        if self._stream is None:
            self._stream = await asyncio.open_connection(self._host, self._port, ssl=self._context)
        reader, writer = self._stream
        if reader.at_eof():
            raise ConnectionResetError("the connection was closed")
        writer.write(frame)
        await writer.drain()

    async def _try(self, step: Awaitable[T]) -> T:
        try:
            return await step
        except OSError as error:
            await self.close()
            reason = error.strerror or str(error) or type(error).__name__
            raise _failed(f"{self._by}: {reason:.200}") from error
        except asyncio.CancelledError:
            await self.close()  # part of a frame may be out
            raise


def message(event: Event, most: int) -> bytes:
    """RFC 5424 section 6. `most`: bytes of the entry in it."""
    pri = AUTHPRIV * 8 + event.severity
    host = _NAME.sub("", socket.gethostname())[:255] or "-"
    act = _NAME.sub("", event.act)[:32] or "-"
    meta = f'[meta sequenceId="{event.seq % 2147483647 or 1}"][origin software="daypass" swVersion="{__version__}"]'
    head = f"<{pri}>1 {utc(event.time)} {host} daypass {os.getpid()} {act} {meta} "
    return head.encode() + b"\xef\xbb\xbf" + fitting(event, most)


def _context(roots: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=roots)
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{roots} holds no certificates in PEM", code="events.roots") from error


def _failed(message: str) -> Unavailable:
    return Unavailable(message, code="events.syslog")
