"""The contract as an OpenAPI 3.1 document, made from `api.ROUTES` and its types."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from daypass import __version__
from daypass.api import (
    ACT_SCHEME,
    AUTH_SCHEME,
    FORM,
    HOST_SCHEME,
    ROUTES,
    Access,
    ActProof,
    Error,
    HostProof,
    PassProof,
    Route,
)

__all__ = ["document", "document_bytes"]

_REF: Final = "#/components/schemas/{name}"
_ACCESS: Final = {
    Access.OPEN: "Open to anyone.",
    Access.CREDENTIAL: "The body carries a one-time credential.",
    Access.PASS: "By the day pass: see the schema PassProof.",
    Access.HOST: "By a host's certificate: see the schema HostProof.",
    Access.DEVICE: "For a machine without a browser: it proves a key, or shows the secret code it was given.",
    Access.INBOUND: "By an identity provider: the body is a token that it has signed.",
    Access.PAGE: "A page for people: a form counts only from the CA's own page, with its cookie.",
    Access.ADMIN: "By an operator: a sign-in for this very call, see the schema ActProof. On the administration "
    "socket the kernel says who asks.",
}
_DAY_PASS: Final = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": f"`{AUTH_SCHEME} ` and base64url without padding of a PassProof in JSON, its members in the "
    "schema's order and without spaces.",
}
_ACT: Final = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": f"`{ACT_SCHEME} ` and base64url without padding of an ActProof in JSON, in the same way.",
}
_HOST: Final = {
    **_DAY_PASS,
    "description": f"`{HOST_SCHEME} ` and a HostProof, written in the same way.",
}
_QUERY: Final = {
    "provisioners": {
        "cursor": ("string", "The `nextCursor` of the page before."),
        "limit": ("integer", "Entries per page, 20 unless given, 100 at most."),
    }
}


def document() -> dict[str, Any]:
    """The whole document."""
    types = [kind for route in ROUTES for kind in (route.answer, route.body) if kind not in (None, str)]
    proofs = [PassProof, ActProof, HostProof]
    _, schemas = msgspec.json.schema_components([*types, Error, *proofs], ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "daypass",
            "version": __version__,
            "description": "An SSH certificate authority with single sign-on.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": _paths(),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"dayPass": _DAY_PASS, "act": _ACT, "host": _HOST},
        },
    }


def document_bytes() -> bytes:
    """The document as it is served and kept under docs/reference: indented, keys in the order of the table."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n"


def _paths() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for route in ROUTES:
        item = found.setdefault(route.path, {})
        if route.step:
            item["servers"] = [{"url": "/"}, {"url": "/1.0"}]
        item[route.method.lower()] = _operation(route)
    return found


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": _ACCESS[route.access],
        "tags": ["step" if route.step else "admin" if route.access is Access.ADMIN else "daypass"],
    }
    if route.access is Access.PASS:
        operation["security"] = [{"dayPass": []}]
    if route.access is Access.ADMIN:
        operation["security"] = [{"act": []}]
        operation["description"] += f" Capability: {route.capability or 'any'}."
    if route.access is Access.HOST:
        operation["security"] = [{"host": []}]
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _body(route)}
    page = {"text/html": {"schema": {"type": "string"}}} if route.access is Access.PAGE else None
    text = {"text/plain": {"schema": {"type": "string"}}} if route.answer is str else None
    success = {"description": "Done.", "content": page or text or _json(route.answer)}
    failed = {"description": "What went wrong and what to do.", "content": page or _json(Error)}
    return operation | {"responses": {str(route.status): success, "default": failed}}


def _parameters(route: Route) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    in_query = [
        {"name": name, "in": "query", "description": text, "schema": {"type": kind}}
        for name, (kind, text) in _QUERY.get(route.name, {}).items()
    ]
    return in_path + in_query


def _body(route: Route) -> dict[str, Any]:
    as_json = _json(route.body)
    is_form = route.access is Access.PAGE
    return {FORM if is_form else route.media: as_json["application/json"]}


def _json(kind: type | None) -> dict[str, Any]:
    if kind is str:
        return {"application/json": {"schema": {"type": "string"}}}
    schema = {"type": "object"} if kind is None else {"$ref": _REF.format(name=kind.__name__)}
    return {"application/json": {"schema": schema}}
