"""What is our own: for laptops, and for browsers at the CA's pages."""

from __future__ import annotations

import msgspec

from daypass.api.base import Body, Signed
from daypass.api.pam import PamLogin

__all__ = [
    "BastionWay",
    "CaInfo",
    "ClientBundle",
    "Decision",
    "DeviceAnswer",
    "DevicePoll",
    "DeviceRequest",
    "DeviceStarted",
    "MyCertificate",
    "MyCertificates",
    "MyRevocation",
    "OidcLogin",
    "TrustDocument",
    "TypedCode",
    "WorkloadLogin",
]


class TrustDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys speak for this CA, and for which hosts. Signed by the offline root (namespace `daypass-trust`),
    which alone is pinned.

    Keys are public key lines. A reader that has seen version N never goes back below it.
    """

    type: str = "daypass-trust-v1"
    ca_id: str  # hex SHA-256 of the offline root's public key blob
    version: int
    issued_at: int
    user_ca: list[str]
    host_ca: list[str]
    bundle_keys: list[str]
    tls_roots: list[str]  # PEM
    host_patterns: list[str] = []  # what the host CA may speak for: names and *.example.com; none means no host
    short_domain: str = ""  # and for the first labels of hosts directly in it
    address_networks: list[str] = []  # and for addresses in these
    break_glass: list[str] = []  # keys of the day everything is down: hosts let in what these have signed (trust 8.5)
    break_glass_account: str = ""  # into this account alone
    break_glass_revoked: list[list[int]] = []  # first and last serial of what they have signed and is taken back


class OidcLogin(Body, frozen=True):
    """What a client needs to send a person to this provider."""

    name: str
    issuer: str
    client_id: str
    client_secret: str = ""
    scopes: list[str] = []
    max_age: int | None = None  # seconds; asked of the provider as OpenID's max_age
    redirect_host: str = "127.0.0.1"
    redirect_ports: list[int] = []  # empty: any free port
    redirect_path: str = "/callback"  # with several providers each has its own (RFC 9700 section 4.4.2)
    hosted: bool = False  # the CA's own page takes this provider's sign-ins from other devices (trust 8.2)
    device_client_id: str = ""  # for the provider's own device grant (RFC 8628); empty: not to be used
    device_client_secret: str = ""
    acr_values: list[str] = []  # asked of the provider (Core section 3.1.2.1)
    groups_from: str = "token"  # else the CA may have to ask the provider, and needs the access token for that
    offline: bool = False  # the CA asks the provider again during the day: ask for a refresh token, too
    consent: bool = False  # it gives one only where the person is asked for it (prompt=consent)


class WorkloadLogin(Body, frozen=True):
    """What a job needs to know to sign in: whose tokens are taken, and what they have to be made for."""

    name: str
    type: str  # github, gitlab, buildkite, circleci, kubernetes or oidc
    issuer: str
    audience: str  # the job's token is for this, or for this and `#key=` and the fingerprint of the key


class CaInfo(msgspec.Struct, frozen=True, kw_only=True):
    ca_id: str
    name: str
    time: int
    providers: list[OidcLogin]
    user_lifetime: int  # seconds
    pam: list[PamLogin] = []
    workloads: list[WorkloadLogin] = []


class DeviceRequest(Body, frozen=True):
    """A sign-in that is to happen on another device, at the CA's own page: the public key first (trust 8.2).

    `proof`: an SSHSIG blob by the key (namespace `daypass-device@v1`) over `binding.device_message`. `machine` is
    what the person calls the machine that asks; the page shows it beside the address and the key's fingerprint.
    """

    public_key: bytes
    salt: bytes  # 32 bytes; the nonce of the sign-in is made with it
    proof: bytes
    machine: str
    provider: str = ""  # empty where there is one
    lifetime: int | None = None  # seconds
    role: str = ""  # a certificate of this role alone


class DeviceStarted(msgspec.Struct, frozen=True, kw_only=True):
    """`device_code` is secret and fetches the answer; `user_code` is what the person types at `page`."""

    device_code: str
    user_code: str
    page: str
    interval: int  # seconds between two polls
    expires_in: int  # seconds


class DevicePoll(msgspec.Struct, frozen=True, kw_only=True):
    device_code: str


class DeviceAnswer(Body, frozen=True):
    """`state`: waiting (the code was not typed yet), seen (it was), issued. A refusal is an error, not a state.

    Once issued, asking again gives the same answer until the request expires.
    """

    state: str
    crt: bytes = b""
    bundle: Signed | None = None


class TypedCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of the first page: what a person typed."""

    code: str


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form that says yes or no. `request` names the request that the page has shown."""

    answer: str
    request: str


class MyCertificate(msgspec.Struct, frozen=True, kw_only=True):
    serial: int
    key_id: str
    principals: list[str]
    valid_after: int
    valid_before: int
    revoked_at: int | None = None


class MyCertificates(msgspec.Struct, frozen=True, kw_only=True):
    """One's own certificates that have not expired, newest first."""

    certificates: list[MyCertificate]


class MyRevocation(msgspec.Struct, frozen=True, kw_only=True):
    """Give up one certificate of one's own."""

    serial: int
    reason: str = ""


class BastionWay(msgspec.Struct, frozen=True, kw_only=True):
    """ssh reaches these hosts, by each of their names, through `via`."""

    via: str
    hosts: list[str]


class ClientBundle(msgspec.Struct, frozen=True, kw_only=True):
    """The one signed document a laptop is given with a certificate (namespace `daypass-client-bundle`).

    `enrolled`: names of hosts that have a certificate, sorted: whole names and aliases, first labels and addresses,
    all within what the trust document lets the host CA speak for; ssh meets these strictly. `bastions`: all of their
    names stand in `enrolled`. `host_krl`: revoked host certificates (OpenSSH PROTOCOL.krl).
    """

    type: str = "daypass-client-bundle-v1"
    ca_id: str
    version: int  # unix milliseconds
    issued_at: int
    expires: int
    enrolled: list[str]
    bastions: list[BastionWay] = []
    host_krl: bytes
