"""The whole TOML file, as types.

`policy_document(config)` is the part that every process of one CA must share; its SHA-256 is the policy hash
that stands in the store and in every ledger entry (trust 7.4). The rest (addresses, paths) is local to a machine.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

__all__ = [
    "BastionSection",
    "CaSection",
    "CloudSection",
    "Config",
    "EndingsSection",
    "EventSection",
    "FailClosedSection",
    "HostsSection",
    "IncludedFile",
    "JwkSection",
    "KeySection",
    "LifetimeSection",
    "NewAccountsSection",
    "OperatorSection",
    "PagesSection",
    "PamSection",
    "Port22Section",
    "ProviderSection",
    "RecheckSection",
    "RoleSection",
    "ScimSection",
    "Section",
    "SignalsSection",
    "WhoSection",
    "WorkloadSection",
    "X5cSection",
]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file. A key that does not exist is an error, never ignored.

    Defaults never change within a `config_version`, and are left out of the policy document.
    """


class CaSection(Section, frozen=True):
    name: str
    url: str  # https://NAME[:PORT], as people and hosts reach it
    names: list[str] = []  # further names and addresses for the TLS leaf
    listen: str = "0.0.0.0:8443"
    database: str = "sqlite:////var/lib/daypass/ca.sqlite"
    state: Path = Path("/var/lib/daypass")
    admin_socket: Path = Path("/run/daypass/admin.sock")
    trust: Path = Path("/etc/daypass/trust.json")  # the trust document, signed by the offline root
    passphrase_file: Path | None = None
    secrets_key: Path = Path("/var/lib/daypass/secrets.key")  # seals what the database keeps for rechecks
    list_sshpop: bool = False  # name it in /provisioners, for step's own renewals of host certificates


class KeySection(Section, frozen=True):
    """One CA key. The first of a use signs; the others are only announced (rotation)."""

    use: str  # user | host | bundle | tls
    file: Path  # private key; of tls the certificate lies beside it with the suffix .crt


class PagesSection(Section, frozen=True):
    """The CA's own web pages, where people sign in for another device (trust 8.2). Without it there are none."""

    url: str  # https://NAME[:PORT], as a browser anywhere reaches them
    certificate: Path | None = None  # PEM, with what leads to its root; without one the CA's own leaf serves
    key: Path | None = None  # PEM
    trusted_proxies: list[str] = []  # addresses and networks whose X-Forwarded-For is believed


class LifetimeSection(Section, frozen=True):
    """Seconds, written as "16h" or "30d"."""

    user: str = "16h"
    host: str = "30d"
    floor: str = "5m"
    user_ceiling: str = "20h"
    host_ceiling: str = "90d"
    backdate: str = "1m"


class FailClosedSection(Section, frozen=True):
    """Hosts that refuse every certificate once they have had no word from the CA for so long. As in a role."""

    after: str
    hosts: list[str] = []
    labels: dict[str, list[str]] = {}


class HostsSection(Section, frozen=True):
    domains: list[str]  # what the host CA may speak for: names and *.patterns (trust 5.2)
    short_names: str = ""  # one domain; hosts directly in it go by their first label, too
    addresses: list[str] = []  # networks whose addresses may be names of hosts, for 24 h at a time
    stale_after: str = "30d"  # after the end of its last certificate a host leaves the inventory, its names are free
    fail_closed: list[FailClosedSection] = []  # all others go on with what they have


class EndingsSection(Section, frozen=True):
    """What happens where somebody's access ends (trust 6)."""

    held_above: int = 20  # persons whose access providers may end within a minute; of more, sessions wait for a yes
    remains: str = "report"  # report | quarantine | lock: what hosts do with what somebody who is out left there


class BastionSection(Section, frozen=True):
    """Hosts that are reached through another one. Patterns and labels are as in a role."""

    name: str
    via_hosts: list[str] = []  # the bastions: the first that is enrolled and live is used
    via_labels: dict[str, list[str]] = {}
    hosts: list[str] = []  # those behind them; never a bastion itself
    labels: dict[str, list[str]] = {}


class ScimSection(Section, frozen=True):
    """The provider pushes its directory to us (RFC 7644), and nobody signs in who is not active in it."""

    match: str  # SCIM attribute = what of a sign-in it is: "externalId=sub", "userName=email", "externalId=claim:oid"

    @property
    def attribute(self) -> str:
        """externalId | userName | emails"""
        return self.match.partition("=")[0]

    @property
    def side(self) -> str:
        """sub | email | claim:NAME"""
        return self.match.partition("=")[2]


class SignalsSection(Section, frozen=True):
    """A transmitter of security events (Shared Signals) that speaks for this provider."""

    audience: str  # what it calls this CA in its tokens: `aud`
    issuer: str = ""  # its own name, where that is not the provider's
    jwks_uri: str = ""  # empty: where it, or the provider, says
    algorithms: list[str] = []  # empty: the provider's
    poll_url: str = ""  # RFC 8936; empty: it pushes
    poll_token_file: str = ""  # a path on every machine of the CA, with the bearer token in it


class RecheckSection(Section, frozen=True):
    """The provider is asked again during the day whether a sign-in still stands (trust 6.10)."""

    every: str
    by: str = "refresh"  # refresh | introspection
    consent: bool = False  # send prompt=consent: some providers give no refresh token otherwise


class ProviderSection(Section, frozen=True):
    name: str
    issuer: str
    client_id: str
    client_secret: str = ""
    web_client_id: str = ""  # what the CA's own pages are registered as; empty: client_id, with its secret
    web_client_secret: str = ""  # stays at the CA
    device_client_id: str = ""  # for the provider's own device grant (RFC 8628); empty: the grant is off
    device_client_secret: str = ""
    type: str = "oidc"
    scopes: list[str] = msgspec.field(default_factory=lambda: ["openid", "email", "profile"])
    algorithms: list[str] = msgspec.field(default_factory=lambda: ["RS256", "ES256", "EdDSA"])
    groups_claim: str = "groups"  # a claim, or the path of one inside others: /realm_access/roles (RFC 6901)
    groups_from: str = "token"  # token | userinfo | graph: where they are asked for if the token has none; or scim
    acr_values: list[str] = []  # what a sign-in asks the provider for (Core section 3.1.2.1)
    login_name: str = "email"  # email | step | claim:NAME
    max_age: str = "1h"  # how old a sign-in may be; "" does not ask
    require_auth_time: bool = True
    allow_unbound: bool = False
    trust_email: bool = False
    email_domains: list[str] = []
    tenants: list[str] = []  # Entra: person is (tid, oid)
    hosted_domain: str = ""  # Google: hd
    redirect_host: str = "127.0.0.1"
    redirect_ports: list[int] = []
    scim: ScimSection | None = None
    logout: bool = False  # take its back-channel logouts: they end shells
    signals: SignalsSection | None = None  # without it no security events are taken
    recheck: RecheckSection | None = None


class PamSection(Section, frozen=True):
    """People sign in at a PAM stack of the CA's machine."""

    name: str
    service: str = "daypass"
    folder: str = ""  # where the service's file lies; empty: /etc/pam.d
    email_domain: str = ""  # their address is LOGIN@DOMAIN; empty: they have none
    groups: bool = True  # theirs are the groups of the account on the CA's machine
    timeout: str = "2m"  # for the whole conversation


class WorkloadSection(Section, frozen=True):
    """Jobs and services sign in by a token of their platform (OpenID Connect for machines). No login names."""

    name: str
    type: str = "oidc"  # oidc | github | gitlab | buildkite | circleci | kubernetes
    issuer: str = ""  # empty: the platform's own
    audience: str = ""  # what their tokens are made for; empty: the CA's url
    algorithms: list[str] = []  # empty: the platform's
    lifetime: str = "10m"  # of what they are given, at most
    subject: str = ""  # the claim that says who it is, and never changes; empty: the platform's
    jwks_uri: str = ""  # empty: where the issuer says
    jwks_file: str = ""  # a path on every machine of the CA, instead of asking anybody
    roots_file: str = ""  # PEM of who vouches for the issuer; empty: the system's
    review_url: str = ""  # of a Kubernetes API server: its TokenReview is asked, too
    review_token_file: str = ""
    allow_unbound: bool = False  # tokens by clients that do not show that they hold the key (step's)


class CloudSection(Section, frozen=True):
    """Cloud instances become hosts by their identity document (trust 5.4). Templates: docs/guide/cloud.md."""

    name: str
    type: str  # aws | gcp | azure
    accounts: list[str]  # AWS accounts, Google projects, Azure subscriptions
    host_name: str  # template of the name: "{instance}.prod.example.com"
    aliases: list[str] = []  # templates
    labels: dict[str, str] = {}  # label -> template
    regions: list[str] = []  # empty: any
    tenants: list[str] = []  # Azure
    resource_groups: list[str] = []  # Azure
    service_accounts: list[str] = []  # Google
    audience: str = ""  # Azure: what a managed identity's token is made for, "api://…"; empty: none is asked for
    instance_age: str = "15m"  # how long after its start an instance may enrol
    networks: list[str] = []  # where they come from if not from the address in their document (AWS behind NAT)
    port22: bool = False  # and each proves its key at its own address
    tags: bool = False  # ask the cloud for the instance's tags, with the CA's own credentials
    certificates: str = ""  # PEM on every machine of the CA: regional certificates (AWS), roots (Azure)


class JwkSection(Section, frozen=True):
    """One-time tokens, signed by whoever holds a JSON Web Key, as step makes them."""

    name: str
    key: str  # public, JSON (RFC 7517)
    encrypted_key: str = ""  # JWE of the private half, given to everyone who asks, as step has it; empty: not
    hosts: list[str] = []  # names and patterns it may speak for
    users: bool = False  # whether it may say who somebody is
    allow_unbound: bool = False  # tokens without `cnf`


class X5cSection(Section, frozen=True):
    """Whoever has an X.509 client certificate of these roots signs in by it."""

    name: str
    roots: list[str]  # PEM
    kind: str = "workload"  # person | workload | host
    trust_domain: str = ""  # SPIFFE: only SVIDs of spiffe://TRUST_DOMAIN/
    crl_file: str = ""  # PEM of revocation lists on every machine of the CA; nobody passes without a current one
    hosts: list[str] = []  # kind = "host": names and patterns it may speak for
    login_name: str = "email"  # kind = "person": email | cn
    lifetime: str = ""  # at most, beside the end of their certificate
    allow_unbound: bool = False  # tokens without `cnf`


class Port22Section(Section, frozen=True):
    """Hosts enrol by showing at port 22 of their own name that they hold the key."""

    name: str
    hosts: list[str]  # names and patterns
    networks: list[str]  # where the CA connects to, and nowhere else
    port: int = 22
    labels: dict[str, str] = {}


class WhoSection(Section, frozen=True, kw_only=True):
    """Who is meant. Every condition given must hold, at least one; within one, any of its values does."""

    provider: str = ""
    groups: list[str] = []
    emails: list[str] = []
    domains: list[str] = []  # of the verified e-mail
    claims: dict[str, list[str]] = {}  # claim -> values; a claim that is a list holds any of them
    amr: list[str] = []  # RFC 8176
    acr: list[str] = []
    max_auth_age: str = ""  # how long ago the sign-in may be, at most


class NewAccountsSection(Section, frozen=True):
    """People's own accounts are made on hosts where they have none."""

    shell: str = "/bin/bash"
    groups: list[str] = []
    privileged_groups: list[str] = []  # those that give power over the host (sudo, docker …) stand here or nowhere


class RoleSection(WhoSection, frozen=True, kw_only=True):
    """Who, on which hosts, as which accounts, for how long, within which bounds."""

    name: str
    hosts: list[str] = []  # names and patterns; "*" is every host
    labels: dict[str, list[str]] = {}  # label -> values; each label given must have one of its values
    accounts: list[str] = []
    new_accounts: NewAccountsSection | None = None
    lifetime: str = ""  # at most this; empty: the CA's
    max_session: str = ""  # an open session lasts at most this on hosts with the agent; empty: as long as it likes
    windows: list[str] = []  # "mon-fri 08:00-18:00 Europe/Berlin"; empty: always
    extensions: list[str] = msgspec.field(default_factory=lambda: ["permit-pty", "permit-port-forwarding"])
    source_address: list[str] = []  # networks to log in from; empty: anywhere
    force_command: str = ""
    day_pass: bool = True  # false: only in a certificate of its own, by `daypass login --role`
    bare_hosts: bool = False
    git: dict[str, str] = {}  # Git server -> login | claim:NAME | name:NAME
    refuse_remote: bool = False  # not for a sign-in by the provider's own device grant


class OperatorSection(WhoSection, frozen=True, kw_only=True):
    """Who may do what with the CA itself (trust 4.1); apart from all roles."""

    name: str
    can: list[str] = []  # audit, revoke, lock, unlock, persons, configure, token:PATTERN, approve:ACT


class EventSection(Section, frozen=True):
    """Whoever is told of what the CA does. Local to a machine, as addresses and paths are."""

    name: str
    type: str  # webhook | syslog | json
    acts: list[str]  # of the ledger: "person.lock", "person.*", "*"
    severity: str = "info"  # alert | warning | notice | info: at least this
    url: str = ""  # of a webhook: https, or http on loopback
    secret_file: Path | None = None  # of a webhook: whsec_…
    address: str = ""  # of a syslog: unix:/dev/log, udp:HOST:PORT, tcp:HOST:PORT, tls:HOST:PORT
    file: Path | None = None  # of JSON lines; "-" is standard output
    roots: Path | None = None  # PEM of who vouches for the receiver; without: the system's


class IncludedFile(Section, frozen=True):
    """What a further file may hold: the part of the policy that grows."""

    providers: list[ProviderSection] = []
    pam: list[PamSection] = []
    workloads: list[WorkloadSection] = []
    clouds: list[CloudSection] = []
    jwk: list[JwkSection] = []
    x5c: list[X5cSection] = []
    port22: list[Port22Section] = []
    roles: list[RoleSection] = []
    operators: list[OperatorSection] = []
    bastions: list[BastionSection] = []
    reserved_logins: list[str] = []


class Config(Section, frozen=True):
    config_version: int
    ca: CaSection
    keys: list[KeySection]
    hosts: HostsSection
    include: list[str] = []  # files with further providers, roles and operators, relative to this one; * in the name
    pages: PagesSection | None = None
    lifetimes: LifetimeSection = LifetimeSection()
    endings: EndingsSection = EndingsSection()
    providers: list[ProviderSection] = []
    pam: list[PamSection] = []
    workloads: list[WorkloadSection] = []
    clouds: list[CloudSection] = []
    jwk: list[JwkSection] = []
    x5c: list[X5cSection] = []
    port22: list[Port22Section] = []
    roles: list[RoleSection] = []
    operators: list[OperatorSection] = []
    bastions: list[BastionSection] = []
    reserved_logins: list[str] = []
    events: list[EventSection] = []
