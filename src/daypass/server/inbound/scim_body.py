"""What a directory sends, less what we keep nothing of: it is left out before anybody reads it.

canaille pushes a password's hash with every user, Okta one of its own making, Entra whatever its mapping says. None
of it may get as far as a message, a log or a table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from scim2_models import Group, Resource

from daypass.server.inbound.scim_models import User

__all__ = ["MAX_DEPTH", "known_part"]


CORE = "urn:ietf:params:scim:schemas:core:2.0:"


def _names(model: type[Resource[Any]]) -> frozenset[str]:
    return frozenset(str(field.serialization_alias).lower() for field in model.model_fields.values())


_DROPPED = frozenset({"password"})  # announced, since clients fill in what is; its value is nobody's to read
_KEPT = {kind: _names(model) - _DROPPED for kind, model in (("users", User), ("groups", Group))}
_KINDS = {"users": "User", "groups": "Group"}
_HEAD = re.compile(r"(?:urn:[A-Za-z0-9:._-]*:)?([A-Za-z$][A-Za-z0-9_$-]*)")
MAX_DEPTH = 64
NOTHING = {"op": "add", "value": {}}  # a PATCH that is about nothing we keep changes nothing


def known_part(method: str, path: str, body: bytes) -> bytes:
    """`path`: below the SCIM root. What is no JSON object stays as it is: it is refused for that."""
    try:
        sent = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return b"{" if body else body  # whatever is in it, the answer is the same
    if not isinstance(sent, dict) or _is_deep(sent):
        return b"[]" if isinstance(sent, list) else b"{"
    kind, *rest = path.strip("/").lower().split("/")
    if ".search" in (kind, *rest):
        return body  # a question, not a resource
    return json.dumps(_part(method.upper(), kind, sent)).encode()


def _part(method: str, kind: str, sent: dict[str, Any]) -> dict[str, Any]:
    if kind == "bulk":
        return _bulk(sent)
    if kind not in _KEPT:
        return sent
    return _patch(kind, sent) if method == "PATCH" else _resource(kind, sent)


def _bulk(sent: dict[str, Any]) -> dict[str, Any]:
    """Its references (`bulkId:…`) are values, and stay."""
    return {name: _operations(value) if name.lower() == "operations" else value for name, value in sent.items()}


def _operations(value: Any) -> Any:
    return (
        [_operation(each) if isinstance(each, dict) else each for each in value] if isinstance(value, list) else value
    )


def _operation(sent: dict[str, Any]) -> dict[str, Any]:
    low = {name.lower(): value for name, value in sent.items()}
    kind = str(low.get("path", "")).strip("/").split("/")[0].lower()
    method = str(low.get("method", "")).upper()

    def data(value: Any) -> Any:
        return _part(method, kind, value) if isinstance(value, dict) and kind in _KEPT else {}

    return {name: data(value) if name.lower() == "data" else value for name, value in sent.items()}


def _resource(kind: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in sent.items() if name.lower() in _KEPT[kind]}
    return {name: _schemas(kind, value) if name.lower() == "schemas" else value for name, value in kept.items()}


def _schemas(kind: str, value: Any) -> Any:
    """Extensions are dropped, and so are their names."""
    if not isinstance(value, list):
        return value
    ours = f"{CORE}{_KINDS[kind]}"
    return [ours] if any(isinstance(each, str) and each.lower() == ours.lower() for each in value) else value


def _patch(kind: str, sent: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in sent.items() if name.lower() in ("schemas", "operations")}
    return {name: _ops(kind, value) if name.lower() == "operations" else value for name, value in kept.items()}


def _ops(kind: str, value: Any) -> Any:
    if not isinstance(value, list) or not value:
        return value
    kept = [part for each in value for whole in _single(kind, each) if (part := _op(kind, whole)) is not None]
    return kept or [NOTHING]


def _single(kind: str, sent: Any) -> list[Any]:
    """Entra takes single members out by `"op": "Remove", "path": "members", "value": [{"value": ID}]`, where the RFC
    would have all of them go, whatever the value (section 3.5.2.2). Nobody who says whom means everybody."""
    if kind != "groups" or not isinstance(sent, dict):
        return [sent]
    low = {name.lower(): value for name, value in sent.items()}
    value, path = low.get("value"), str(low.get("path", "")).lower()
    if str(low.get("op", "")).lower() != "remove" or path != "members" or not isinstance(value, list):
        return [sent]
    named = [each.get("value") for each in value if isinstance(each, dict)]
    return [
        {"op": "remove", "path": f"members[value eq {json.dumps(each)}]"} for each in named if isinstance(each, str)
    ]


def _op(kind: str, sent: Any) -> Any:
    """None where it is about nothing that we keep."""
    if not isinstance(sent, dict):
        return sent
    low = {name.lower(): value for name, value in sent.items()}
    path = low.get("path")
    if isinstance(path, str) and path:
        return sent if _is_kept(kind, path) else None
    value = low.get("value")
    if not isinstance(value, dict):
        return sent
    kept = {name: each for name, each in value.items() if _is_kept(kind, name)}
    return None if value and not kept else {**sent, next(n for n in sent if n.lower() == "value"): kept}


def _is_kept(kind: str, path: str) -> bool:
    if path.lower().startswith("urn:") and not path.lower().startswith(f"{CORE}{_KINDS[kind]}".lower()):
        return False
    head = _HEAD.match(path)
    return head is not None and head[1].lower() in _KEPT[kind]


def _is_deep(value: Any, depth: int = 0) -> bool:
    if depth > MAX_DEPTH:
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_is_deep(each, depth + 1) for each in inner if isinstance(each, dict | list))
