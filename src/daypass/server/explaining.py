"""Routes that say who may log in where, and why."""

from __future__ import annotations

from daypass import api
from daypass.ca.acts import Operator
from daypass.ca.explain import Answer
from daypass.ca.questions import About, PolicyDiffed
from daypass.ca.who_could import Holders
from daypass.server.ports import Heart

__all__ = ["Explaining", "explanation", "policy_diff"]

MOST = 10_000  # people of one role that an answer names


class Explaining:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def explain(self, _operator: Operator, body: api.ExplainRequest) -> api.Explanation:
        whom = About(body.who, body.facts, body.provider, body.role)
        return explanation(await self._heart.questions.about(whom, body.account, body.host))

    async def policy_diff(self, _operator: Operator, body: api.PolicyDiffRequest) -> api.PolicyDiff:
        return policy_diff(await self._heart.questions.diff(body.document))

    async def who(self, _operator: Operator, body: api.WhoRequest) -> api.WhoAnswer:
        host, found = await self._heart.questions.who(body.account, body.host)
        return api.WhoAnswer(account=body.account, host=host.name, roles=[_holders(each) for each in found])


def policy_diff(found: PolicyDiffed) -> api.PolicyDiff:
    return api.PolicyDiff(
        version=found.version,
        widens=found.widens,
        changes=[api.PolicyChange(key=each.key, effect=each.effect.value, text=each.text) for each in found.changes],
        people=[
            api.AccessChange(
                effect=row.kind.value,
                account=row.account,
                people=list(row.people[:MOST]),
                hosts=list(row.hosts[:MOST]),
                text=row.text,
            )
            for row in found.rows
        ],
    )


def explanation(answer: Answer) -> api.Explanation:
    missed = answer.missed
    return api.Explanation(
        yes=answer.yes,
        who=answer.who,
        account=answer.account,
        host=answer.host,
        ways=[
            api.WayIn(
                role=way.line.role,
                principal=way.line.principal,
                options=way.line.options,
                narrow=way.narrow,
                seconds=way.seconds,
                max_session=way.line.max_session,
            )
            for way in answer.ways
        ],
        code=answer.code,
        message=answer.message,
        hint=answer.hint,
        role=missed.role if missed else "",
        condition=missed.key if missed else "",
        wanted=list(missed.wanted) if missed else [],
        found=list(missed.found) if missed else [],
        notes=list(answer.notes),
    )


def _holders(found: Holders) -> api.RoleHolders:
    return api.RoleHolders(
        role=found.role,
        options=found.options,
        narrow=found.narrow,
        people=list(found.people[:MOST]),
        more=max(0, len(found.people) - MOST),
        conditions=found.conditions,
    )
