"""Every way in that a CA has, and how well it stands: for operators."""

from __future__ import annotations

import msgspec

from daypass.api.route import admin_route

__all__ = [
    "PROVISIONER_ROUTES",
    "ProvisionerFinding",
    "ProvisionerLine",
    "ProvisionerList",
    "ProvisionerListRequest",
    "ProvisionerTest",
    "ProvisionerTestRequest",
]


class ProvisionerLine(msgspec.Struct, frozen=True, kw_only=True):
    """`type`: oidc, pam, aws … as the configuration calls it. `serves`: people, hosts, workloads. `source`: whose
    word it takes, where that has an address or a name."""

    name: str
    type: str
    serves: list[str]
    source: str = ""


class ProvisionerListRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing to say."""


class ProvisionerList(msgspec.Struct, frozen=True, kw_only=True):
    """In the order in which they are asked about a credential."""

    provisioners: list[ProvisionerLine]


class ProvisionerTestRequest(msgspec.Struct, frozen=True, kw_only=True):
    name: str


class ProvisionerFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was tried."""

    ok: bool
    what: str
    hint: str = ""


class ProvisionerTest(msgspec.Struct, frozen=True, kw_only=True):
    """`register`: addresses that have to be registered at the provider, for it to send people back to."""

    provisioner: ProvisionerLine
    ok: bool
    findings: list[ProvisionerFinding]
    register: list[str] = []


PROVISIONER_ROUTES = (
    admin_route(
        "provisioner_list", "audit", ProvisionerListRequest, ProvisionerList, "Every way in that this CA has."
    ),
    admin_route(
        "provisioner_test",
        "audit",
        ProvisionerTestRequest,
        ProvisionerTest,
        "Try one, and say what was seen.",
    ),
)
