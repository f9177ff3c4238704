"""What an operator wants to end, in words, and which certificates those mean."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from daypass.ca.host_ports import KnownHost
from daypass.ca.person_ports import PersonRecord
from daypass.ca.ports import Store
from daypass.errors import Invalid, NotFound
from daypass.model import ROLE_NAME, shown

__all__ = ["MAX_REASON", "Asked", "Selection", "require_reason"]

MOST = 1000  # serials in one act
MAX_REASON = 256  # characters
SIGN_IN = re.compile(r"[A-Z2-7]{16}")
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


class Asked(Struct, frozen=True, kw_only=True):
    """One of these; a role may be narrowed to a `person`'s. `key`: its fingerprint, `SHA256:…`;
    `signin`: as `daypass person show` has it."""

    person: str = ""
    serials: tuple[int, ...] = ()
    key: str = ""
    host: str = ""
    signin: str = ""
    role: str = ""


class Selection:
    """`person` and `host` find who is meant, or raise NotFound."""

    def __init__(
        self,
        store: Store,
        person: Callable[[str], Awaitable[PersonRecord]],
        host: Callable[[str], Awaitable[KnownHost]],
    ) -> None:
        self._store, self._person, self._host = store, person, host

    async def of(self, asked: Asked, now: int) -> dict[str, Any]:
        """Fields of an `Ending`, `about` among them. Raises Invalid, NotFound."""
        named = [bool(each) for each in (asked.serials, asked.key, asked.host, asked.signin, asked.role)]
        if sum(named) + (bool(asked.person) and not asked.role) != 1:
            raise Invalid("name one: a person, serials, a key, a host, a sign-in, a role", code="revoke.what")
        if asked.role:
            return await self._of_role(asked)
        if asked.person:
            person = await self._person(asked.person)
            return {"persons": (person.id,), "about": f"person {person.login or asked.person} (#{person.id})"}
        if asked.host:
            host = await self._host(asked.host)
            return {"hosts": (host.id,), "about": f"host {host.name}"}
        if asked.key:
            keys = await self._keys(asked.key, now)
            return {"keys": keys, "about": f"key {asked.key}"}
        if asked.signin:
            if not SIGN_IN.fullmatch(asked.signin):
                raise Invalid(f"{shown(asked.signin)} is no sign-in", code="revoke.signin", hint=_SIGN_INS)
            return {"signins": (asked.signin,), "about": f"sign-in {asked.signin}"}
        return self._of_serials(asked.serials)

    async def _of_role(self, asked: Asked) -> dict[str, Any]:
        if not ROLE_NAME.fullmatch(asked.role):
            raise Invalid(f"{shown(asked.role)} is no role", code="revoke.role")
        if not asked.person:
            return {"roles": (asked.role,), "about": f"role {asked.role}"}
        person = await self._person(asked.person)
        whose = f"role {asked.role} of {person.login or asked.person} (#{person.id})"
        return {"roles": (asked.role,), "within": (person.id,), "about": whose}

    def _of_serials(self, serials: tuple[int, ...]) -> dict[str, Any]:
        if len(serials) > MOST:
            raise Invalid(f"1 to {MOST} serials can be revoked at a time", code="revoke.serials")
        few = ", ".join(map(str, serials[:3]))
        return {"serials": serials, "about": f"serial {few}" + (" …" if len(serials) > 3 else "")}

    async def _keys(self, word: str, now: int) -> tuple[bytes, ...]:
        if not FINGERPRINT.fullmatch(word):
            raise Invalid(f"{shown(word)} is no fingerprint", code="revoke.key", hint="ssh-keygen -l prints one")
        if found := await self._store.keys_called(word, now):
            return tuple(found)
        raise NotFound(f"no certificate that holds is for the key {word}", code="revoke.key-unknown")


def require_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > MAX_REASON or not reason.isprintable():
        text = f"a reason is needed: one line of {MAX_REASON} characters at most"
        raise Invalid(text, code="revoke.reason", hint='say why: --reason "laptop lost"')


_SIGN_INS = "daypass person show PERSON lists theirs"
