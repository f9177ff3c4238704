"""The whole HTTP contract, as types: what `server` answers, what `remote` asks, what the OpenAPI document says.

Routes marked `step` are the SSH API that `step` clients speak, served at `/` and at `/1.0/`; everything of our own
is under `/v1/` (or on the local administration socket) and only ever grows. Readers ignore fields they do not know.
Bytes travel as standard base64 with padding, times as RFC 3339 in UTC or as Go durations, as `step` sends them.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from daypass.errors import Invalid
from daypass.wire.binding import (
    BUNDLE_NAMESPACE,
    CLIENT_BUNDLE_NAMESPACE,
    DEVICE_NAMESPACE,
    POSSESSION_NAMESPACE,
    REQUEST_NAMESPACE,
    TRUST_NAMESPACE,
)

__all__ = [
    "AUTH_SCHEME",
    "BUNDLE_NAMESPACE",
    "CALL_NONCE_SIZE",
    "CLIENT_BUNDLE_NAMESPACE",
    "DEVICE_NAMESPACE",
    "MAX_BODY",
    "POSSESSION_NAMESPACE",
    "REQUEST_NAMESPACE",
    "ROUTES",
    "TRUST_NAMESPACE",
    "Access",
    "CaInfo",
    "ClientBundle",
    "Decision",
    "DeviceAnswer",
    "DevicePoll",
    "DeviceRequest",
    "DeviceStarted",
    "EnrolKey",
    "EnrolRequest",
    "EnrolResponse",
    "Error",
    "Health",
    "HostBundle",
    "JoinTokenRequest",
    "JoinTokenResponse",
    "MyCertificate",
    "MyCertificates",
    "MyRevocation",
    "OidcLogin",
    "PassProof",
    "Provisioners",
    "RootResponse",
    "RootsResponse",
    "Route",
    "Signed",
    "SshRekeyRequest",
    "SshRenewRequest",
    "SshRevokeRequest",
    "SshRevokeResponse",
    "SshRoots",
    "SshSignRequest",
    "SshSignResponse",
    "TrustDocument",
    "TypedCode",
    "Version",
]

AUTH_SCHEME = "Daypass"
CALL_NONCE_SIZE = 16  # bytes
MAX_BODY = 64 * 1024  # bytes; the largest honest request (an RSA-8192 key and a token full of groups) is half of it


class _Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Defaults are left out on the wire, as Go's omitempty does."""


# -- the step API ---------------------------------------------------------------------------------------------


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """Every answer of 400 and above. `status` and `message` are what `step` reads."""

    status: int
    message: str
    code: str
    hint: str | None = None


class Health(msgspec.Struct, frozen=True):
    status: str = "ok"


class Version(msgspec.Struct, frozen=True):
    version: str


class RootResponse(msgspec.Struct, frozen=True):
    """PEM of the X.509 root whose SHA-256 was asked for."""

    ca: str


class RootsResponse(msgspec.Struct, frozen=True):
    crts: list[str]


class OidcProvisioner(_Body, frozen=True, tag_field="type", tag="OIDC"):
    name: str
    clientID: str
    clientSecret: str = msgspec.field()
    configurationEndpoint: str
    domains: list[str] = []
    groups: list[str] = []
    listenAddress: str = ""
    scopes: list[str] = []


class SshPopProvisioner(_Body, frozen=True, tag_field="type", tag="SSHPOP"):
    """Tells `step` under which name `/ssh/renew`, `/ssh/rekey` and `/ssh/revoke` take tokens."""

    name: str
    claims: dict[str, bool]


Provisioner = OidcProvisioner | SshPopProvisioner


class Provisioners(msgspec.Struct, frozen=True):
    provisioners: list[Provisioner]
    nextCursor: str = ""


class SshRoots(_Body, frozen=True):
    """Public keys as wire blobs; every key that may have signed a live certificate, the signing one first."""

    userKey: list[bytes] = []
    hostKey: list[bytes] = []


class SshSignRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`publicKey` is the wire blob. `salt` (32 bytes) and `proof` (an SSHSIG blob) are ours: trust 3.1 and 3.3."""

    publicKey: bytes = b""
    ott: str = ""
    certType: str = ""
    keyID: str = ""
    principals: list[str] = []
    validAfter: str = ""
    validBefore: str = ""
    addUserPublicKey: bytes = b""
    identityCSR: str | None = None
    templateData: Any = None
    salt: bytes | None = None
    proof: bytes | None = None


class Signed(msgspec.Struct, frozen=True):
    """A JSON document and an armored SSHSIG over exactly its bytes."""

    document: str
    signature: str


class SshSignResponse(_Body, frozen=True):
    """The certificate's wire blob. `bundle`: a ClientBundle, at /v1 and for people alone: it lists hosts."""

    crt: bytes
    bundle: Signed | None = None


class SshRenewRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`ott`: an SSHPOP token, signed by the key of the certificate that it carries."""

    ott: str = ""


class SshRekeyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The same for a new key; `publicKey` is its wire blob.

    `proof` is ours: an SSHSIG blob by the new key over `binding.possession_message` of `ott` (trust 3.3).
    """

    ott: str = ""
    publicKey: bytes = b""
    proof: bytes | None = None


class SshRevokeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`serial` in decimal. Only `passive` revocation has a meaning for `step`."""

    serial: str = ""
    ott: str = ""
    reasonCode: int = 0
    reason: str = ""
    passive: bool = False


class SshRevokeResponse(msgspec.Struct, frozen=True):
    status: str = "ok"


# -- ours -----------------------------------------------------------------------------------------------------


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


class OidcLogin(_Body, frozen=True):
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


class CaInfo(msgspec.Struct, frozen=True, kw_only=True):
    ca_id: str
    name: str
    time: int
    providers: list[OidcLogin]
    user_lifetime: int  # seconds


class DeviceRequest(_Body, frozen=True):
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


class DeviceStarted(msgspec.Struct, frozen=True, kw_only=True):
    """`device_code` is secret and fetches the answer; `user_code` is what the person types at `page`."""

    device_code: str
    user_code: str
    page: str
    interval: int  # seconds between two polls
    expires_in: int  # seconds


class DevicePoll(msgspec.Struct, frozen=True, kw_only=True):
    device_code: str


class DeviceAnswer(_Body, frozen=True):
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


class PassProof(msgspec.Struct, frozen=True, kw_only=True):
    """Who makes a call, shown with the key of a live day pass (trust 4.2).

    Travels as base64url without padding of its JSON, in the header `Authorization: Daypass …`. `proof` is an SSHSIG
    blob (namespace `daypass-request@v1`) over `binding.request_message`.
    """

    certificate: bytes
    time: int  # unix seconds, 60 either way
    nonce: bytes  # 16 bytes, good once
    proof: bytes

    def header(self) -> str:
        """The value of `Authorization`."""
        return f"{AUTH_SCHEME} {urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b'=').decode()}"

    @classmethod
    def from_header(cls, value: str) -> PassProof:
        """Raises Invalid for whatever `header` would not have written."""
        scheme, _, text = value.partition(" ")
        if scheme != AUTH_SCHEME:
            raise Invalid(f"the Authorization header does not begin with {AUTH_SCHEME}", code="pass.form")
        try:
            proof = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=cls)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise Invalid("the Authorization header holds no proof by a day pass", code="pass.form") from error
        if proof.header() != value or not 0 <= proof.time < 2**63 or len(proof.nonce) != CALL_NONCE_SIZE:
            raise Invalid("the proof by a day pass is not written as it has to be", code="pass.form")
        return proof


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


class EnrolKey(msgspec.Struct, frozen=True, kw_only=True):
    """One host key: its public half, and an SSHSIG by it over the token it enrols with."""

    public_key: bytes
    proof: bytes


class EnrolRequest(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    keys: list[EnrolKey]


class HostBundle(msgspec.Struct, frozen=True, kw_only=True):
    """The one signed document a host is given (namespace `daypass-host-bundle`).

    `own_account_roles`: roles that admit a person to the account of their own name: the host lists
    `role:NAME:ACCOUNT` for each ordinary account it has. `accounts`: principals per shared account.
    """

    type: str = "daypass-host-bundle-v1"
    ca_id: str
    host_id: str
    name: str
    version: int
    issued_at: int
    expires: int
    user_ca: list[str]
    own_account_roles: list[str]
    accounts: dict[str, list[str]]
    krl: bytes


class ClientBundle(msgspec.Struct, frozen=True, kw_only=True):
    """The one signed document a laptop is given with a certificate (namespace `daypass-client-bundle`).

    `enrolled`: names and aliases of hosts that have a certificate, sorted, all within the trust document's patterns;
    ssh meets these strictly. `host_krl`: revoked host certificates (OpenSSH PROTOCOL.krl).
    """

    type: str = "daypass-client-bundle-v1"
    ca_id: str
    version: int  # unix milliseconds
    issued_at: int
    expires: int
    enrolled: list[str]
    host_krl: bytes


class EnrolResponse(msgspec.Struct, frozen=True, kw_only=True):
    host_id: str
    name: str
    certificates: list[bytes]  # one wire blob per key, in the order of the request
    trust: Signed
    bundle: Signed


class JoinTokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    aliases: list[str] = []
    labels: dict[str, str] = {}
    lifetime: int = 3600  # seconds


class JoinTokenResponse(msgspec.Struct, frozen=True, kw_only=True):
    """`token` carries URL, root fingerprint and secret; it is shown once and stored only as a hash."""

    token: str
    name: str
    expires_at: int


# -- the table ------------------------------------------------------------------------------------------------


class Access(StrEnum):
    OPEN = "open"  # anyone; reveals nothing that is not public
    CREDENTIAL = "credential"  # the body carries a one-time credential
    PASS = "pass"  # noqa: S105  # a day pass speaks for its person, in the Authorization header (PassProof)
    DEVICE = "device"  # a machine without a browser: it proves a key, or shows the secret code it was given
    PAGE = "page"  # a person's browser: HTML; a form only from our own page, with its cookie
    LOCAL = "local"  # administration socket; the peer's uid decides


@dataclass(frozen=True, slots=True)
class Route:
    name: str
    method: str
    path: str
    access: Access
    answer: type | None  # None: not JSON of ours (the OpenAPI document, a page)
    summary: str
    body: type | None = None
    status: int = 200
    step: bool = False


ROUTES = (
    Route("health", "GET", "/health", Access.OPEN, Health, "Is the CA up?", step=True),
    Route("version", "GET", "/version", Access.OPEN, Version, "Version of the CA.", step=True),
    Route("root", "GET", "/root/{sha}", Access.OPEN, RootResponse, "X.509 root by SHA-256 fingerprint.", step=True),
    Route("roots", "GET", "/roots", Access.OPEN, RootsResponse, "X.509 roots.", status=201, step=True),
    Route("provisioners", "GET", "/provisioners", Access.OPEN, Provisioners, "Ways to sign in.", step=True),
    Route("ssh_roots", "GET", "/ssh/roots", Access.OPEN, SshRoots, "SSH CA public keys.", step=True),
    Route(
        "ssh_sign", "POST", "/ssh/sign", Access.CREDENTIAL, SshSignResponse, "Sign an SSH public key.",
        body=SshSignRequest, status=201, step=True,
    ),
    Route(
        "ssh_renew", "POST", "/ssh/renew", Access.CREDENTIAL, SshSignResponse,
        "A host's next certificate, by the one it has.", body=SshRenewRequest, status=201, step=True,
    ),
    Route(
        "ssh_rekey", "POST", "/ssh/rekey", Access.CREDENTIAL, SshSignResponse,
        "The same for another key.", body=SshRekeyRequest, status=201, step=True,
    ),
    Route(
        "ssh_revoke", "POST", "/ssh/revoke", Access.CREDENTIAL, SshRevokeResponse,
        "Revoke the host certificate that is shown.", body=SshRevokeRequest, step=True,
    ),
    Route("ca", "GET", "/v1/ca", Access.OPEN, CaInfo, "What a client needs to know of this CA."),
    Route("trust", "GET", "/v1/trust", Access.OPEN, Signed, "The signed trust document."),
    Route(
        "sign", "POST", "/v1/ssh/sign", Access.CREDENTIAL, SshSignResponse,
        "Sign an SSH public key; salt and proof of possession required.", body=SshSignRequest, status=201,
    ),
    Route(
        "enrol", "POST", "/v1/host/enroll", Access.CREDENTIAL, EnrolResponse,
        "A host's first certificates, for a join token.", body=EnrolRequest, status=201,
    ),
    Route(
        "my_certificates", "GET", "/v1/me/certificates", Access.PASS, MyCertificates,
        "One's own certificates that have not expired.",
    ),
    Route(
        "my_revoke", "POST", "/v1/me/revoke", Access.PASS, MyCertificate,
        "Give up one of one's own certificates; once more changes nothing.", body=MyRevocation,
    ),
    Route(
        "my_bundle", "GET", "/v1/me/bundle", Access.PASS, Signed,
        "The signed list of hosts and of revoked host certificates, as with a login.",
    ),
    Route(
        "device_start", "POST", "/v1/device", Access.DEVICE, DeviceStarted,
        "Begin a sign-in on another device; the key first, with proof.", body=DeviceRequest, status=201,
    ),
    Route(
        "device_poll", "POST", "/v1/device/poll", Access.DEVICE, DeviceAnswer,
        "What became of it: the certificate, once the person has signed in.", body=DevicePoll,
    ),
    Route("device_page", "GET", "/device", Access.PAGE, None, "The form for a code; none comes by a link."),
    Route(
        "device_code", "POST", "/device", Access.PAGE, None, "Binds the request of a typed code to this browser.",
        body=TypedCode, status=303,
    ),
    Route("device_ask", "GET", "/device/ask", Access.PAGE, None, "What asks, and whether to go on."),
    Route(
        "device_confirm", "POST", "/device/confirm", Access.PAGE, None,
        "Yes leads on to the provider, no to the last page.", body=Decision,
    ),
    Route(
        "device_callback", "GET", "/device/callback", Access.PAGE, None,
        "Where the provider sends the person back to.", status=303,
    ),
    Route(
        "device_callback_of", "GET", "/device/callback/{provider}", Access.PAGE, None,
        "The same, where the CA has several providers.", status=303,
    ),
    Route("device_done", "GET", "/device/done", Access.PAGE, None, "How it went."),
    Route("openapi", "GET", "/v1/openapi.json", Access.OPEN, None, "This contract as an OpenAPI document."),
    Route(
        "join_token", "POST", "/v1/admin/tokens/host", Access.LOCAL, JoinTokenResponse,
        "Make a one-time join token.", body=JoinTokenRequest, status=201,
    ),
)  # fmt: skip
