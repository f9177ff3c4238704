"""The `daypass.toml` that a new CA starts with: every key with its default, each explained in a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Starter"]

_HEAD = """\
# The configuration of this certificate authority.
#   daypass ca check-config   tells every mistake in it at once
#   daypass ca reload         puts it in force
# Empty means no: a role without conditions is nobody's, and no role means no login.

config_version = 1

# Files with further providers, roles and operators, relative to this one, such as "roles.d/*.toml".
include = []

# Login names nobody may claim, beside root and the system's own accounts.
reserved_logins = []

[ca]
# What people see this CA called.
name = {name}
# How people and hosts reach it. Changing it means that they join anew.
url = {url}
# Further names and addresses for its TLS certificate.
names = []
# Address and port to listen on.
listen = {listen}
# sqlite:////PATH, or postgresql://USER@HOST/NAME
database = {database}
# What this machine keeps between restarts.
state = {state}
# Seals tokens in the database, where a provider is asked again during the day; made when it is first needed.
secrets_key = {secrets_key}
# Where `daypass token` and other administration reach the running CA.
admin_socket = {admin_socket}
# Which keys speak for this CA, signed by the offline trust root.
trust = {trust}
# Tell step clients that hosts may renew; `step ssh login` then asks which provisioner to use.
list_sshpop = false
# What the key files are encrypted with. Without this line: $CREDENTIALS_DIRECTORY/passphrase, or it is asked for.
{passphrase_file}

# Pages where people sign in for a machine without a browser. Without this table there are none.
[pages]
# How a browser anywhere reaches them. Register {pages}/device/callback at the provider.
url = {url}
# A certificate that phones trust too: they don't know this CA's root, whose leaf serves without these two. It is
# chosen by name, so url has to name a host other than ca.url's.
# certificate = ""   # such as "/etc/daypass/pages.crt"
# key = ""
# Proxies before them, by address or network: these say who really asks.
trusted_proxies = []

# The CA's keys. The first of each use signs, further ones are only announced. New ones: daypass ca rotate
[[keys]]
use = "user"    # signs people's certificates
file = {user_key}

[[keys]]
use = "host"    # signs hosts' certificates
file = {host_key}

[[keys]]
use = "bundle"  # signs what hosts and laptops are given
file = {bundle_key}

[[keys]]
use = "tls"     # the root of this CA's own TLS; its certificate lies beside it as .crt
file = {tls_key}

[hosts]
# What the host CA may speak for: "*.example.com" or full names. Never wider than what is yours.
# Laptops believe what the offline root has signed: after a change, daypass ca trust.
domains = {domains}
# short_names = ""     # one domain: hosts directly in it go by their first label, too
# addresses = []       # networks whose addresses may be names of hosts, for 24 h at a time
# stale_after = "30d"  # after the end of its last certificate a host leaves the inventory, and its names are free

# Hosts that refuse every certificate once they have had no word from the CA for so long. All others go on.
# [[hosts.fail_closed]]
# hosts = ["vault-*"]
# labels = {{}}
# after = "24h"        # 10m at least

[lifetimes]
user = "16h"          # a day pass
host = "30d"          # a host's certificate
floor = "5m"          # nothing shorter is issued
user_ceiling = "20h"  # after a sign-in, nothing lasts longer
host_ceiling = "90d"
backdate = "1m"       # for clocks that run behind

# Where somebody's access ends: what hosts do with keys, jobs and processes of theirs (report, quarantine or lock),
# and of how many people within a minute providers may end the access before open sessions wait for an operator.
# [endings]
# remains = "report"
# held_above = 20

"""

_PROVIDER = """\
# Where people sign in. Register daypass there as a native client, redirect URI http://127.0.0.1/callback
{provider}# recheck = { every = "15m" }              # ask the provider again during the day; by, consent: docs
# type = "oidc"                            # OpenID Connect
# client_secret = ""                       # only where the provider insists on one
# web_client_id = ""                       # what the CA's own pages are registered as, if that is another client
# web_client_secret = ""                   # theirs; it stays here
# device_client_id = ""                    # of a second client, for the provider's own device grant; empty: off
# device_client_secret = ""
# scopes = ["openid", "email", "profile"]
# algorithms = ["RS256", "ES256", "EdDSA"] # what it signs ID tokens with
# groups_claim = "groups"
# groups_from = "token"                    # or "userinfo", "graph" (Entra), where the token is cut short; "scim"
# acr_values = []                          # what strength of sign-in to ask it for
# login_name = "email"                     # the part before the @; or "claim:NAME", or "step" for all that step gives
# max_age = "1h"                           # how old a sign-in may be; "" does not ask
# require_auth_time = true                 # the provider must say when the person signed in
# allow_unbound = false                    # also take tokens that were not made for one key (the step client's)
# trust_email = false                      # the provider sends no email_verified; believe it for email_domains
# email_domains = []
# tenants = []                             # Entra: your tenant's id
# hosted_domain = ""                       # Google: your domain
# redirect_host = "127.0.0.1"
# redirect_ports = []                      # empty: any free port
# logout = false                           # its back-channel logouts end access, open sessions on hosts too
# signals = { audience = "daypass", issuer = "", jwks_uri = "", algorithms = [], poll_url = "", poll_token_file = "" }

# The provider pushes its directory; nobody signs in there who is not active in it. daypass scim token create …
# [providers.scim]
# match = "externalId=sub"                 # by what its users are those who sign in: docs/guide/scim.md

"""

_WAYS = """\
# People who sign in with the accounts of this machine, by PAM, in the terminal: daypass login --provider unix
# [[pam]]
# name = "unix"
# service = "daypass"                      # a file in /etc/pam.d; docs/guide/pam.md has examples
# folder = ""                              # where that file lies, if elsewhere
# email_domain = ""                        # their address is LOGIN@DOMAIN
# groups = true                            # their groups are those of the account here
# timeout = "2m"                           # for the whole conversation

"""

_ROLES = """\
# Jobs and services that sign in by a token of their platform (docs/guide/ci.md); `lifetime` is what they are given
# at most, "10m" if nothing is said.
# [[workloads]]
# name = "github"
# type = "github"                          # oidc, github, gitlab, buildkite, circleci or kubernetes
# issuer = ""                              # empty: the platform's own
# audience = ""                            # what their tokens are made for; empty: this CA's url
# algorithms = ["RS256", "ES256", "EdDSA"] # empty: the platform's
# subject = ""                             # the claim that says who it is, and never changes; empty: the platform's
# jwks_uri = ""                            # where its keys are; empty: where the issuer says
# jwks_file = ""                           # or a file with them
# roots_file = ""                          # PEM of who vouches for the issuer; empty: the system's
# review_url = ""                          # of a Kubernetes API server, to have tokens reviewed there, too
# review_token_file = ""
# allow_unbound = false                    # also from clients that do not show that they hold the key

# One-time tokens that whoever holds a key makes, as step does: daypass ca provisioner key NAME makes a pair.
# [[jwk]]
# name = "machines"
# key = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}' # the public half
# encrypted_key = ""                       # the private half, encrypted, for everyone who asks: step's way
# hosts = ["*.example.com"]                # names and patterns it may speak for
# users = false                            # whether it may say who somebody is
# allow_unbound = false                    # also take tokens that were not made for one key, at step's routes

# X.509 client certificates. kind: person, workload or host; trust_domain: SPIFFE's.
# [[x5c]]
# name = "mesh"
# kind = "workload"
# roots = ["-----BEGIN CERTIFICATE-----\\nMAA=\\n-----END CERTIFICATE-----"]
# trust_domain = "example.com"
# crl_file = ""                            # such as "/etc/daypass/mesh.crl": revocation lists in PEM
# hosts = []                               # kind = "host": names and patterns it may speak for
# login_name = "email"                     # kind = "person": or "cn"
# lifetime = ""                            # at most, beside the end of their certificate
# allow_unbound = false

# Cloud instances become hosts by their identity document: docs/guide/cloud.md. type: aws, gcp or azure
# [[clouds]]
# name = "aws"
# type = "aws"
# accounts = ["123456789012"]              # AWS accounts, Google projects, Azure subscriptions
# host_name = "{instance}.example.com"     # {region}, {account}, {zone}, {name} (not AWS), {tag:NAME}
# aliases = []
# labels = {}                              # each a template, too: { region = "{region}" }
# regions = []                             # empty: any
# certificates = "/etc/daypass/aws.pem"    # regional certificates (AWS), roots (Azure)
# instance_age = "15m"                     # how long after its start an instance may enrol
# networks = []                            # AWS: where they come from, if not from their own address
# service_accounts = []                    # Google: unique ids
# tenants = []                             # Azure
# audience = ""                            # Azure: what its managed identity's token is made for, "api://daypass"
# resource_groups = []                     # Azure
# tags = false                             # ask the cloud for the instance's tags, with this machine's credentials
# port22 = false                           # and each shows its key at its own port 22

# Hosts that enrol without a token: the CA connects to port 22 of the name they want, and sees that they hold the key.
# [[port22]]
# name = "scan"
# hosts = ["old-*.example.com"]            # names and patterns
# networks = ["10.0.0.0/8"]                # where the CA connects to, and nowhere else
# port = 22
# labels = {}

# Who may log in as whom, on which hosts. All conditions given must hold, and a role has one at least.
# [[roles]]
# name = "staff"
# hosts = ["*"]                            # which hosts: names and patterns; "*" is every host
# labels = {}                              # and these labels: { env = ["prod", "stage"] }
# provider = "sso"                         # needed once there are several
# groups = ["staff"]                       # in any of these groups
# emails = []                              # or these very people
# domains = []                             # or anyone with a verified address there
# claims = {}                              # or what the provider says else: { department = ["ops"] }
# amr = []                                 # and signed in by one of these ways: ["hwk", "mfa"]
# acr = []                                 # and with one of these strengths
# max_auth_age = ""                        # and no longer ago than this
# accounts = ["{login}"]                   # each person's own account; or shared ones by name
# new_accounts = { shell = "/bin/bash", groups = [], privileged_groups = [] } # hosts make their accounts
# lifetime = ""                            # at most this, like "1h"; empty: the day pass
# max_session = ""                         # hosts end a session after this, like "12h"; empty: never
# windows = []                             # only then: ["mon-fri 08:00-18:00 Europe/Berlin"]
# extensions = ["permit-pty", "permit-port-forwarding"]
# source_address = []                      # only from these networks
# force_command = ""                       # only this command
# day_pass = true                          # false: only by daypass login --role
# bare_hosts = false                       # also on hosts that only trust the CA and know no roles
# git = {}                                 # names at Git servers: { "github.com" = "claim:github_login" }
# refuse_remote = false                    # not for sign-ins by the provider's own device grant

# Hosts that are reached through another one; ssh on laptops takes that way by itself.
# [[bastions]]
# name = "inside"
# via_hosts = ["bastion-*.example.com"]    # the bastions: the first that is enrolled and live
# via_labels = {}
# hosts = ["*.inside.example.com"]         # the hosts behind them
# labels = {}

# Who may do what with this CA; the first administrator is root on this machine. Conditions as in roles.
# [[operators]]
# name = "auditors"
# provider = "sso"
# groups = ["audit"]
# emails = []
# domains = []
# claims = {}
# amr = []
# acr = []
# max_auth_age = ""
# can = ["audit"]                          # revoke, lock, unlock, persons, configure, token:HOSTS, approve:ACT

# Who outside is told of what this CA does: a webhook (url, secret_file), a syslog (address), JSON lines (file).
# [[events]]
# name = "alerts"
# type = "webhook"
# acts = ["*"]                             # of the ledger: "person.lock", "certificate.*"
# severity = "alert"                       # at least this: alert, warning, notice, info
# url = "https://alerts.example.com/daypass"
# secret_file = "/etc/daypass/alerts.secret"
"""


@dataclass(frozen=True, slots=True)
class Starter:
    """What is particular about this CA. Nothing is checked here: `config.problems` judges the text."""

    name: str
    url: str
    host_domains: tuple[str, ...]
    database: str
    state: Path
    admin_socket: Path
    trust: Path
    keys: Path  # the folder
    issuer: str = ""
    client_id: str = ""
    passphrase_file: Path | None = None

    def text(self) -> str:
        return _HEAD.format_map(self._values()) + _PROVIDER.replace("{provider}", self._provider()) + _WAYS + _ROLES

    def _values(self) -> dict[str, str]:
        paths = {name: _quote(getattr(self, name)) for name in ("state", "admin_socket", "trust")}
        keys = {f"{use}_key": _quote(self.keys / file) for use, file in KEY_FILES.items()}
        return paths | keys | {
            "name": _quote(self.name),
            "url": _quote(self.url),
            "secrets_key": _quote(self.state / "secrets.key"),
            "pages": _comment(self.url.rstrip("/")),
            "listen": _quote(self._listen()),
            "database": _quote(self.database),
            "domains": _quoted_list(self.host_domains),
            "passphrase_file": f"passphrase_file = {_quote(self.passphrase_file)}"
            if self.passphrase_file
            else '# passphrase_file = "/etc/daypass/passphrase"',
        }  # fmt: skip

    def _listen(self) -> str:
        try:
            return f"0.0.0.0:{urlsplit(self.url).port or 443}"
        except ValueError:
            return "0.0.0.0:443"

    def _provider(self) -> str:
        lines = f"""\
[[providers]]
name = "sso"
issuer = {_quote(self.issuer or "https://id.example.com")}
client_id = {_quote(self.client_id or "daypass")}
"""
        if self.issuer:
            return lines
        return "".join(f"# {line}\n" for line in lines.splitlines())


KEY_FILES = {"user": "user_ca", "host": "host_ca", "bundle": "bundle", "tls": "tls_root.key"}


def _quote(value: object) -> str:
    """A TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """What can't end the comment it stands in."""
    return _quote(text)[1:-1]


def _quoted_list(values: Iterable[str]) -> str:
    return f"[{', '.join(_quote(value) for value in values)}]"
