"""What anyone may know of this CA: its own facts, and those that the version in force gives."""

from __future__ import annotations

import json

from daypass import __version__
from daypass.api import JwkProvisioner, OidcLogin, OidcProvisioner, PamLogin, WorkloadLogin
from daypass.api import SshPopProvisioner as SshPopEntry
from daypass.api import X5cProvisioner as X5cEntry
from daypass.assemble.force import Maker
from daypass.assemble.parts import Parts
from daypass.ca.force import Following, InForce
from daypass.config import Config, JwkSection, ProviderSection, WorkloadSection, X5cSection, loopback_path
from daypass.config.platforms import audience_of, issuer_of
from daypass.model import parse_duration
from daypass.provisioners.jwk import key_id
from daypass.server.ports import PublicInfo
from daypass.wire.sshpop import PROVISIONER

__all__ = ["Latest", "public_info"]


class Latest:
    """The facts under the version in force, put together once for each."""

    def __init__(self, force: Following, maker: Maker) -> None:
        self._force, self._maker = force, maker
        self._told: tuple[InForce, PublicInfo] | None = None

    def __call__(self) -> PublicInfo:
        """Raises Unavailable where this process can't use that version."""
        force = self._force.current
        if self._told is None or self._told[0] is not force:
            self._told = force, public_info(self._maker.parts, force.config)
        return self._told[1]


def public_info(parts: Parts, config: Config) -> PublicInfo:
    """`config`: what is in force on this machine; `parts`: what goes with it."""
    pages, trust = config.pages, parts.trust
    return PublicInfo(
        version=__version__,
        roots=parts.roots,
        trust=trust.signed,
        trust_version=trust.document.version,
        user_lifetime=parse_duration(config.lifetimes.user),
        provisioners=(
            *(_for_step(section) for section in config.providers),
            *map(_jwk, config.jwk),
            *map(_x5c, config.x5c),
            *_listed_sshpop(config),
        ),
        logins=tuple(_for_daypass(section, config) for section in config.providers),
        pam=tuple(PamLogin(each.name, parse_duration(each.timeout)) for each in config.pam),
        workloads=tuple(_for_jobs(section, config) for section in config.workloads),
        pages_url=pages.url.rstrip("/") if pages else "",
        trusted_proxies=tuple(pages.trusted_proxies) if pages else (),
    )


def _for_step(section: ProviderSection) -> OidcProvisioner:
    return OidcProvisioner(
        name=section.name,
        clientID=section.client_id,
        clientSecret=section.client_secret,
        configurationEndpoint=section.issuer.rstrip("/") + "/.well-known/openid-configuration",
        scopes=section.scopes,
    )


def _jwk(section: JwkSection) -> JwkProvisioner:
    """Step names the key by `kid`, so it has one."""
    members = json.loads(section.key)
    shown = {name: value for name, value in members.items() if isinstance(value, str)}
    return JwkProvisioner(section.name, {**shown, "kid": key_id(section)}, section.encrypted_key)


def _x5c(section: X5cSection) -> X5cEntry:
    return X5cEntry(section.name, "".join(f"{pem.strip()}\n" for pem in section.roots).encode())


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
        groups_from="token" if section.groups_from == "scim" else section.groups_from,  # a client has to ask nobody
        offline=section.recheck is not None,
        consent=section.recheck is not None and section.recheck.consent,
    )


def _for_jobs(section: WorkloadSection, config: Config) -> WorkloadLogin:
    return WorkloadLogin(
        name=section.name, type=section.type, issuer=issuer_of(section), audience=audience_of(section, config)
    )
