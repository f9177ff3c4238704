"""The CA process: its store is opened, what is published there is followed, and both applications are served."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from daypass.assemble.force import Maker
from daypass.assemble.hangup import Reload, hangups
from daypass.assemble.held import Held
from daypass.assemble.krls import judge
from daypass.assemble.outlets import outlets
from daypass.assemble.parts import KeyFiles, Parts, host_names, host_of, load_parts, usable
from daypass.assemble.public import Latest, public_info
from daypass.assemble.ways import CHALLENGE
from daypass.ca.authority import Authority
from daypass.ca.clock import ClockGuard, SystemClock
from daypass.ca.conversations import Conversations
from daypass.ca.device import Devices
from daypass.ca.feeds import Feeds
from daypass.ca.force import Following
from daypass.ca.hosts import Hosts
from daypass.ca.keys import CaKeys
from daypass.ca.ports import Clock, Store
from daypass.ca.presence import Presence
from daypass.ca.publishing import Configs
from daypass.ca.rechecks import Rechecks
from daypass.ca.relay import Relay
from daypass.config import Config
from daypass.provisioners.discovery import provider_client
from daypass.provisioners.sshpop import SshPopProvisioner
from daypass.server.app import build, build_admin
from daypass.server.ports import PublicInfo
from daypass.server.serve import Ready, serve
from daypass.server.sni import PagesCertificate
from daypass.signers.seal import SecretsFile
from daypass.store import open_store
from daypass.wire import CertType, PublicKey

__all__ = ["authority", "opened", "run_ca"]


def authority(maker: Maker, store: Store, clock: Clock) -> Authority:
    """It decides nothing before its `force` has looked at the store."""
    guard, parts = ClockGuard(clock), maker.held.parts
    force = Following(store, maker, maker.around)
    hosts = Hosts(
        force,
        store,
        guard,
        ca_id=parts.ca_id,
        url=parts.config.ca.url,
        loads=judge(),
    )

    def keys() -> CaKeys:
        return maker.parts.keys

    sshpop = _sshpop(maker, store, clock)
    configs = Configs(store, lambda: maker.local, usable)
    sealer = SecretsFile(parts.config.ca.secrets_key)
    made = Authority(
        force,
        keys,
        store,
        guard,
        hosts,
        configs,
        sshpop=sshpop,
        challenge=lambda: sealer.derived(CHALLENGE),
        ca_id=parts.ca_id,
        name=parts.config.ca.name,
    )
    name = f"{socket.gethostname()}:{parts.config.ca.trust}"
    made.presence = Presence(
        store, guard, name, lambda: (maker.parts.trust.document.version, force.current.keys.fingerprints)
    )
    made.conversations = Conversations(force, store, guard)
    made.rechecks = Rechecks(store, guard, force, sealer, made.endings.by_provider)
    if parts.config.events:
        made.relay = Relay(store, outlets(parts.config), clock)
    if parts.config.pages is not None:
        made.devices = Devices(made.issue, store, clock, force, ca_id=parts.ca_id)
    return made


def _sshpop(maker: Maker, store: Store, clock: Clock) -> SshPopProvisioner:
    names = host_names(maker.held.parts.config)

    def keys(kind: CertType) -> tuple[PublicKey, ...]:
        return maker.parts.user_keys if kind is CertType.USER else maker.parts.host_keys

    return SshPopProvisioner(maker.held.parts.ca_id, names, keys, store.on_record, clock)


@asynccontextmanager
async def opened(
    parts: Parts, read: Callable[[], Config] | None = None, held: Held | None = None
) -> AsyncIterator[tuple[Authority, PublicInfo]]:
    """The authority on its store and under the version in force, with what it tells the public; closed at the end."""
    held = held or Held(parts)
    store = open_store(parts.config.ca.database)
    try:
        async with provider_client() as http:
            clock = SystemClock()
            maker = Maker(held, store, http, clock, read)
            heart = authority(maker, store, clock)
            await heart.force.look()
            public = public_info(parts, parts.config)
            yield heart, replace(public, latest=Latest(heart.force, maker))
    finally:
        await store.close()


async def run_ca(
    config: Config,
    passphrase: bytes | None = None,
    *,
    read: Callable[[], Config] | None = None,
    file: Path | None = None,
    ready: Ready | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """`daypass ca serve`: until a signal or `stop`. Raises Misconfigured, Conflict, Unavailable at start.

    `read` reads the file anew: when a version came into force, at SIGHUP, and for its keys whenever `file` changes.
    """
    files = KeyFiles(passphrase)
    parts, read = load_parts(config, files=files), read or (lambda: config)
    held = Held(parts, files, read, file)
    async with opened(parts, read, held) as (heart, public), _followed(heart):
        with hangups(Reload(heart.configs, heart.force, read, config)):
            await serve(
                build(heart, public),
                build_admin(heart),
                listen=config.ca.listen,
                tls=held.leaf,
                tls_mark=lambda: (held.parts.root_fingerprint, held.parts.crossed),
                admin_socket=config.ca.admin_socket,
                pages=_pages_certificate(config),
                ready=ready,
                stop=stop,
                ending=heart.streams.close,
            )


@asynccontextmanager
async def _followed(heart: Authority) -> AsyncIterator[None]:
    """What is published meanwhile is put in force, whether or not anybody asks for a certificate, and is said so;
    hosts that listen are told; stale hosts leave; and those outside who asked for it are told."""
    watching = [heart.force.watch(), heart.streams.watch(), heart.inventory.watch()]
    watching += [heart.directory.watch(), heart.proofs.watch(), Feeds(heart.inbound).watch()]
    watching += [heart.presence.watch()] if heart.presence is not None else []
    watching += [heart.conversations.watch()] if heart.conversations is not None else []
    watching += [heart.rechecks.watch()] if heart.rechecks is not None else []
    watching += [heart.relay.watch()] if heart.relay is not None else []
    following = [asyncio.create_task(each) for each in watching]
    try:
        yield
    finally:
        for task in following:
            task.cancel()
        for task in following:
            with suppress(asyncio.CancelledError):
                await task


def _pages_certificate(config: Config) -> PagesCertificate | None:
    pages = config.pages
    if pages is None or pages.certificate is None or pages.key is None:
        return None
    return PagesCertificate(host_of(pages.url), pages.certificate, pages.key)
