"""A whole authority for a test: real policy, provisioners, signers and store; only the clock can be moved."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from daypass.ca.authority import Authority, Issuance
from daypass.ca.clock import ClockGuard
from daypass.ca.config_ports import ConfigVersion
from daypass.ca.conversations import Conversations
from daypass.ca.device import Devices
from daypass.ca.force import Following, InForce, rules
from daypass.ca.hosts import Hosts
from daypass.ca.inbound_ports import Reader
from daypass.ca.keys import CaKeys
from daypass.ca.policy import Policy
from daypass.ca.ports import Provisioner, Signer, WebSignIn
from daypass.ca.publishing import Configs
from daypass.ca.rechecks import Rechecks
from daypass.config import (
    CALLBACK,
    Config,
    PagesSection,
    ProviderSection,
    RoleSection,
    callbacks,
    merged,
    policy_document,
    policy_hash,
)
from daypass.model import Credential, HostFacts, Request, Secret
from daypass.provisioners.discovery import provider_client
from daypass.provisioners.inbound import InboundReader
from daypass.provisioners.join import JoinTokenProvisioner
from daypass.provisioners.oidc import OidcProvisioner
from daypass.provisioners.pam import PamProvisioner
from daypass.provisioners.recheck import ProviderChecker
from daypass.provisioners.sshpop import SshPopProvisioner
from daypass.provisioners.web import WebClient
from daypass.signers.file import FileSigner
from daypass.signers.seal import SecretsFile
from daypass.store import SqlStore, open_store
from daypass.wire import CertType, PublicKey
from daypass.wire.binding import login_nonce
from tests.ca.samples import config
from tests.parts.op import Op

CA_ID = bytes(range(32))
REDIRECT = "https://ca.example.com/device/callback"
ENGINEERS = RoleSection(name="engineers", hosts=["*"], groups=["engineers"], accounts=["{login}"])


class MovingClock:
    def __init__(self) -> None:
        self.ahead = 0.0  # of the wall clock alone: somebody set it
        self.later = 0.0  # on both clocks: time has passed

    def now(self) -> float:
        return time.time() + self.ahead + self.later

    def monotonic(self) -> float:
        return time.monotonic() + self.later


def new_key() -> PublicKey:
    return PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key())


@dataclass(slots=True)
class Heart:
    authority: Authority
    store: SqlStore
    op: Op
    clock: MovingClock
    settings: Config
    devices: Devices
    keys: dict[str, FileSigner] = field(default_factory=dict)

    def token(self, key: PublicKey, salt: bytes, **claims: Any) -> Secret:
        return Secret(self.op.mint(nonce=login_nonce(CA_ID, key.blob, b"login", salt), **claims))

    async def sign_in(self, **claims: Any) -> tuple[Issuance, Credential]:
        """One honest login with a fresh key, to be shown again at will. `refresh`: a token that goes along."""
        key, salt = new_key(), os.urandom(32)
        refresh = claims.pop("refresh", "")
        token = Secret(refresh) if refresh else None
        credential = Credential(self.token(key, salt, **claims), (key,), salt=salt, refresh_token=token)
        return await self.issue(credential), credential

    async def issue(self, credential: Credential, **asked: Any) -> Issuance:
        return await self.authority.issue(Request(CertType.USER, credential.keys, **asked), credential)

    async def enrol(self, token: Secret, *keys: PublicKey) -> Issuance:
        credential = Credential(token, keys, possessed=True)
        return await self.authority.issue(Request(CertType.HOST, keys), credential)

    async def join_token(self, name: str = "web-1.example.com") -> Secret:
        token, _ = await self.authority.make_join_token(HostFacts(name), 600, "root")
        return Secret(token)

    async def publish(self, **changes: Any) -> None:
        """The configuration with these changes, as the next version; nobody is told."""
        self.settings = replace(self.settings, **changes)
        document, digest = policy_document(self.settings), policy_hash(self.settings)
        await self.store.publish(document, digest, actor="root", now=int(self.clock.now()))

    async def acts(self) -> list[str]:
        return [row.act for row in await self.store.ledger(0, 1000)]


@asynccontextmanager
async def heart(
    op: Op,
    database: Path | str,
    *,
    clock: MovingClock | None = None,
    publish: bool = True,
    user: Signer | None = None,
    next_host: PublicKey | None = None,
    device_client_id: str = "",
    like: Heart | None = None,
    pam_environ: Mapping[str, str] | None = None,
    **changes: Any,
) -> AsyncIterator[Heart]:
    """`changes` go into the configuration; `user` replaces the user CA's signer, `next_host` is announced beside the
    host CA's key; `like` is another process of the same CA, with its keys. `database` is SQLite's file, or the URL of
    one with all tables."""
    provider = ProviderSection(name="idp", issuer=op.issuer, client_id=op.client_id, max_age="",
                               device_client_id=device_client_id)  # fmt: skip
    settings = config(**({"providers": [provider], "roles": [ENGINEERS]} | changes))
    clock = clock or MovingClock()
    guard = ClockGuard(clock)
    store = open_store(database) if isinstance(database, str) else open_store(f"sqlite:///{database}", create=True)
    fresh = {use: FileSigner(Ed25519PrivateKey.generate()) for use in ("user", "host", "bundle")}
    signers = fresh if like is None else like.keys
    users = user or signers["user"]
    announced = (signers["host"].public_key, *((next_host,) if next_host else ()))
    keys = CaKeys(users, signers["host"], signers["bundle"], (users.public_key,), announced,
                  (signers["bundle"].public_key,), tls_root="0" * 64)  # fmt: skip
    force = Following(store, lambda published: make(published))
    hosts = Hosts(force, store, guard, ca_id=CA_ID, url="https://ca.example.com")
    async with provider_client() as http:

        def make(published: ConfigVersion) -> InForce:
            in_force = merged(published.document, settings)
            provisioners: list[Provisioner] = [JoinTokenProvisioner(CA_ID, store.join_token, clock)]
            idps = [OidcProvisioner(section, CA_ID, clock, http) for section in in_force.providers]
            provisioners += idps
            provisioners += [PamProvisioner(each, CA_ID, hashed, clock, pam_environ) for each in in_force.pam]
            pairs = zip(in_force.providers, idps, strict=True)
            inbound: dict[str, Reader] = {
                section.name: InboundReader(section, idp.keys, clock, http) for section, idp in pairs
            }
            sites: dict[str, WebSignIn] = {each.name: WebClient(each, clock, http) for each in in_force.providers}
            checkers = {each.name: ProviderChecker(each, each.recheck, clock, http)
                        for each in in_force.providers if each.recheck is not None}  # fmt: skip
            policy = Policy(in_force)
            bounds = rules(policy, ca_id=CA_ID, keys=keys)
            return InForce(published.version, in_force, policy, bounds, keys, tuple(provisioners),
                           sites, redirects(in_force), inbound, checkers)  # fmt: skip

        by_type = {CertType.USER: keys.user_keys, CertType.HOST: keys.host_keys}
        sshpop = SshPopProvisioner(CA_ID, ["ca.example.com"], by_type.__getitem__, store.on_record, clock)
        configs = Configs(store, lambda: settings, lambda _: None)
        authority = Authority(
            force,
            lambda: keys,
            store,
            guard,
            hosts,
            configs,
            challenge=lambda: bytes(32),
            sshpop=sshpop,
            ca_id=CA_ID,
            name="Example",
        )
        if isinstance(database, Path):
            sealer = SecretsFile(database.with_suffix(".key"))
            authority.rechecks = Rechecks(store, guard, force, sealer, authority.endings.by_provider)
        authority.conversations = Conversations(force, store, guard, floor=0)
        authority.devices = Devices(authority.issue, store, clock, force, ca_id=CA_ID)
        try:
            if publish:
                await store.publish(
                    policy_document(settings), policy_hash(settings), actor="root", now=int(clock.now())
                )
            await force.look()
            yield Heart(authority, store, op, clock, settings, authority.devices, signers)
        finally:
            await authority.conversations.close()
            await store.close()


def hashed(use: bytes) -> bytes:
    """In place of a key that the CA derives."""
    return hashlib.sha256(use).digest()


def sign_with(ca: Heart, signer: Any) -> None:
    """People's certificates, until another version is in force."""
    force = ca.authority.force
    keys = dataclasses.replace(force.current.keys, user=signer)
    force._last = dataclasses.replace(force.current, keys=keys)


def redirects(settings: Config) -> dict[str, str]:
    return callbacks(replace(settings, pages=PagesSection(url=REDIRECT.removesuffix(CALLBACK))))


Scenario = Callable[[Heart], Awaitable[None]]
__all__ = [
    "CA_ID",
    "ENGINEERS",
    "REDIRECT",
    "Heart",
    "MovingClock",
    "Scenario",
    "heart",
    "new_key",
    "redirects",
    "sign_with",
]
