"""How a message gets to an agent and its answer back: a Unix socket, or Windows' named pipe.

Each exchange is a connection of its own and has an end, however slowly the other side dribbles.
"""

from __future__ import annotations

import time
from typing import Protocol

from daypass.client.agents.peer import credentials, unix_socket
from daypass.client.platform import effective_uid, is_pipe
from daypass.errors import Invalid
from daypass.wire import agent

__all__ = ["SECONDS", "Connection", "Pipe", "exchange"]

SECONDS = 5.0
"""For one message and its answer, where nobody is asked."""


class Connection(Protocol):
    """A way to an agent. Every call raises OSError where there is none any more, TimeoutError when it is too late."""

    def send(self, data: bytes) -> None: ...

    def receive(self, size: int) -> bytes:
        """What has come, at most `size` bytes; nothing at the end."""

    def close(self) -> None: ...


def exchange(path: str, message: bytes, seconds: float) -> bytes:
    """The agent's answer. Raises OSError for silence, Invalid for what is no answer or no agent of this account's."""
    connection = _connect(path, seconds)
    try:
        connection.send(agent.frame(message))
        return _receive(connection, agent.frame_length(_receive(connection, 4)))
    finally:
        connection.close()


def _connect(path: str, seconds: float) -> Connection:
    if is_pipe(path):
        return Pipe(path)
    return _Socket(path, seconds)


def _receive(connection: Connection, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.receive(size - len(data))
        if not chunk:
            raise ConnectionResetError
        data += chunk
    return data


class Pipe:
    """A named pipe is a file that answers. Nothing ends a wait for it: Windows' agent is a service that answers."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "r+b", buffering=0)  # noqa: PTH123, SIM115 - Path would make another of a pipe's name

    def send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def receive(self, size: int) -> bytes:
        return self._file.read(size) or b""

    def close(self) -> None:
        self._file.close()


class _Socket:
    """A Unix socket. Nothing is sent before it is known that no other account listens on it."""

    def __init__(self, path: str, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._socket = unix_socket()
        try:
            self._socket.settimeout(seconds)
            self._socket.connect(path)
            found = credentials(self._socket)
            if found is not None and found.uid not in (0, effective_uid()):
                raise Invalid(f"the ssh-agent at {path} belongs to another account", code="agent-foreign")
        except BaseException:
            self._socket.close()
            raise

    def send(self, data: bytes) -> None:
        self._in_time()
        self._socket.sendall(data)

    def receive(self, size: int) -> bytes:
        self._in_time()
        return self._socket.recv(size)

    def close(self) -> None:
        self._socket.close()

    def _in_time(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
