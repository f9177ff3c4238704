"""Join tokens: made within bounds, listed and revoked by operators.

Whoever has one can become a host. So it says which names that may be, for how long, how often and from where; one for
several hosts never lies in user data, which many can read (trust 5.4).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from daypass.ca.clock import ClockGuard
from daypass.ca.force import Following
from daypass.ca.token_ports import JoinToken, Terms, TokenStore
from daypass.config.reach import host_glob_fault, outside
from daypass.config.values import network_fault
from daypass.errors import DaypassError, Denied, Invalid, NotFound
from daypass.model import HostFacts, shown
from daypass.wire.jointoken import JoinTokenText

__all__ = ["Tokens", "require_reason"]

MAX_LIFETIME = 3600  # seconds: tokens end up in user data (trust 5.4)
MAX_LIFETIME_OF_MANY = 86400
MAX_USES = 1000
MAX_LISTED = 100  # patterns, networks, addresses
MAX_REASON = 256  # characters
ONCE = Terms()
KEPT = 30 * 86400  # seconds after its end that a token is told of


class Tokens:
    """`url` and `root` (hex SHA-256 of the X.509 root) go into every token."""

    def __init__(
        self, force: Following, store: TokenStore, clock: ClockGuard, *, url: str, root: Callable[[], str]
    ) -> None:
        self._force, self._store, self._clock = force, store, clock
        self._url, self._root = url, root

    async def make(self, facts: HostFacts, lifetime: int, actor: str, terms: Terms = ONCE) -> tuple[str, int]:
        """(token, unix time it ends). Raises Invalid or Denied for what can't be."""
        self._require(facts, terms)
        _require_lifetime(lifetime, terms)
        now = self._clock.now()
        token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        token = JoinToken(
            id=token_id,
            secret_hash=hashlib.sha256(secret.encode()).digest(),
            facts=facts,
            created_by=actor,
            expires_at=now + lifetime,
            terms=terms,
        )
        await self._store.add_join_token(token, now=now)
        return JoinTokenText(self._url, self._root(), token_id, secret).encode(), now + lifetime

    async def every(self, *, ended: bool) -> list[tuple[JoinToken, str]]:
        """Newest first, each with its state: open, used, revoked or expired. The last three only if `ended`."""
        now = self._clock.now()
        found = [(token, state(token, now)) for token in await self._store.join_tokens(now - KEPT if ended else now)]
        return [each for each in found if ended or each[1] == "open"]

    async def revoke(self, token_id: str, name: str, *, reason: str, actor: str) -> list[tuple[JoinToken, str]]:
        """The one of this id, or all open ones that are for just this name or pattern. What hosts were given for them
        stays. Raises NotFound, Invalid."""
        require_reason(reason)
        if bool(token_id) == bool(name):
            raise Invalid("a token is named by its id, or by what it is for", code="token.which")
        now = self._clock.now()
        wanted = [token_id] if token_id else [
            token.id for token, _ in await self.every(ended=False) if token.names == (name,)
        ]  # fmt: skip
        if not wanted:
            raise NotFound(
                f"no open join token is for {shown(name)} alone", code="token.unknown", hint="see: daypass token list"
            )
        await self._store.revoke_join_tokens(wanted, reason=reason, actor=actor, now=now)
        found = [await self._store.join_token(each) for each in wanted]
        return [(token, state(token, now)) for token in found if token is not None]

    def _require(self, facts: HostFacts, terms: Terms) -> None:
        if bool(facts.name) == bool(terms.patterns):
            raise Invalid("a join token is for one name, or for patterns", code="token.names")
        if terms.patterns and (facts.aliases or facts.addresses or terms.replaces):
            text = "a token for several hosts gives none of them aliases or addresses"
            raise Invalid(text, code="token.names", hint="make one for each host")
        if max(map(len, (terms.patterns, terms.networks, facts.addresses, facts.aliases, facts.labels))) > MAX_LISTED:
            raise Invalid(f"a join token lists {MAX_LISTED} of a kind at most", code="token.names")
        for name in (facts.name, *facts.aliases) if facts.name else ():
            self._force.current.policy.require_host_name(name)
        for pattern in terms.patterns:
            self._require_pattern(pattern)
        for network in terms.networks:
            if fault := network_fault(network):
                raise Invalid(fault[0], code="token.network", hint=fault[1] or None)
        for address in facts.addresses:
            self._force.current.policy.require_host_address(address)
        if not 1 <= terms.max_uses <= MAX_USES:
            raise Invalid(f"a join token can be used 1 to {MAX_USES} times", code="token.uses")
        if terms.max_uses > 1 and not (terms.patterns and terms.networks):
            raise Invalid(
                "a token that can be used several times says for which names, and from where",
                code="token.uses",
                hint="daypass token host 'web-*.example.com' --uses 50 --from 10.0.0.0/8",
            )

    def _require_pattern(self, pattern: str) -> None:
        if fault := host_glob_fault(pattern):
            raise Invalid(fault[0], code="token.pattern", hint=fault[1] or None)
        domains = self._force.current.policy.host_names.patterns
        if found := next(outside([pattern], "", domains), None):
            raise _outside(found.message)


def state(token: JoinToken, now: int) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.uses >= token.terms.max_uses:
        return "used"
    return "open" if token.expires_at > now else "expired"


def require_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > MAX_REASON or not reason.isprintable():
        text = f"a reason is needed: one line of {MAX_REASON} characters at most"
        raise Invalid(text, code="revoke.reason", hint='say why: --reason "machine lost"')


def _require_lifetime(lifetime: int, terms: Terms) -> None:
    if terms.max_uses > 1 and not 0 < lifetime <= MAX_LIFETIME_OF_MANY:
        text, hint = (
            "a join token for several hosts lives for 24 hours at most",
            "make the next one when it has ended",
        )
        raise Invalid(text, code="token.lifetime", hint=hint)
    if terms.max_uses == 1 and not 0 < lifetime <= MAX_LIFETIME:
        raise Invalid(
            "a join token lives for an hour at most", code="token.lifetime", hint="make it when the host is there"
        )


def _outside(message: str) -> DaypassError:
    return Denied(message, code="policy.host-domain", hint="add its domain to hosts.domains in daypass.toml")
