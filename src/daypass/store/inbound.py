"""The InboundStore port: what events of providers are compared with."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from daypass.store.access import Access
from daypass.store.rows import check_text
from daypass.store.schema import certificates, provider_words
from daypass.store.statements import Statements

__all__ = ["SqlInbound"]


class SqlInbound(Access):
    async def signed_in(self, signin: str) -> bool:
        check_text(signin)
        theirs = select(certificates.c.serial).where(certificates.c.signin == signin).limit(1)
        return await self._read(lambda connection: connection.execute(theirs).scalar() is not None)

    async def take_word(self, provider: str, person: int, at: float) -> bool:
        check_text(provider)
        return await self._change(_take, provider, person, int(at * 1000))


def _take(connection: Connection, statements: Statements, provider: str, person: int, at: int) -> bool:
    statements.lock(connection)
    this = (provider_words.c.provider == provider) & (provider_words.c.person_id == person)
    before = connection.execute(select(provider_words.c.at).where(this)).scalar()
    if before is not None and before > at:
        return False
    if before is None:
        connection.execute(insert(provider_words).values(provider=provider, person_id=person, at=at))
    else:
        connection.execute(update(provider_words).where(this).values(at=at))
    return True
