"""The two applications, made from `api.ROUTES`: the public one, and the one behind the administration socket.

A route without a handler, or a handler without a route, fails here, at start. The administrative routes are in
both: on the socket the peer's uid decides, on the TLS port a sign-in for the very call.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from starlette.routing import Route as PathRoute
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from daypass.api import ROUTES, Access, Route
from daypass.errors import Internal
from daypass.server.acks import AckRoutes
from daypass.server.acts import AtSocket, BySignIn, acting
from daypass.server.administration import administration
from daypass.server.approvals import ApprovalRoutes
from daypass.server.challenging import ChallengeRoutes
from daypass.server.device import DeviceRoutes, failure_page
from daypass.server.endpoint import Admit, Endpoint, Failed, Guard, Handler, Resource, not_found
from daypass.server.forms import SameOrigin
from daypass.server.host_calls import HostAdmission, HostRoutes
from daypass.server.inbound.late import SCIM, LateScim
from daypass.server.inbound.routes import InboundRoutes
from daypass.server.logins import ReportRoutes
from daypass.server.pam import PamRoutes
from daypass.server.passes import Passes
from daypass.server.ports import Heart, PublicInfo
from daypass.server.routes import PublicRoutes
from daypass.server.shell_agent import ShellAgentRoutes

__all__ = ["Application", "build", "build_admin", "paths"]

Guards = Mapping[Access, tuple[Guard | None, Admit | None, Failed | None]]
_ADMIN: Final = tuple(route for route in ROUTES if route.access is Access.ADMIN)
_STEP_PREFIXES: Final = ("", "/1.0")
_ALIASES: Final = {"/ssh/sign": ("/sign-ssh",)}


class Application:
    """ASGI. Fixed paths are one dictionary look-up; the others are Starlette's to match, or `scim`'s."""

    __slots__ = ("_fixed", "_router", "_scim")

    def __init__(self, resources: dict[str, Resource], scim: ASGIApp | None = None) -> None:
        self._scim = scim
        self._fixed = {path: resource for path, resource in resources.items() if "{" not in path}
        patterns = [PathRoute(path, endpoint=resource) for path, resource in resources.items() if "{" in path]
        self._router = Router(patterns, redirect_slashes=False, default=not_found)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        app: ASGIApp = self._fixed.get(path) or self._router
        if self._scim is not None and path.startswith(SCIM) and path[len(SCIM) : len(SCIM) + 1] in ("", "/"):
            app = self._scim
        await app(scope, receive, send)


def build(heart: Heart, public: PublicInfo, now: Callable[[], float] = time.time) -> Application:
    """The application of the TLS port."""
    passes, acts, hosts = Passes(heart.calls), BySignIn(heart.acts), HostAdmission(heart.host_calls)
    guards: Guards = {
        Access.OPEN: (None, None, None),
        Access.CREDENTIAL: (None, None, None),
        Access.PASS: (passes.look, passes.admit, None),
        Access.ADMIN: (acts.look, acts.admit, None),
        Access.HOST: (hosts.look, hosts.admit, None),
        Access.DEVICE: (None, None, None),
        Access.INBOUND: (None, None, None),
        Access.PAGE: (SameOrigin(public.pages_url), None, failure_page(heart)),
    }
    for_hosts = HostRoutes(heart, public), AckRoutes(heart), ReportRoutes(heart), ShellAgentRoutes(heart, public)
    rooms = (
        *for_hosts,
        PamRoutes(heart, public),
        ChallengeRoutes(heart, now),
        DeviceRoutes(heart, public, now),
        InboundRoutes(heart),
    )
    return _assemble(
        ROUTES, _handlers((PublicRoutes(heart, public, now), *rooms)) | _administering(heart), guards, LateScim(heart)
    )


def build_admin(heart: Heart, own_uid: int | None = None) -> Application:
    """The application of the administration socket: root and the CA's own account, nobody else (trust 4.1)."""
    allowed = frozenset({0, os.geteuid() if own_uid is None else own_uid})
    at_socket = AtSocket(allowed)
    return _assemble(_ADMIN, _administering(heart), {Access.ADMIN: (at_socket.look, at_socket.admit, None)})


def paths(route: Route) -> Iterator[str]:
    """Every path that a route is served at."""
    for path in (route.path, *_ALIASES.get(route.path, ())):
        for prefix in _STEP_PREFIXES if route.step else ("",):
            yield prefix + path


def _handlers(rooms: Iterable[object]) -> dict[str, Any]:
    return {name: getattr(room, name) for room in rooms for name in vars(type(room)) if not name.startswith("_")}


def _administering(heart: Heart) -> dict[str, Handler]:
    """The handlers of all administrative routes, behind what judges who may."""
    routes = {route.name: route for route in _ADMIN}
    handlers = _handlers(administration(heart))
    handlers |= _handlers((ApprovalRoutes(heart, routes, dict(handlers)),))
    if handlers.keys() != routes.keys():
        raise _differ(handlers.keys() ^ routes.keys())
    return {name: acting(routes[name], handler, heart) for name, handler in handlers.items()}


def _assemble(
    routes: Iterable[Route], handlers: Mapping[str, Handler], guards: Guards, scim: ASGIApp | None = None
) -> Application:
    table: dict[str, dict[str, Endpoint]] = {}
    wanted = {route.name: route for route in routes}
    if handlers.keys() != wanted.keys():
        raise _differ(handlers.keys() ^ wanted.keys())
    for route in wanted.values():
        endpoint = Endpoint(route, handlers[route.name], *guards[route.access])
        for path in paths(route):
            table.setdefault(path, {})[route.method] = endpoint
    return Application({path: Resource(path, endpoints) for path, endpoints in table.items()}, scim)


def _differ(names: Iterable[str]) -> Internal:
    return Internal(f"routes and handlers differ: {', '.join(sorted(names))}")
