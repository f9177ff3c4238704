"""No change of a provider's table lets in more, or believes more, without `policy diff` calling it so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.ca.samples import config
from tests.parts.op import Op, run_op
from tests.provisioners.desk import (
    CA_ID,
    KEY,
    NOW,
    SALT,
    TRUST_STORE,
    Desk,
    StillClock,
    open_desk,
    section_for,
)

from daypass.ca.changes import changes, widens
from daypass.config import ProviderSection
from daypass.errors import Unauthenticated
from daypass.model import Credential, Proof, Secret
from daypass.provisioners.oidc import OidcProvisioner

Weigh = Callable[[dict[str, Any], dict[str, Any]], bool]
SILENT = ("email_verified",)
# What is in a token, what is left out of it, whether its salt comes along.
TOKENS: list[tuple[dict[str, Any], tuple[str, ...], bool]] = [
    ({}, (), True),
    ({"aud": "tv"}, (), True),
    ({"aud": "web"}, (), True),
    ({"aud": "web", "nonce": "n"}, (), False),
    ({"aud": "tv", "nonce": "n"}, (), False),
    ({"nonce": "n"}, (), False),
    ({}, ("nonce",), False),
    ({}, ("auth_time",), True),
    ({"auth_time": NOW - 2 * 3600}, (), True),
    ({"auth_time": NOW - 20 * 60}, SILENT, True),
    ({}, SILENT, True),
    ({"email": "bob@example.org"}, SILENT, True),
    ({"email_verified": False}, (), True),
    ({"email_verified": "true"}, (), True),
    ({"hd": "example.com"}, SILENT, True),
    ({"hd": "example.org"}, (), True),
    ({"tid": "t1", "oid": "o1"}, (), True),
    ({"tid": "t2", "oid": "o1", "nonce": "n"}, (), False),
]
VALUES: dict[str, list[Any]] = {
    "algorithms": [["ES256"], ["RS256"], ["RS256", "ES256", "EdDSA"]],
    "max_age": ["", "1h", "10m"],
    "require_auth_time": [True, False],
    "allow_unbound": [True, False],
    "trust_email": [True, False],
    "email_domains": [[], ["example.com"], ["example.org"], ["example.com", "example.org"]],
    "tenants": [[], ["t1"], ["t1", "t2"]],
    "hosted_domain": ["", "example.com"],
    "web_client_id": ["", "web"],
    "device_client_id": ["", "tv"],
    "login_name": ["email", "step", "claim:sub"],
}
tables = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in VALUES.items()})
edits = st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=2, unique=True).flatmap(
    lambda keys: st.fixed_dictionaries({key: st.sampled_from(VALUES[key]) for key in keys})
)


def credentials(desk: Desk) -> list[Credential]:
    return [
        Credential(Secret(desk.token(without=without, **said)), (KEY,), salt=SALT if salted else None)
        for said, without, salted in TOKENS
    ]


async def believed(section: ProviderSection, shown: list[Credential]) -> list[Proof | None]:
    async with httpx2.AsyncClient(verify=TRUST_STORE) as http:
        provisioner = OidcProvisioner(section, CA_ID, StillClock(), http)
        return [await _proof(provisioner, each) for each in shown]


async def _proof(provisioner: OidcProvisioner, credential: Credential) -> Proof | None:
    try:
        return await provisioner.authenticate(credential)
    except Unauthenticated:
        return None


def more(before: Proof | None, after: Proof | None) -> bool:
    """Whether the second could be given something that the first was not."""
    if after is None:
        return False
    if before is None or after.expires_at > before.expires_at or (before.remote and not after.remote):
        return True
    old, new = before.identity, after.identity
    gained = new.email is not None and new.email != old.email
    return gained or new.login not in (None, old.login) or new.subject != old.subject or not new.groups <= old.groups


@pytest.fixture(scope="module")
def weigh() -> Iterator[Weigh]:
    with run_op() as op, open_desk(op) as desk:
        yield weighing(op, credentials(desk))


def weighing(op: Op, shown: list[Credential]) -> Weigh:
    """Whether a change of these keys gives more by any of the tokens; it fails where that was not said."""

    def run(old: dict[str, Any], edit: dict[str, Any]) -> bool:
        before = section_for(op, **old)
        after = replace(before, **edit)
        pairs = zip(*(asyncio.run(believed(each, shown)) for each in (before, after)), strict=True)
        gained = [TOKENS[at] for at, (one, two) in enumerate(pairs) if more(one, two)]
        said = changes(config(providers=[before]), config(providers=[after]))
        assert not gained or widens(said), (gained, said)
        return bool(gained)

    return run


@settings(max_examples=60)
@given(tables, edits)
def test_no_change_of_a_provider_believes_more_without_being_called_wider(
    weigh: Weigh, old: dict[str, Any], edit: dict[str, Any]
) -> None:
    weigh(old, edit)


@pytest.mark.parametrize(
    ("old", "edit"),
    [
        ({}, {"allow_unbound": True}),
        ({"email_domains": ["example.com"]}, {"trust_email": True}),
        ({"trust_email": True}, {"email_domains": ["example.org"]}),
        ({"max_age": ""}, {"require_auth_time": False}),
        ({"max_age": "10m"}, {"max_age": "1h"}),
        ({"max_age": "1h"}, {"max_age": ""}),
        ({"hosted_domain": "example.com"}, {"hosted_domain": ""}),
        ({"tenants": ["t2"]}, {"tenants": ["t1"]}),
        ({}, {"device_client_id": "tv"}),
        ({}, {"web_client_id": "web"}),
    ],
    ids=str,
)
def test_each_belief_that_can_be_granted_is_seen_by_these_tokens(
    weigh: Weigh, old: dict[str, Any], edit: dict[str, Any]
) -> None:
    assert weigh(old, edit)
