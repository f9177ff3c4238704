"""The two sockets the server listens on."""

from __future__ import annotations

import os
import re
import socket
import stat
from pathlib import Path
from typing import Final

from daypass.errors import Conflict, Misconfigured

__all__ = ["admin_listener", "tcp_listener", "url_of"]

UNHEARD: Final = 60  # seconds that what was sent may go unacknowledged (tcp(7))
BACKLOG: Final = 2048  # connections; a Monday morning arrives within a second
_LISTEN = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\[\]:]*)):(?P<port>\d{1,5})")


def tcp_listener(listen: str) -> socket.socket:
    """A listening socket for `HOST:PORT`, `[V6]:PORT` or `:PORT` (every address). Port 0 is any free one."""
    match = _LISTEN.fullmatch(listen)
    if match is None or int(match["port"]) > 65535:
        hint = 'write ca.listen like "0.0.0.0:8443" or "[::]:8443"'
        raise Misconfigured("ca.listen is not an address and a port", code="listen", hint=hint)
    host = match["v6"] or match["host"] or "::"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
    try:
        address = (host, int(match["port"]))
        listener = socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        text = f"can't listen on {listen}: {error.strerror or error}"
        raise Misconfigured(
            text, code="listen", hint="is another CA running, or is the address not this machine's?"
        ) from error
    # Whoever vanished, or reads no more, would hold a stream until TCP gives up by itself; connections inherit it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD * 1000)
    return listener


def url_of(listener: socket.socket) -> str:
    """`https://ADDRESS:PORT` of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def admin_listener(path: Path) -> socket.socket:
    """The administration socket, for its owner alone. One left behind is replaced; one that answers is a Conflict."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        text = f"can't make the administration socket {path}: {error.strerror or error}"
        raise Misconfigured(text, code="admin-socket") from error
    finally:
        os.umask(before)
    listener.listen(BACKLOG)
    return listener


def _clear(path: Path) -> None:
    """Take a dead socket out of the way, and nothing else."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise Conflict(f"{path} is there and is not a socket", code="admin-socket", hint="move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise Conflict(f"a CA is running already: it answers at {path}", code="admin-socket", hint="stop it first")
