"""The host's side of the heart: join tokens, and the one signed bundle a host is given."""

from __future__ import annotations

import hashlib
import secrets

import msgspec

from daypass.ca.clock import ClockGuard
from daypass.ca.policy import Policy
from daypass.ca.ports import HostRecord, JoinToken, Signer, Store
from daypass.errors import Invalid, NotFound
from daypass.model import HostFacts
from daypass.wire import Krl, PublicKey, SshSignature, sshsig
from daypass.wire.binding import BUNDLE_NAMESPACE
from daypass.wire.jointoken import JoinTokenText

__all__ = ["Hosts"]

BUNDLE_LIFETIME = 30 * 86400  # seconds; as long as a host certificate
MAX_TOKEN_LIFETIME = 7 * 86400  # seconds


class Hosts:
    """`url` and `fingerprint` (hex SHA-256 of the X.509 root) go into every join token."""

    def __init__(
        self,
        policy: Policy,
        store: Store,
        clock: ClockGuard,
        *,
        ca_id: bytes,
        url: str,
        fingerprint: str,
        bundle_signer: Signer,
        user_keys: tuple[PublicKey, ...],
    ) -> None:
        self._policy = policy
        self._store = store
        self._clock = clock
        self._ca_id = ca_id
        self._url = url
        self._fingerprint = fingerprint
        self._bundle_signer = bundle_signer
        self._user_keys = user_keys

    async def make_join_token(self, facts: HostFacts, lifetime: int, actor: str) -> tuple[str, int]:
        """(token, unix time it ends). Raises Invalid or Denied for names and lifetimes that can't be."""
        if not 0 < lifetime <= MAX_TOKEN_LIFETIME:
            raise Invalid("a join token lives for at most 7 days", code="token.lifetime")
        for name in (facts.name, *facts.aliases):
            self._policy.require_host_name(name)
        now = self._clock.now()
        token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        await self._store.add_join_token(
            JoinToken(
                id=token_id,
                secret_hash=hashlib.sha256(secret.encode()).digest(),
                facts=facts,
                created_by=actor,
                expires_at=now + lifetime,
            ),
            now=now,
        )
        text = JoinTokenText(self._url, self._fingerprint, token_id, secret).encode()
        return text, now + lifetime

    async def bundle(self, host: HostRecord | None) -> tuple[str, str]:
        """(document, armored signature): the document a host applies, api.HostBundle in JSON."""
        if host is None:
            raise NotFound("no such host", code="host.unknown")
        now = self._clock.now()
        own, shared = self._policy.host_accounts()
        version = now * 1000
        document = {
            "type": "daypass-host-bundle-v1",
            "ca_id": self._ca_id.hex(),
            "host_id": host.id,
            "name": host.name,
            "version": version,
            "issued_at": now,
            "expires": now + BUNDLE_LIFETIME,
            "user_ca": [key.line() for key in self._user_keys],
            "own_account_roles": own,
            "accounts": shared,
            "krl": Krl(version=version, generated_at=now, comment=f"daypass {host.name}").encode(),
        }
        text = msgspec.json.encode(document)
        return text.decode(), await self._armor(text)

    async def _armor(self, message: bytes) -> str:
        signature = await self._bundle_signer.sign(sshsig.to_be_signed(BUNDLE_NAMESPACE, message))
        return SshSignature(self._bundle_signer.public_key, BUNDLE_NAMESPACE, "sha512", signature).armor()
