"""The host's side of the heart: the signed bundles that hosts and laptops are given."""

from __future__ import annotations

import asyncio

import msgspec
from msgspec import Struct

from daypass.ca import bundles, client_bundles, text_bundles
from daypass.ca.bundles import Reach, Reaches
from daypass.ca.clock import ClockGuard
from daypass.ca.fleet import Fleet, FleetFacts
from daypass.ca.force import Following
from daypass.ca.host_ports import HostRecord
from daypass.ca.keys import CaKeys
from daypass.ca.krls import Krls, Loads, MadeKrl, parses
from daypass.ca.ports import HONEST_SKEW, Store
from daypass.ca.tokens import Tokens
from daypass.errors import NotFound
from daypass.wire import CertType, SshSignature, sshsig
from daypass.wire.binding import (
    BUNDLE_NAMESPACE,
    CLIENT_BUNDLE_NAMESPACE,
    HEARTBEAT_NAMESPACE,
    TEXT_BUNDLE_NAMESPACE,
)

__all__ = ["Given", "Hosts"]

BUNDLE_LIFETIME = 30 * 86400  # seconds; as long as a host certificate
CLIENT_BUNDLE_AGE = 5  # seconds; a morning's logins all ask for the same


class Given(Struct, frozen=True):
    """What a host is told: the bundle (document, armored signature) where it has changed, else the heartbeat.
    `krl` goes beside it, by the digest that the bundle has signed. `digest` is of what the host acts on now, and
    `version` is the one of the document."""

    bundle: tuple[str, str] | None
    heartbeat: tuple[str, str] | None
    krl: MadeKrl
    digest: str
    version: int


class Hosts:
    """`url` goes into every join token."""

    def __init__(
        self,
        force: Following,
        store: Store,
        clock: ClockGuard,
        *,
        ca_id: bytes,
        url: str,
        loads: Loads = parses,
    ) -> None:
        self._force = force
        self._store = store
        self._clock = clock
        self._ca_id = ca_id
        self.tokens = Tokens(force, store, clock, url=url, root=lambda: self._keys.tls_root)
        self._client_bundle: tuple[int, tuple[str, str]] = (0, ("", ""))  # when it was made, and what
        self._making = asyncio.Lock()
        self._known_reaches: Reaches | None = None
        self.fleet = Fleet(store, Krls(store, CertType.USER, loads, lambda: self._keys.break_glass_revoked))
        self._host_krls = Krls(store, CertType.HOST, loads)

    @property
    def _keys(self) -> CaKeys:
        return self._force.current.keys

    async def bundle(self, host: HostRecord | None, after: int = 0) -> tuple[tuple[str, str], MadeKrl]:
        """(document, armored signature): the document a host applies, api.HostBundle in JSON; and its KRL. `after`:
        the version that the host has, if it has one."""
        document, krl = await self._document(host, self._clock.now(), after)
        return await self.signed(document, BUNDLE_NAMESPACE), krl

    async def text_bundle(self, host: HostRecord, after: int = 0) -> tuple[tuple[str, str], MadeKrl]:
        """The same for agents that read no JSON (`text_bundles`), `after` a version. By what is published now."""
        await self._force.look()
        document, krl = await self._document(host, self._clock.now(), after)
        return await self._signed_text(text_bundles.render(document), TEXT_BUNDLE_NAMESPACE), krl

    async def _document(self, host: HostRecord | None, now: int, after: int = 0) -> tuple[dict[str, object], MadeKrl]:
        if host is None:
            raise NotFound("no such host", code="host.unknown")
        reach, people, facts, digest = await self._content(host, now)
        document = {
            "type": "daypass-host-bundle-v1",
            **self._stamp(host, digest, now, after),
            "name": host.name,
            "user_ca": [key.line() for key in self._keys.user_keys],
            "roles": msgspec.Raw(reach.text),
            "people": people,
            "bastions": facts.ways.get(host.name, ()),
            "krl_digest": facts.krl.digest,
            "fail_closed_after": reach.fail_closed_after,
            "endings": msgspec.Raw(facts.endings.told),
            "spared": facts.endings.spared,
            "session_ends": self.fleet.session_ends.of(host.id),
        }
        return document, facts.krl

    async def sync(self, host: HostRecord, digest: str, after: int) -> Given:
        """The bundle where `digest` is another's, else the heartbeat; `after` the version that the host has. By what
        is published now: an operator who has just published has hosts ask for it."""
        await self._force.look()
        return await self.answer(host, digest, after)

    async def answer(self, host: HostRecord, digest: str, after: int) -> Given:
        """The same by what this process knows to be in force."""
        now = self._clock.now()
        *_, facts, current = await self._content(host, now)
        if current != digest:
            document, krl = await self._document(host, now, after)
            bundle = await self.signed(document, BUNDLE_NAMESPACE)
            return Given(bundle, None, krl, current, _version(now, after))
        stamp = self._stamp(host, current, now, after)
        beat = await self.signed({"type": "daypass-host-heartbeat-v1", **stamp}, HEARTBEAT_NAMESPACE)
        return Given(None, beat, facts.krl, current, _version(now, after))

    async def digest(self, host: HostRecord) -> str:
        *_, current = await self._content(host, self._clock.now())
        return current

    async def fleet_facts(self) -> FleetFacts:
        """What all hosts are told alike; the very same object for as long as it is the same."""
        return await self.fleet.facts(self._force.current.policy, self._clock.now())

    async def _content(self, host: HostRecord, now: int) -> tuple[Reach, list[dict[str, object]], FleetFacts, str]:
        """All that the host acts on, and its digest."""
        reaches = self._reaches()
        reach, facts = reaches.of(host), await self.fleet.facts(reaches.policy, now)
        people = bundles.people(facts.members, reach.made_by) if reach.made_by else []
        # A bundle by a key that the next trust document leaves out is believed no more: another key, another digest.
        lines = [key.line() for key in (*self._keys.user_keys, self._keys.bundle.public_key)]
        rest = facts.ways.get(host.name, ()), [facts.krl.digest], facts.endings.hash
        ends = bundles.encode(self.fleet.session_ends.of(host.id))
        digest = bundles.digest(host, reach, lines, bundles.encode(people), *rest, ends)
        return reach, people, facts, digest

    def _reaches(self) -> Reaches:
        """Those of the policy in force."""
        policy = self._force.current.policy
        if self._known_reaches is None or self._known_reaches.policy is not policy:
            self._known_reaches = Reaches(policy)
        return self._known_reaches

    def _stamp(self, host: HostRecord, digest: str, now: int, after: int) -> dict[str, object]:
        return {
            "ca_id": self._ca_id.hex(),
            "host_id": host.id,
            "version": _version(now, after),
            "issued_at": now,
            "expires": now + BUNDLE_LIFETIME,
            "digest": digest,
        }

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
        krl = await self._host_krls.current(now)
        policy, enrolled = self._force.current.policy, await self._store.enrolled(now)
        told = await asyncio.to_thread(client_bundles.told, policy, enrolled)
        document = {
            "type": "daypass-client-bundle-v1",
            "ca_id": self._ca_id.hex(),
            "version": now * 1000,
            "issued_at": now,
            "expires": now + BUNDLE_LIFETIME,
            "enrolled": told.names,
            "bastions": [{"via": via, "hosts": names} for via, names in told.ways.items()],
            "host_krl": krl.krl,
        }
        return await self.signed(document, CLIENT_BUNDLE_NAMESPACE)

    async def signed(self, document: dict[str, object], namespace: str) -> tuple[str, str]:
        """As JSON by the bundle key: (document, armored signature)."""
        return await self._signed_text(msgspec.json.encode(document), namespace)

    async def _signed_text(self, text: bytes, namespace: str) -> tuple[str, str]:
        signer = self._keys.bundle
        signature = await signer.sign(sshsig.to_be_signed(namespace, text))
        return text.decode(), SshSignature(signer.public_key, namespace, "sha512", signature).armor()


def _version(now: int, after: int) -> int:
    """Unix milliseconds; above the version that the host says it has, within what honest clocks are apart: another
    process, whose clock is ahead, may have given it that one. A host can lie about itself alone."""
    return max(now * 1000, min(after + 1, (now + HONEST_SKEW + 1) * 1000))
