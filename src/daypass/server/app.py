"""The two applications, made from `api.ROUTES`: the public one, and the one behind the administration socket.

A route without a handler, or a handler without a route, fails here, at start. The public application is made
without the local routes, so no mistake in a guard can open them to the network.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from starlette.routing import Route as PathRoute
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from daypass.api import ROUTES, Access, Route
from daypass.errors import Denied, Internal
from daypass.server.device import DeviceRoutes, failure_page
from daypass.server.endpoint import Admit, Endpoint, Failed, Guard, Resource, not_found, peer_uid
from daypass.server.forms import SameOrigin
from daypass.server.passes import Passes
from daypass.server.ports import Heart, PublicInfo
from daypass.server.routes import AdminRoutes, PublicRoutes

__all__ = ["Application", "build", "build_admin", "paths"]

Guards = Mapping[Access, tuple[Guard | None, Admit | None, Failed | None]]
_STEP_PREFIXES: Final = ("", "/1.0")
_ALIASES: Final = {"/ssh/sign": ("/sign-ssh",)}


class Application:
    """ASGI. Fixed paths are one dictionary look-up; the others are Starlette's to match."""

    __slots__ = ("_fixed", "_router")

    def __init__(self, resources: dict[str, Resource]) -> None:
        self._fixed = {path: resource for path, resource in resources.items() if "{" not in path}
        patterns = [PathRoute(path, endpoint=resource) for path, resource in resources.items() if "{" in path]
        self._router = Router(patterns, redirect_slashes=False, default=not_found)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        resource = self._fixed.get(scope["path"])
        await (self._router if resource is None else resource)(scope, receive, send)


def build(heart: Heart, public: PublicInfo, now: Callable[[], float] = time.time) -> Application:
    """The application of the TLS port."""
    routes = [route for route in ROUTES if route.access is not Access.LOCAL]
    passes = Passes(heart.calls)
    guards: Guards = {
        Access.OPEN: (None, None, None),
        Access.CREDENTIAL: (None, None, None),
        Access.PASS: (passes.look, passes.admit, None),
        Access.DEVICE: (None, None, None),
        Access.PAGE: (SameOrigin(public.pages_url), None, failure_page(heart.name)),
    }
    return _assemble(routes, (PublicRoutes(heart, public, now), DeviceRoutes(heart, public, now)), guards)


def build_admin(heart: Heart, own_uid: int | None = None) -> Application:
    """The application of the administration socket: root and the CA's own account, nobody else (trust 4.1)."""
    allowed = frozenset({0, os.geteuid() if own_uid is None else own_uid})
    routes = [route for route in ROUTES if route.access is Access.LOCAL]
    return _assemble(routes, (AdminRoutes(heart),), {Access.LOCAL: (_only(allowed), None, None)})


def paths(route: Route) -> Iterator[str]:
    """Every path that a route is served at."""
    for path in (route.path, *_ALIASES.get(route.path, ())):
        for prefix in _STEP_PREFIXES if route.step else ("",):
            yield prefix + path


def _assemble(routes: Iterable[Route], rooms: Iterable[object], guards: Guards) -> Application:
    table: dict[str, dict[str, Endpoint]] = {}
    wanted = {route.name: route for route in routes}
    handlers = {name: getattr(room, name) for room in rooms for name in vars(type(room)) if not name.startswith("_")}
    if handlers.keys() != wanted.keys():
        raise Internal(f"routes and handlers differ: {', '.join(sorted(handlers.keys() ^ wanted.keys()))}")
    for route in wanted.values():
        endpoint = Endpoint(route, handlers[route.name], *guards[route.access])
        for path in paths(route):
            table.setdefault(path, {})[route.method] = endpoint
    return Application({path: Resource(path, endpoints) for path, endpoints in table.items()})


def _only(allowed: frozenset[int]) -> Guard:
    def guard(scope: Scope) -> None:
        if peer_uid(scope) not in allowed:
            raise Denied("only root and the CA's own account may use this socket", hint="run it with sudo")

    return guard
