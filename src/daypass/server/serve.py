"""Both applications on their sockets, in one process, until a signal ends it.

Requests in flight are finished (`GRACE` seconds); nothing new is taken on meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Hashable, Iterator
from pathlib import Path
from typing import Final

import uvicorn
import uvloop
from starlette.types import ASGIApp

from daypass.server.protocol import LimitedProtocol, PeerProtocol
from daypass.server.sockets import admin_listener, tcp_listener, url_of
from daypass.server.tls import ByName, LiveContext, TlsSource

__all__ = ["Ready", "run", "serve"]

GRACE: Final = 5  # seconds
KEEP_ALIVE: Final = 75  # seconds

Ready = Callable[[str], None]
"""Is told the URL, once both sockets answer."""


def run(main: Awaitable[None]) -> None:
    """Run `serve(...)`, or a coroutine of yours that awaits it, on uvloop, as the only work of this process."""

    async def awaited() -> None:
        await main

    _raise_file_limit()
    gc.freeze()  # what is imported stays: walking it again would only show in the slowest answers
    gc.enable()  # the command line goes without, being short
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(awaited())


def _raise_file_limit() -> None:
    """As many connections as the system lets us have; the usual soft limit of 1,024 is for programs that select()."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def serve(
    public_app: ASGIApp,
    admin_app: ASGIApp,
    *,
    listen: str,
    tls: TlsSource,
    tls_mark: Callable[[], Hashable] = lambda: None,
    admin_socket: Path,
    pages: ByName | None = None,
    ready: Ready | None = None,
    stop: asyncio.Event | None = None,
    ending: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM, SIGINT or `stop`; then `ending` is called, for what has no end by itself.

    Raises Misconfigured or Conflict if a socket can't be had.
    """
    stop = stop or asyncio.Event()
    live = LiveContext(tls, other=pages, mark=tls_mark)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(tcp_listener(listen))
        admin = stack.enter_context(admin_listener(admin_socket))
        stack.callback(admin_socket.unlink, missing_ok=True)
        url = url_of(listener)
        servers = [_server(public_app, LimitedProtocol, live), _server(admin_app, PeerProtocol, None)]
        with _signals(stop):
            await _until(ending, stop, servers, [listener, admin], live, lambda: (ready or _announce)(url))


async def _until(
    ending: Callable[[], None],
    stop: asyncio.Event,
    servers: list[_Server],
    listeners: list[socket.socket],
    live: LiveContext,
    ready: Callable[[], None],
) -> None:
    running = [asyncio.ensure_future(s.serve([at])) for s, at in zip(servers, listeners, strict=True)]
    beside = [asyncio.ensure_future(each) for each in (_all_up(servers), stop.wait(), live.keep_fresh())]
    up, stopped, _ = beside
    try:
        await asyncio.wait([up, stopped, *running], return_when=asyncio.FIRST_COMPLETED)
        if up.done():
            ready()
        await asyncio.wait([stopped, *running], return_when=asyncio.FIRST_COMPLETED)
    finally:
        ending()
        for server in servers:
            server.should_exit = True
        for task in beside:
            task.cancel()
        await asyncio.gather(*running)


async def _all_up(servers: list[_Server]) -> None:
    for server in servers:
        await server.up.wait()


class _Server(uvicorn.Server):
    """uvicorn without its hand on the process's signals, and which says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: ASGIApp, protocol: type[asyncio.Protocol], live: LiveContext | None) -> _Server:
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",  # a warning for every piece of what is not HTTP would let anyone fill the journal
        access_log=False,
        proxy_headers=False,  # whoever connects could write them
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        ssl_context_factory=None if live is None else lambda _config, _default: live.context,
    )
    return _Server(config)


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop`. Only the main thread may listen to them."""
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    for number in wanted:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)


def _announce(url: str) -> None:
    print(f"listening on {url}", file=sys.stderr, flush=True)  # noqa: T201
