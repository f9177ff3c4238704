"""The host's side of the heart: join tokens, and the signed bundles that hosts and laptops are given."""

from __future__ import annotations

import asyncio
import hashlib
import secrets

import msgspec

from daypass.ca.clock import ClockGuard
from daypass.ca.policy import Policy
from daypass.ca.ports import Enrolled, HostRecord, JoinToken, Signer, Store
from daypass.errors import Invalid, NotFound
from daypass.model import HostFacts, host_pattern_matches
from daypass.wire import Krl, PublicKey, SshSignature, sshsig
from daypass.wire.binding import BUNDLE_NAMESPACE, CLIENT_BUNDLE_NAMESPACE
from daypass.wire.jointoken import JoinTokenText
from daypass.wire.krl import CertificateSection

__all__ = ["Hosts"]

BUNDLE_LIFETIME = 30 * 86400  # seconds; as long as a host certificate
CLIENT_BUNDLE_AGE = 5  # seconds; a morning's logins all ask for the same
MAX_TOKEN_LIFETIME = 3600  # seconds: tokens end up in user data, which many can read (trust 5.4)


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
        host_keys: tuple[PublicKey, ...],
    ) -> None:
        self._policy = policy
        self._store = store
        self._clock = clock
        self._ca_id = ca_id
        self._url = url
        self._fingerprint = fingerprint
        self._bundle_signer = bundle_signer
        self._user_keys = user_keys
        self._host_keys = host_keys
        self._client_bundle: tuple[int, tuple[str, str]] = (0, ("", ""))  # when it was made, and what
        self._making = asyncio.Lock()

    async def make_join_token(self, facts: HostFacts, lifetime: int, actor: str) -> tuple[str, int]:
        """(token, unix time it ends). Raises Invalid or Denied for names and lifetimes that can't be."""
        if not 0 < lifetime <= MAX_TOKEN_LIFETIME:
            raise Invalid(
                "a join token lives for an hour at most", code="token.lifetime", hint="make it when the host is there"
            )
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
        return await self._signed(document, BUNDLE_NAMESPACE)

    async def client_bundle(self) -> tuple[str, str]:
        """(document, armored signature): what a laptop knows of hosts, api.ClientBundle in JSON. Seconds old at most.

        The list of hosts is not public: it is for people who have signed in.
        """
        async with self._making:
            made, bundle = self._client_bundle
            now = self._clock.now()
            if not made <= now < made + CLIENT_BUNDLE_AGE:
                bundle = await self._make_client_bundle(now)
                self._client_bundle = now, bundle
            return bundle

    async def _make_client_bundle(self, now: int) -> tuple[str, str]:
        enrolled, version = await self._store.enrolled(now), now * 1000
        document = {
            "type": "daypass-client-bundle-v1",
            "ca_id": self._ca_id.hex(),
            "version": version,
            "issued_at": now,
            "expires": now + BUNDLE_LIFETIME,
            # Names of a domain that was given up would have a laptop refuse the whole document.
            "enrolled": [name for name in enrolled.names if self._is_ours(name)],
            "host_krl": Krl(version, now, "daypass", self._revoked(enrolled)).encode(),
        }
        return await self._signed(document, CLIENT_BUNDLE_NAMESPACE)

    def _revoked(self, enrolled: Enrolled) -> tuple[CertificateSection, ...]:
        """One section for each host CA key with revoked certificates."""
        sections = []
        for key in self._host_keys:
            serials = tuple((serial, serial) for print_, serial in enrolled.revoked if print_ == key.fingerprint)
            sections += [CertificateSection(key, serials)] if serials else []
        return tuple(sections)

    def _is_ours(self, name: str) -> bool:
        return any(host_pattern_matches(pattern, name) for pattern in self._policy.host_domains)

    async def _signed(self, document: dict[str, object], namespace: str) -> tuple[str, str]:
        text = msgspec.json.encode(document)
        signature = await self._bundle_signer.sign(sshsig.to_be_signed(namespace, text))
        return text.decode(), SshSignature(self._bundle_signer.public_key, namespace, "sha512", signature).armor()
