"""The storage that scim2-server asks, over the heart's directory of one provider.

Its calls are made in a worker thread, so that a company's worth of JSON holds up nobody's login; each goes back to
the event loop for what it wants of the store.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from msgspec.structs import replace
from scim2_models import (
    Group,
    Meta,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimFilter,
    SearchRequest,
    UniquenessException,
)
from scim2_models.resources.user import GroupMembership
from scim2_server.storage import ScimStorage, SearchPage

from daypass.ca.directory import standing_for
from daypass.ca.scim_ports import GROUP, USER, Entry, Looked
from daypass.config import ProviderSection
from daypass.errors import Conflict, NotFound
from daypass.server.inbound.scim_models import User
from daypass.server.ports import Directory

__all__ = ["Storage"]

T = TypeVar("T")
_MODELS: dict[str, type[Resource[Any]]] = {USER: User, GROUP: Group}
_EQUAL = re.compile(r'(id|userName|externalId|displayName) eq "([^"\\]*)"', re.IGNORECASE)
_NOT_KEPT = ("id", "meta", "groups")


class Storage(ScimStorage):
    """Of the directory of `section`, whose bearer came with the call: no call reaches another's."""

    def __init__(self, section: ProviderSection, directory: Directory, loop: asyncio.AbstractEventLoop) -> None:
        self._section, self._directory, self._loop = section, directory, loop

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,  # noqa: ARG002
    ) -> Resource[Any]:
        found = self._found(Looked(types=(_name(resource_type),), id=resource_id))
        if not found:
            raise NotFoundException(detail=f"there is no {resource_type.name} of this id")
        return _resource(found[0])

    def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,  # noqa: ARG002
    ) -> SearchPage:
        types = tuple(dict.fromkeys(map(_name, resource_types)))
        wanted = search_request.filter
        everything = [_resource(each) for each in self._found(_looked(types, wanted))]
        if wanted is not None and not wanted.models and everything:
            models = tuple(dict.fromkeys(type(each) for each in everything))
            wanted = _filter_of(models, str(wanted))
        found = [each for each in everything if wanted is None or wanted.match(each)]
        start = search_request.start_index_0 or 0
        stop = None if search_request.count is None else start + search_request.count
        return SearchPage(len(found), _sorted(search_request, found)[start:stop])

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        return self._put(_entry(self._section, _name(resource_type), uuid.uuid4().hex, resource), None)

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        entry = _entry(self._section, _name(resource_type), cast(str, resource.id), resource)
        if isinstance(resource, User) and resource.active is None:  # who is out does not come in by not being said so
            before = self._found(Looked(types=(USER,), id=entry.id))
            entry = replace(entry, active=all(each.active for each in before))
        return self._put(entry, expected_version or "")

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        kind = _name(resource_type)
        self._wait(self._directory.delete(self._section.name, kind, resource_id, expected_version))

    def _found(self, looked: Looked) -> Sequence[Entry]:
        return self._wait(self._directory.find(self._section.name, looked))

    def _put(self, entry: Entry, expected: str | None) -> Resource[Any]:
        return _resource(self._wait(self._directory.put(self._section.name, entry, expected)))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except NotFound as error:
            raise NotFoundException(detail=error.message) from error
        except Conflict as error:
            if error.code == "scim.taken":
                raise UniquenessException(detail=error.message) from error
            raise PreconditionFailedException(detail=error.message) from error


def _name(resource_type: ResourceType) -> str:
    return cast(str, resource_type.name)


def _looked(types: tuple[str, ...], wanted: ScimFilter[Any] | None) -> Looked:
    """What is asked for one by one (`userName eq "…"`) is found by an index; all the rest is looked through."""
    equal = _EQUAL.fullmatch(str(wanted)) if wanted is not None and len(types) == 1 else None
    if equal is None or not equal[2].isascii():
        return Looked(types=types)
    attribute, value = equal[1].lower(), equal[2]
    if attribute == "id":
        return Looked(types=types, id=value)
    if attribute == "externalid":
        return Looked(types=types, external_id=value)
    if types == (USER,) and attribute == "username":
        return Looked(types=types, name=value.casefold())
    return Looked(types=types)


def _filter_of(models: tuple[type[Resource[Any]], ...], text: str) -> ScimFilter[Any]:
    """A filter at the root, for the models that are there."""
    union: Any = models[0]
    for each in models[1:]:
        union = union | each
    return cast("ScimFilter[Any]", cast(Any, ScimFilter)[union](text))


def _sorted(asked: SearchRequest[Any], found: list[Resource[Any]]) -> list[Resource[Any]]:
    """Missing values last when ascending (RFC 7644 section 3.4.2.3)."""

    def key(each: Resource[Any]) -> tuple[bool, Any, str]:
        value = asked.sort_value(each)
        return value is None, "" if value is None else value, each.id or ""

    down = asked.sort_by is not None and asked.sort_order == SearchRequest.SortOrder.descending
    return sorted(found, key=key, reverse=down)


def _entry(section: ProviderSection, kind: str, number: str, resource: Resource[Any]) -> Entry:
    plain = resource.model_dump()
    text = json.dumps({name: value for name, value in plain.items() if name not in _NOT_KEPT}, ensure_ascii=False)
    if not isinstance(resource, User):
        group = cast(Group, resource)
        members = tuple(each.value for each in group.members or () if each.value)
        return Entry(type=kind, id=number, name=group.display_name or "", resource=text,
                     external_id=group.external_id, members=members)  # fmt: skip
    user_name, external = resource.user_name or "", resource.external_id
    match = standing_for(section, external_id=external, user_name=user_name, email=_email(resource))
    return Entry(type=kind, id=number, name=user_name.casefold(), resource=text, external_id=external, match=match,
                 active=resource.active is not False)  # fmt: skip


def _email(user: User) -> str | None:
    """The primary one, or else the only one."""
    emails = [each for each in user.emails or () if each.value]
    primary = [each for each in emails if each.primary] or emails
    return primary[0].value if len(primary) == 1 else None


def _resource(entry: Entry) -> Resource[Any]:
    found = _MODELS[entry.type].model_validate({**json.loads(entry.resource), "id": entry.id})
    if isinstance(found, User) and entry.groups:
        found.groups = [
            GroupMembership.model_validate({"value": number, "$ref": f"Groups/{number}", "display": name})
            for number, name in entry.groups
        ]
    if isinstance(found, Group) and found.members:  # those who have been deleted are no members any more
        there = frozenset(entry.members)
        found.members = [each for each in found.members if each.value in there] or None
    found.meta = Meta(
        resource_type=entry.type,
        created=datetime.fromtimestamp(entry.created_at, UTC),
        last_modified=datetime.fromtimestamp(entry.modified_at, UTC),
        version=entry.version,
    )
    return found
