"""What the rooms hand to each other: identities, proofs, requests, grants, drafts, certificates on record.

Everything here is frozen, as msgspec's Structs: one is made in a fifth of a frozen dataclass's time, and a
certificate takes twenty of them. Times are unix seconds (UTC), lifetimes are seconds. Names follow OpenSSH's
PROTOCOL.certkeys.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from urllib.parse import urlsplit

from msgspec import Struct, field

from daypass.errors import Invalid
from daypass.wire import Certificate, CertType, PublicKey

__all__ = [
    "KEY_ID",
    "LOGIN_NAME",
    "MAX_PRINCIPALS",
    "MAX_TOKEN",
    "PRIVILEGED_GROUPS",
    "ROLE_NAME",
    "SIGN_IN",
    "Credential",
    "Draft",
    "Grant",
    "HostFacts",
    "HostRole",
    "Identity",
    "Issued",
    "Joining",
    "Kind",
    "NewAccounts",
    "NoLogin",
    "OnceId",
    "Person",
    "Proof",
    "Redeemed",
    "Renewal",
    "Request",
    "Secret",
    "Vouched",
    "asked_of_sign_in",
    "discovery_url",
    "format_duration",
    "git_extension",
    "graph_of",
    "host_pattern_matches",
    "is_git_name",
    "is_host_name",
    "is_host_pattern",
    "is_login_name",
    "issuer_fits",
    "parse_duration",
    "role_principal",
    "shown",
    "sign_in",
]

LOGIN_NAME = re.compile(r"[a-z_][a-z0-9._-]{0,31}")
ROLE_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
KEY_ID = re.compile(r"[A-Za-z0-9._@:/+-]{1,255}")
GIT_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,253}[A-Za-z0-9_-])?")  # GitLab's, without a leading dot
GITHUB_NAME = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*(_[A-Za-z0-9]+)?")  # managed users end in _SHORTCODE
HOST_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MAX_PRINCIPALS = 256  # OpenSSH's SSHKEY_CERT_MAX_PRINCIPALS
MAX_TOKEN = 16 * 1024  # characters of an ID token, or of an access token


class Secret:
    """A string that is never shown: str(), repr() and format() give `***`. `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._value)


class Kind(StrEnum):
    PERSON = "person"
    WORKLOAD = "workload"
    HOST = "host"


class NoLogin(Struct, frozen=True):
    """Why a provider's rule yields no login name, and the setting that would help."""

    message: str
    hint: str


class Identity(Struct, frozen=True):
    """A provisioner's answer to "who are you?". A person is (issuer, subject); names decide nothing.

    `email` is there only when the provider's word for it counts (trust 1.4); `login` is the name the provider's
    rule yields, None where it yields none that could be a login name, and then `no_login` says why; `names` are all
    principals that rule yields (one, but for login_name = "step").
    """

    kind: Kind
    provider: str
    issuer: str
    subject: str
    email: str | None = None
    login: str | None = None
    no_login: NoLogin | None = None
    names: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()
    auth_time: int | None = None
    amr: tuple[str, ...] = ()
    acr: str | None = None
    claims: Mapping[str, object] = field(default_factory=dict)


class OnceId(Struct, frozen=True):
    """What makes a credential single-use, in its provider's own name space (trust 3.2)."""

    provider: str
    id: str


class Vouched(Struct, frozen=True):
    """What a provider's directory says of whoever signs in: it lets them in, as of `state`, in these groups."""

    provider: str
    match: str  # what of the sign-in means them there
    state: int
    groups: frozenset[str] = frozenset()


class Renewal(Struct, frozen=True):
    """The host certificate that is shown for the next one."""

    serial: int
    host: str  # id of the host on record
    key: PublicKey
    length: int  # seconds from its start to its end
    whole: bool = False  # the request names every key that the host has from now on


class Proof(Struct, frozen=True):
    """A verified credential. `bound`: it was made for exactly these keys and this act (trust 3.1). `remote`: the
    person signed in on another device, and nobody has shown them which machine asks (RFC 8628 section 5.4).

    With `renews`, the names in `enrolment` are those of a certificate, and no more than a wish. `joins` goes with the
    `enrolment` of a join token.
    """

    identity: Identity
    once: OnceId
    issued_at: int
    expires_at: int
    bound: bool
    remote: bool = False
    enrolment: HostFacts | None = None
    renews: Renewal | None = None
    joins: Joining | None = None
    session: str = ""  # the provider's own name for the session (`sid`), where it gives one
    vouched: Vouched | None = None  # by the provider's directory, where it has one (trust 6.8)
    until: int | None = None  # no certificate by this reaches further (the end of an X.509 leaf, minutes for a job)


class HostFacts(Struct, frozen=True):
    """What a join token says of a host. Names and labels come from here, never from the host (trust 5.1)."""

    name: str
    aliases: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()  # that are its names, too (trust 5.2); each in its shortest spelling
    instance: str = ""  # PROVISIONER:ID of a cloud instance, which may have another key than before (trust 5.1)


class Joining(Struct, frozen=True):
    """The use of one join token.

    `address`: where the host enrols from, "" where that can't be told; it must be in one of `networks`, if there are
    any. With `patterns` the host has chosen its name, which must fit one of them and be nobody's who has a live
    certificate. `replaces`: id of the host whose names pass to this one (trust 5.1).
    """

    token: str  # its id
    address: str = ""
    networks: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    replaces: str = ""


PRIVILEGED_GROUPS = frozenset(
    "root sudo sudoers google-sudoers wheel admin adm bin daemon sys disk shadow docker lxd lxc libvirt libvirtd "
    "libvirt-qemu kvm incus incus-admin podman staff systemd-journal systemd-network kmem mem tty tape video input "
    "render plugdev netdev mail www-data backup operator ssh_keys _ssh sssd wireshark".split()
)
"""Groups that give power over a host, or over others on it: only `privileged_groups` puts anybody there."""


class NewAccounts(Struct, frozen=True):
    """How a host makes the account of a person who has none there. `privileged`: groups that give power over it."""

    shell: str
    groups: tuple[str, ...] = ()
    privileged: tuple[str, ...] = ()


class HostRole(Struct, frozen=True):
    """What one role means on one host: a line of principals files.

    `accounts` are shared ones, admitted by `role:NAME`; with `own_account` each person's account is admitted by
    `role:NAME:LOGIN`. `options` stand before the principal (sshd(8), AUTHORIZED_KEYS FILE FORMAT): always `restrict`
    first, then what the role permits, then `from="…"` and `command="…"`. Roles stand in the order of their lines, the
    most restrictive first (trust 2.2).
    """

    name: str
    options: str
    accounts: tuple[str, ...] = ()
    own_account: bool = False
    new_accounts: NewAccounts | None = None
    max_session: int = 0  # seconds a session may last; 0: as long as it likes


class Credential(Struct, frozen=True):
    """What a caller shows: a token, and the keys and act that the token must have been made for.

    `possessed`: the caller has shown that it holds the private half of every key (trust 3.3). `access_token`: issued
    with the token, for asking the provider what the token leaves out; nothing is believed because of it. `name` is
    what a host proposes to be called, `address` where it calls from. `refresh_token`: for asking the provider again
    during the day (trust 6.10).
    """

    token: Secret
    keys: tuple[PublicKey, ...]
    act: bytes = b"login"
    salt: bytes | None = None
    possessed: bool = False
    access_token: Secret | None = None
    name: str = ""
    address: str = ""
    refresh_token: Secret | None = None


class Redeemed(Struct, frozen=True):
    """What an identity provider gave for a code; unverified."""

    id_token: Secret
    access_token: Secret | None = None


class Request(Struct, frozen=True):
    """What is asked for. Empty or None means "what the policy gives"; a request can only narrow.

    `role`: a certificate of this role alone.
    """

    type: CertType
    keys: tuple[PublicKey, ...]
    principals: tuple[str, ...] = ()
    key_id: str = ""
    valid_after: int | None = None
    valid_before: int | None = None
    lifetime: int | None = None
    role: str = ""


class Person(Struct, frozen=True):
    """A person on record. `generation` rises with every revocation, lock and group change (trust 3.5).
    `ended_at`: when all their access was ended last; sign-ins from before give nothing."""

    id: int
    issuer: str
    subject: str
    login: str
    names: tuple[str, ...]
    generation: int
    locked: bool = False
    ended_at: int | None = None


class Grant(Struct, frozen=True):
    """What the policy gives one identity for one request.

    `narrow`: roles that this person has now beside those of the day pass, each to be asked for alone.
    """

    type: CertType
    key_id: str
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    roles: tuple[str, ...]
    extensions: tuple[tuple[str, str], ...] = ()
    critical_options: tuple[tuple[str, str], ...] = ()
    claims: tuple[str, ...] = ()  # login names this grant claims for its person
    narrow: tuple[str, ...] = ()


class Draft(Struct, frozen=True):
    """Grant + public key + serial: everything a certificate will say, nothing signed yet."""

    grant: Grant
    certificate: Certificate  # signature empty; signature_key set


class Issued(Struct, frozen=True):
    """A certificate on record."""

    serial: int
    certificate: bytes  # wire blob
    public_key: bytes  # wire blob of the subject key
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    revoked: bool = False


def is_login_name(name: str) -> bool:
    return LOGIN_NAME.fullmatch(name) is not None


def is_git_name(host: str, name: str) -> bool:
    """Whether `name` can be a user's at the Git server `host`: by GitHub's rule at GitHub's own, else by GitLab's."""
    if host == "github.com" or host.endswith(".ghe.com"):
        return len(name) <= 39 and GITHUB_NAME.fullmatch(name) is not None
    return GIT_NAME.fullmatch(name) is not None


def git_extension(host: str) -> str:
    """The certificate's extension that says who its holder is at this Git server; GitHub's form."""
    return f"login@{host}"


def shown(text: str, limit: int = 60) -> str:
    """What others wrote, as a message may repeat it: in quotes, cut short, nothing in it that a terminal acts on."""
    plain = "".join(each if each.isprintable() else "\ufffd" for each in text[:limit])
    return f'"{plain}…"' if len(text) > limit else f'"{plain}"'


def is_host_name(name: str) -> bool:
    """A lower-case DNS name (RFC 1123), no trailing dot, at most 253 characters, not an address."""
    labels = name.split(".")
    return len(name) <= 253 and all(HOST_LABEL.fullmatch(part) for part in labels) and not labels[-1].isdigit()


def is_host_pattern(pattern: str) -> bool:
    """A host name, or `*.` before a domain of two labels or more: nobody owns all of `*.com` (trust 5.2)."""
    domain = pattern.removeprefix("*.")
    return is_host_name(domain) and (domain == pattern or "." in domain)


def host_pattern_matches(pattern: str, name: str) -> bool:
    """`*.example.com` admits any name below example.com (any depth, as ssh's own patterns do); else exact."""
    if pattern.startswith("*."):
        return name.endswith(pattern[1:]) and len(name) > len(pattern) - 1
    return name == pattern


GOOGLE = "https://accounts.google.com"
GOOGLE_SHORT = "accounts.google.com"
"""What Google's tokens call it as well; the person is the same."""
TENANT = "{tenantid}"  # in Entra's issuer for several tenants; a token says which one


def discovery_url(issuer: str) -> str:
    """Where a provider describes itself (OpenID Connect Discovery 1.0 section 4); Entra's tenants share one place."""
    return issuer.replace(TENANT, "organizations").removesuffix("/") + "/.well-known/openid-configuration"


def asked_of_sign_in(issuer: str, acr_values: Sequence[str], max_age: int | None, *, fresh: bool) -> dict[str, str]:
    """How strong and how recent a sign-in is to be (OpenID Connect Core 1.0 section 3.1.2.1).

    `fresh`: the person signs in anew, whatever session they have. That is said by prompt=login alone: max_age=0
    should mean the same, but OpenBao refuses it, and canaille asks for the password for ever. Google refuses
    prompt=login, so there they choose their account.
    """
    asked = {"acr_values": " ".join(acr_values)} if acr_values else {}
    if max_age is not None:
        asked["max_age"] = str(max_age)
    if fresh:
        asked["prompt"] = "select_account" if issuer == GOOGLE else "login"
    return asked


GRAPH = {
    "login.microsoftonline.com": "https://graph.microsoft.com",
    "sts.windows.net": "https://graph.microsoft.com",
    "login.microsoftonline.us": "https://graph.microsoft.us",
    "login.partner.microsoftonline.cn": "https://microsoftgraph.chinacloudapi.cn",
}
"""Microsoft Graph of each Entra cloud, by the host of the issuer."""


def graph_of(issuer: str) -> str | None:
    """Where Entra's `issuer` is asked for groups; None for what is no Entra."""
    return GRAPH.get(urlsplit(issuer).hostname or "")


def issuer_fits(configured: str, issuer: str) -> bool:
    """Whether a token's or an answer's `iss` is the configured issuer, or one tenant of it."""
    if TENANT not in configured:
        return issuer == configured or (configured == GOOGLE and issuer == GOOGLE_SHORT)
    before, _, after = configured.partition(TENANT)
    tenant = issuer.removeprefix(before).removesuffix(after)
    return issuer == before + tenant + after and re.fullmatch(r"[0-9a-f-]{36}", tenant) is not None


SIGN_IN = "sign-in"
"""The name space of one-time ids in which sign-ins stand that are over."""


def sign_in(issuer: str, session: str, once: OnceId) -> str:
    """What all certificates of one sign-in have in common: 16 characters of `[A-Z2-7]`, the same for whatever comes
    of one session at the provider. A hash, so that a logout by `sid` finds it and nobody learns the `sid`."""
    what = f"{issuer}\0{session}" if session else f"{once.provider}\0{once.id}"
    kind = "session" if session else "once"
    digest = hashlib.sha256(f"daypass-sign-in-v1\0{kind}\0{what}".encode()).digest()
    return base64.b32encode(digest[:10]).decode()  # 80 bits are 16 characters


def role_principal(role: str, login: str | None = None, host_id: str | None = None) -> str:
    """`role:NAME` for shared accounts, `role:NAME:LOGIN` for one's own, `role:NAME@HOSTID` for a step-up."""
    if login is not None:
        return f"role:{role}:{login}"
    return f"role:{role}@{host_id}" if host_id is not None else f"role:{role}"


_DURATION = re.compile(r"([0-9]{1,9})(d|h|m|s)")
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def parse_duration(text: str) -> int:
    """Seconds in "30d", "16h", "1h30m", "90s": whole numbers, each unit once, largest first. Raises Invalid."""
    parts = _DURATION.findall(text)
    units = [unit for _, unit in parts]
    if not parts or "".join(n + u for n, u in parts) != text or units != sorted(set(units), key="dhms".index):
        raise Invalid(f'"{text}" is not a duration', code="duration", hint='write it like "16h", "30d" or "1h30m"')
    return sum(int(n) * _SECONDS[u] for n, u in parts)


def format_duration(seconds: int) -> str:
    """The two largest units that are not zero: "15 h 59 min", "2 d", "40 s"."""
    names = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts = []
    for name, size in names:
        if seconds >= size:
            parts.append(f"{seconds // size} {name}")
            seconds %= size
    return " ".join(parts[:2]) or "0 s"
