"""The resources that we keep of a directory: what says who somebody is, whether they are in, and their groups.

Less than RFC 7643 has, and announced so at /Schemas: no passwords, telephone numbers, photos or addresses. What a
directory sends of those is dropped (`scim_body`).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ComplexAttribute,
    ETag,
    External,
    Filter,
    Group,
    Mutability,
    Patch,
    Reference,
    Required,
    Resource,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)
from scim2_models.resources.user import GroupMembership, Name

__all__ = ["MAX_BODY", "MAX_OPERATIONS", "MAX_RESULTS", "PROVIDER", "User"]

MAX_BODY = 4 * 1024 * 1024  # bytes: a group of 20,000
MAX_OPERATIONS = 1000
MAX_RESULTS = 1000


class Email(ComplexAttribute):
    """Text, whatever it looks like: it is compared, and nothing is ever sent to it."""

    value: str | None = None
    display: str | None = None
    type: str | None = None
    primary: bool | None = None


class User(Resource[Any]):
    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    """What the directory calls the user."""

    name: Name | None = None
    """The components of the user's name."""

    Name: ClassVar[type[ComplexAttribute]] = Name

    display_name: str | None = None
    """The name of the user, for people to read."""

    active: bool | None = None
    """Whether the user may have any access; true where it is not said."""

    emails: list[Email] | None = None
    """The user's addresses, one of them the primary."""

    Emails: ClassVar[type[ComplexAttribute]] = Email

    groups: Annotated[list[GroupMembership] | None, Mutability.read_only] = None
    """The groups that the user is in, also by way of others."""

    Groups: ClassVar[type[ComplexAttribute]] = GroupMembership


_BEARER = AuthenticationScheme(
    type=AuthenticationScheme.Type.oauthbearertoken,
    name="Bearer",
    description="A bearer made by: daypass scim token create PROVIDER",
    spec_uri=Reference[External]("https://datatracker.ietf.org/doc/html/rfc6750"),
    primary=True,
)
_CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=True, max_operations=MAX_OPERATIONS, max_payload_size=MAX_BODY),
    filter=Filter(supported=True, max_results=MAX_RESULTS),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=True),
    etag=ETag(supported=True),
    authentication_schemes=[_BEARER],
)
PROVIDER = ScimProvider(models=[User, Group], config=_CONFIG)
