"""HTTP/1.1 connections with the limits uvicorn leaves open, and with the peer of a Unix socket.

A request head has `HEAD_SECONDS` to arrive and `MAX_HEAD` bytes to do it in, an answer `WRITE_SECONDS` to be taken,
and no more than `MAX_PIPELINED` requests wait for the one before; without that, one client that sends a byte a minute
(or never stops sending, or never reads) holds a connection, or memory, for as long as it likes.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from daypass.api import MAX_BODY, Error
from daypass.server import answers

__all__ = ["HEAD_SECONDS", "MAX_HEAD", "LimitedProtocol", "PeerProtocol"]

HEAD_SECONDS: Final = 10.0
WRITE_SECONDS: Final = 30.0
LINGER_SECONDS: Final = 1.0  # a polite close reads on for as long as the client sends
MAX_PIPELINED: Final = 8  # no client of ours sends a request before it has the last one's answer
MAX_HEAD: Final = 64 * 1024  # bytes; a day pass with 256 of the longest principals, twice in base64, takes 50 KiB
_MAX_MESSAGE: Final = (
    16 * MAX_BODY
)  # bytes read in all; a refused body is swallowed up to here, so the answer arrives
_PEER = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))


class LimitedProtocol(HttpToolsProtocol):
    """One connection."""

    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _in_head = True
    _received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.access_log = False  # uvicorn's own line holds the query; ours does not
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)  # which resumes writing

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        if self._received > (MAX_HEAD if self._in_head else _MAX_MESSAGE):
            self._too_much()
        elif not self._is_due():
            self._disarm()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _is_due(self) -> bool:
        """Whether the client has to come to the point: in a head, and with a body whose answer has left already, for
        uvicorn stops its keep-alive clock at every byte and starts it again with an answer only."""
        answered = self.cycle is None or self.cycle.response_complete
        return answered or (self._in_head and self._received > 0)

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:  # each one is a thousand times the 18 bytes it takes to ask
            raise ValueError("too many requests at once")
        self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Not those behind a chunked body: nothing here reads them, and a megabyte of them takes twenty to keep."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._received = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        unread = self.cycle is not None and self.cycle.more_body
        super().on_response_complete()
        if unread and self.transport.is_closing():
            self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def shutdown(self) -> None:
        """Idle connections are dropped: TLS's farewell would wait for a client that isn't reading."""
        idle = self.cycle is None or self.cycle.response_complete
        if idle and not self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        self._last_words(400, msg)

    def _too_much(self) -> None:
        if self._in_head and not self.transport.is_closing():
            self._last_words(431, "the request is too large")
        elif not self._in_head:
            self.transport.abort()

    def _last_words(self, status: int, message: str) -> None:
        """An answer to what never became a request, in the shape of all others."""
        if self.cycle is None or self.cycle.response_complete:
            body = answers.encode(Error(status=status, message=message, code="http"))
            head = f"HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\nconnection: close\r\n"
            self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self.transport.close()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.abort()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class PeerProtocol(LimitedProtocol):
    """A connection of the administration socket: every request's scope says whose process it came from."""

    _peer: dict[str, Any]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        connection = transport.get_extra_info("socket")
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        self._peer = {"daypass.peer": {"uid": _PEER.unpack(raw)[1]}}
        super().connection_made(transport)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = self._peer
