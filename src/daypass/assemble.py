"""Config -> Authority, and the CA process around it. The only room that knows every concrete part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from daypass import __version__
from daypass.api import OidcLogin, OidcProvisioner, Signed
from daypass.api import SshPopProvisioner as SshPopEntry
from daypass.ca.authority import Authority, CaKeys
from daypass.ca.clock import ClockGuard, SystemClock
from daypass.ca.device import Devices
from daypass.ca.hosts import Hosts
from daypass.ca.policy import Policy
from daypass.ca.ports import Clock, Provisioner, Signer, Store
from daypass.config import Config, ProviderSection, callbacks, loopback_path
from daypass.errors import Misconfigured
from daypass.founding.trust import read_trust
from daypass.model import host_pattern_matches, parse_duration
from daypass.provisioners.discovery import provider_client
from daypass.provisioners.join import JoinTokenProvisioner
from daypass.provisioners.oidc import OidcProvisioner as OidcPart
from daypass.provisioners.sshpop import SshPopProvisioner
from daypass.provisioners.web import WebClient
from daypass.server.app import build, build_admin
from daypass.server.ports import PublicInfo
from daypass.server.serve import Ready, serve
from daypass.server.sni import PagesCertificate
from daypass.server.tls import Leaf, TlsSource
from daypass.signers.file import FileSigner
from daypass.signers.x509 import LEAF_LIFETIME, encode_certificate, fingerprint, issue_leaf, load_root
from daypass.store import open_store
from daypass.trusted import public_keys
from daypass.wire import CertType, PublicKey
from daypass.wire.sshpop import PROVISIONER

_SSH_USES = ("user", "host", "bundle")
_SIGN_NEXT = "bring the offline root and sign the next one, with the same --config: daypass ca trust"

__all__ = ["Parts", "authority", "load_parts", "run_ca"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the files of a CA hold: its signers, its TLS root and its trust document."""

    config: Config
    ca_id: bytes
    trust: Signed
    user: Signer
    host: Signer
    bundle: Signer
    user_keys: tuple[PublicKey, ...]
    host_keys: tuple[PublicKey, ...]
    bundle_keys: tuple[PublicKey, ...]
    root_pem: str
    root_fingerprint: str
    leaves: TlsSource


def load_parts(config: Config, passphrase: bytes | None = None) -> Parts:
    """Raises Misconfigured for files that are missing, locked, or do not belong together."""
    signers = {use: [FileSigner.load(path, passphrase) for path in _files(config, use)] for use in _SSH_USES}
    root, root_key = load_root(_files(config, "tls")[0], passphrase)
    trust = read_trust(config.ca.trust)
    document = trust.document
    announced = {"user": document.user_ca, "host": document.host_ca, "bundle": document.bundle_keys}
    for use, held in signers.items():
        _require_trusted(use, held[0].public_key, announced[use])
    _require_domains(config, document.host_patterns)
    names = list(dict.fromkeys((_host(config.ca.url), *_pages_hosts(config), *config.ca.names)))

    def leaf() -> Leaf:
        now = SystemClock().now()
        chain, key = issue_leaf(root, root_key, names, now)
        return Leaf(chain, key, now, now + LEAF_LIFETIME)

    return Parts(
        config=config,
        ca_id=trust.ca_id,
        trust=trust.signed,
        user=signers["user"][0],
        host=signers["host"][0],
        bundle=signers["bundle"][0],
        user_keys=_announced(signers["user"][0], document.user_ca),
        host_keys=_announced(signers["host"][0], document.host_ca),
        bundle_keys=_announced(signers["bundle"][0], document.bundle_keys),
        root_pem=encode_certificate(root).decode(),
        root_fingerprint=fingerprint(root),
        leaves=leaf,
    )


def authority(parts: Parts, store: Store, http: httpx2.AsyncClient, clock: Clock | None = None) -> Authority:
    clock = clock or SystemClock()
    guard, policy = ClockGuard(clock), Policy(parts.config)
    provisioners: list[Provisioner] = [JoinTokenProvisioner(parts.ca_id, store.join_token, clock)]
    provisioners += [OidcPart(section, parts.ca_id, clock, http) for section in parts.config.providers]
    hosts = Hosts(
        policy,
        store,
        guard,
        ca_id=parts.ca_id,
        url=parts.config.ca.url,
        fingerprint=parts.root_fingerprint,
        bundle_signer=parts.bundle,
        user_keys=parts.user_keys,
        host_keys=parts.host_keys,
    )
    keys = CaKeys(parts.user, parts.host, parts.user_keys, parts.host_keys, parts.bundle_keys)
    made = Authority(
        policy,
        keys,
        provisioners,
        store,
        guard,
        hosts,
        sshpop=_sshpop(parts, store, clock),
        ca_id=parts.ca_id,
        name=parts.config.ca.name,
    )
    made.devices = _devices(made, parts, store, http, clock)
    return made


def _devices(heart: Authority, parts: Parts, store: Store, http: httpx2.AsyncClient, clock: Clock) -> Devices | None:
    """Sign-ins on another device, where there are pages for them."""
    if parts.config.pages is None:
        return None
    providers = [WebClient(section, clock, http) for section in parts.config.providers]
    redirects = callbacks(parts.config)
    return Devices(heart.issue, store, clock, providers, ca_id=parts.ca_id, redirects=redirects)


def _sshpop(parts: Parts, store: Store, clock: Clock) -> SshPopProvisioner:
    ca = parts.config.ca
    names = [urlsplit(ca.url).hostname or "", *ca.names]
    by_type = {CertType.USER: parts.user_keys, CertType.HOST: parts.host_keys}
    return SshPopProvisioner(parts.ca_id, names, by_type, store.on_record, clock)


def public_info(parts: Parts) -> PublicInfo:
    """What anyone may know of this CA."""
    return PublicInfo(
        version=__version__,
        roots={parts.root_fingerprint: parts.root_pem},
        trust=parts.trust,
        user_lifetime=parse_duration(parts.config.lifetimes.user),
        provisioners=(*(_for_step(section) for section in parts.config.providers), *_listed_sshpop(parts.config)),
        logins=tuple(_for_daypass(section, parts.config) for section in parts.config.providers),
        pages_url=parts.config.pages.url.rstrip("/") if parts.config.pages else "",
        trusted_proxies=tuple(parts.config.pages.trusted_proxies) if parts.config.pages else (),
        trust_version=read_trust(parts.config.ca.trust).document.version,
    )


@asynccontextmanager
async def opened(parts: Parts) -> AsyncIterator[Authority]:
    """The authority on its store, both closed again at the end."""
    store = open_store(parts.config.ca.database)
    try:
        async with provider_client() as http:
            yield authority(parts, store, http)
    finally:
        await store.close()


async def run_ca(
    config: Config,
    passphrase: bytes | None = None,
    *,
    ready: Ready | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """`daypass ca serve`: until a signal or `stop`. Raises Misconfigured, Conflict, Unavailable at start."""
    parts = load_parts(config, passphrase)
    async with opened(parts) as heart:
        await serve(
            build(heart, public_info(parts)),
            build_admin(heart),
            listen=config.ca.listen,
            tls=parts.leaves,
            admin_socket=config.ca.admin_socket,
            pages=_pages_certificate(config),
            ready=ready,
            stop=stop,
        )


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _pages_hosts(config: Config) -> list[str]:
    """The name that the CA's own leaf has to have for the pages, where nothing better serves them."""
    return [_host(config.pages.url)] if config.pages is not None else []


def _pages_certificate(config: Config) -> PagesCertificate | None:
    pages = config.pages
    if pages is None or pages.certificate is None or pages.key is None:
        return None
    return PagesCertificate(_host(pages.url), pages.certificate, pages.key)


def _files(config: Config, use: str) -> list[Path]:
    found = [key.file for key in config.keys if key.use == use]
    if not found:
        raise Misconfigured(f"there is no {use} key", code="keys", hint=f'add [[keys]] with use = "{use}"')
    return found


def _require_domains(config: Config, patterns: list[str]) -> None:
    """What the CA would certify and laptops would not believe is told here, not on a laptop.

    A domain may be narrower than what was signed: names and patterns below `*.example.com` end in the same words.
    """
    domains = config.hosts.domains
    missing = [each for each in domains if not any(host_pattern_matches(pattern, each) for pattern in patterns)]
    if missing:
        raise Misconfigured(
            f"hosts.domains holds {', '.join(missing)}, and the trust document does not: no laptop would believe it",
            code="trust.domains",
            hint=_SIGN_NEXT,
        )


def _require_trusted(use: str, key: PublicKey, lines: list[str]) -> None:
    if key not in public_keys(lines):
        raise Misconfigured(
            f"the {use} key {key.fingerprint} is not in the trust document: no client would believe it",
            code="trust.key",
            hint=_SIGN_NEXT,
        )


def _announced(signer: Signer, lines: list[str]) -> tuple[PublicKey, ...]:
    """Every key of the trust document, the one that signs first."""
    return (signer.public_key, *(key for key in public_keys(lines) if key != signer.public_key))


def _for_step(section: ProviderSection) -> OidcProvisioner:
    return OidcProvisioner(
        name=section.name,
        clientID=section.client_id,
        clientSecret=section.client_secret,
        configurationEndpoint=section.issuer.rstrip("/") + "/.well-known/openid-configuration",
        scopes=section.scopes,
    )


def _listed_sshpop(config: Config) -> list[SshPopEntry]:
    return [SshPopEntry(name=PROVISIONER, claims={"enableSSHCA": True})] if config.ca.list_sshpop else []


def _for_daypass(section: ProviderSection, config: Config) -> OidcLogin:
    return OidcLogin(
        name=section.name,
        issuer=section.issuer,
        client_id=section.client_id,
        client_secret=section.client_secret,
        device_client_id=section.device_client_id,
        device_client_secret=section.device_client_secret,
        scopes=section.scopes,
        max_age=parse_duration(section.max_age) if section.max_age else None,
        redirect_host=section.redirect_host,
        redirect_ports=section.redirect_ports,
        redirect_path=loopback_path(config, section.name),
        hosted=config.pages is not None,
        acr_values=section.acr_values,
        groups_from=section.groups_from,
    )
