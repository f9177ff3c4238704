"""The resources that we keep of a directory, as /Schemas announces them."""

from __future__ import annotations

from typing import Any, ClassVar

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
    Patch,
    Reference,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
)
from scim2_models import User as FullUser

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


class User(FullUser[Any]):
    """RFC 7643 section 4.1, whole: clients fill in what is announced, canaille a password's hash, too. That is left
    out before anybody reads it, and so are extensions (`scim_body`)."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    emails: list[Email] | None = None  # type: ignore[assignment]
    """The user's addresses, one of them the primary."""

    Emails: ClassVar[type[ComplexAttribute]] = Email


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
