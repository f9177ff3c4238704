"""Ending access at the store, as the heart does it, in one line each."""

from __future__ import annotations

from collections.abc import Iterable

from daypass.ca.ending_ports import Ending, Source, Unlock
from daypass.ca.ports import Store

__all__ = ["lock", "lock_person", "revoke", "unlock"]


async def revoke(store: Store, serials: Iterable[int], *, reason: str, actor: str, now: int) -> None:
    ending = Ending(source=Source.OPERATOR, actor=actor, reason=reason, about="serials", serials=tuple(serials))
    await store.end(ending, now=now)


async def lock(store: Store, number: int, *, reason: str, actor: str, now: int, by: str = "") -> tuple[int, ...]:
    """The serials that ended."""
    ending = Ending(
        source=Source.OPERATOR, actor=actor, reason=reason, about="a person", persons=(number,), lock=by, gone=True
    )
    return (await store.end(ending, now=now)).serials


async def lock_person(
    store: Store, issuer: str, subject: str, *, reason: str, actor: str, now: int
) -> tuple[int, ...]:
    people = [each for each in await store.people() if (issuer, subject) in _of(each.identities)]
    return await lock(store, people[0].id if people else 0, reason=reason, actor=actor, now=now)


async def unlock(store: Store, number: int, *, reason: str, actor: str, now: int, by: str | None = None) -> bool:
    return await store.unlock(Unlock(person=number, reason=reason, actor=actor, by=by), now=now)


def _of(identities: Iterable[object]) -> set[tuple[str, str]]:
    return {(each.issuer, each.subject) for each in identities}  # type: ignore[attr-defined]
