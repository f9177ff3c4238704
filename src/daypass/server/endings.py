"""The administrative routes by which access ends, and comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator

from daypass import api
from daypass.ca.acts import Operator
from daypass.ca.asked_ends import Asked
from daypass.ca.endings import Endings, Hit
from daypass.ca.ports import OnRecord
from daypass.errors import Invalid
from daypass.server.answers import Stream, encode
from daypass.server.persons import person_line
from daypass.server.ports import Heart
from daypass.server.proofs import progress_of

__all__ = ["EndingRoutes"]


class EndingRoutes:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def revoke(self, operator: Operator, body: api.RevokeRequest) -> api.EndingHit | Stream:
        asked = Asked(
            person=body.person, serials=tuple(body.serials), key=body.key, host=body.host, signin=body.signin,
            role=body.role,
        )  # fmt: skip
        why = {"reason": body.reason, "actor": operator.actor}
        hit = _hit(await self._endings.revoke(asked, **why, dry=body.dry_run))
        return self._answer(hit, body.wait)

    async def lock(self, operator: Operator, body: api.LockRequest) -> api.EndingHit | Stream:
        why = {"reason": body.reason, "actor": operator.actor}
        hit = _hit(await self._endings.lock(body.person, **why, dry=body.dry_run))
        return self._answer(hit, body.wait)

    async def unlock(self, operator: Operator, body: api.UnlockRequest) -> api.Unlocked:
        why = {"reason": body.reason, "actor": operator.actor}
        if bool(body.person) == bool(body.ending):
            raise Invalid("name a person or an ending: one of the two", code="unlock.what")
        if body.ending:
            people = await self._endings.unlock_all(body.ending, **why)
        else:
            people = [await self._endings.unlock(body.person, **why)]
        return api.Unlocked(people=[person_line(each) for each in people])

    async def release(self, operator: Operator, body: api.ReleaseRequest) -> api.Released:
        if bool(body.ending) == body.all:
            raise Invalid("name an ending, or all of them: one of the two", code="release.what")
        return api.Released(endings=list(await self._endings.release(body.ending, actor=operator.actor)))

    def _answer(self, hit: api.EndingHit, wait: int) -> api.EndingHit | Stream:
        """One call by one sign-in, however long somebody waits."""
        return Stream(self._steps(hit, wait)) if wait > 0 and hit.ending else hit

    async def _steps(self, hit: api.EndingHit, wait: int) -> AsyncIterator[bytes]:
        yield encode(api.EndingStep(hit=hit))
        async for found in self._heart.proofs.follow(hit.ending, wait):
            yield encode(api.EndingStep(progress=progress_of(found)))

    @property
    def _endings(self) -> Endings:
        return self._heart.endings


def _hit(hit: Hit) -> api.EndingHit:
    return api.EndingHit(
        ending=hit.ended.id,
        count=len(hit.ended.serials),
        certificates=[_certificate(each) for each in hit.certificates],
        people=[person_line(each) for each in hit.people],
    )


def _certificate(found: OnRecord) -> api.Revoked:
    return api.Revoked(
        serial=found.serial,
        key_id=found.key_id,
        valid_before=found.valid_before,
        revoked_at=found.revoked_at,
        login=found.owner.login if found.owner is not None else "",
    )
