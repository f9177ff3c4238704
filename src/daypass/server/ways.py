"""Every way in, and how well it stands: for operators."""

from __future__ import annotations

from daypass import api
from daypass.ca.acts import Operator
from daypass.ca.trying import Way
from daypass.server.ports import Heart

__all__ = ["ProvisionerRoutes"]


class ProvisionerRoutes:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def provisioner_list(self, _operator: Operator, _body: api.ProvisionerListRequest) -> api.ProvisionerList:
        return api.ProvisionerList(provisioners=[_line(each) for each in await self._heart.trying.every()])

    async def provisioner_test(self, _operator: Operator, body: api.ProvisionerTestRequest) -> api.ProvisionerTest:
        tried = await self._heart.trying.test(body.name)
        findings = [api.ProvisionerFinding(ok=each.ok, what=each.what, hint=each.hint) for each in tried.findings]
        return api.ProvisionerTest(
            provisioner=_line(tried.way), ok=tried.ok, findings=findings, register=list(tried.register)
        )


def _line(way: Way) -> api.ProvisionerLine:
    return api.ProvisionerLine(name=way.name, type=way.type, serves=list(way.serves), source=way.source)
