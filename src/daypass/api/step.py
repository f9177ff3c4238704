"""The SSH API that `step` clients speak."""

from __future__ import annotations

from typing import Any

import msgspec

from daypass.api.base import Body, Signed

__all__ = [
    "EncryptedKey",
    "Health",
    "JwkProvisioner",
    "OidcProvisioner",
    "Provisioner",
    "Provisioners",
    "RootResponse",
    "RootsResponse",
    "SshPopProvisioner",
    "SshRekeyRequest",
    "SshRenewRequest",
    "SshRevokeRequest",
    "SshRevokeResponse",
    "SshRoots",
    "SshSignRequest",
    "SshSignResponse",
    "Version",
    "X5cProvisioner",
]


class Health(msgspec.Struct, frozen=True):
    status: str = "ok"


class Version(msgspec.Struct, frozen=True):
    version: str


class RootResponse(msgspec.Struct, frozen=True):
    """PEM of the X.509 root whose SHA-256 was asked for."""

    ca: str


class RootsResponse(msgspec.Struct, frozen=True):
    crts: list[str]


class OidcProvisioner(Body, frozen=True, tag_field="type", tag="OIDC"):
    name: str
    clientID: str
    clientSecret: str = msgspec.field()
    configurationEndpoint: str
    domains: list[str] = []
    groups: list[str] = []
    listenAddress: str = ""
    scopes: list[str] = []


class SshPopProvisioner(Body, frozen=True, tag_field="type", tag="SSHPOP"):
    """Tells `step` under which name `/ssh/renew`, `/ssh/rekey` and `/ssh/revoke` take tokens."""

    name: str
    claims: dict[str, bool]


class JwkProvisioner(Body, frozen=True, tag_field="type", tag="JWK"):
    """`encryptedKey`: the private half (JWE), where the operator gives it to everyone who asks."""

    name: str
    key: dict[str, str]
    encryptedKey: str = ""


class X5cProvisioner(Body, frozen=True, tag_field="type", tag="X5C"):
    """`roots`: PEM, one certificate after the other."""

    name: str
    roots: bytes


Provisioner = OidcProvisioner | SshPopProvisioner | JwkProvisioner | X5cProvisioner


class EncryptedKey(msgspec.Struct, frozen=True):
    """A compact JWE."""

    key: str


class Provisioners(msgspec.Struct, frozen=True):
    provisioners: list[Provisioner]
    nextCursor: str = ""


class SshRoots(Body, frozen=True):
    """Public keys as wire blobs; every key that may have signed a live certificate, the signing one first."""

    userKey: list[bytes] = []
    hostKey: list[bytes] = []


class SshSignRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`publicKey` is the wire blob. `salt` (32 bytes) and `proof` (an SSHSIG blob) are ours: trust 3.1 and 3.3; and
    `role`: a certificate of that role alone, which the day pass may not hold (trust 2.3).

    So is `access_token`: the provider's, issued with the ID token, where `groups_from` (OidcLogin) says that the CA
    may have to ask for groups. It is used for that alone, and written nowhere.
    And `refresh_token`, where `offline` (OidcLogin) says that the CA asks the provider again during the day: it is
    kept sealed, for as long as the certificate lives.
    """

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
    role: str = ""
    access_token: str = ""
    refresh_token: str = ""


class SshSignResponse(Body, frozen=True):
    """The certificate's wire blob. The rest is for people alone, at /v1. `bundle`: a ClientBundle: it lists hosts.

    `roles` are the certificate's; `narrow` those that the person has beside it, each to be asked for alone.
    """

    crt: bytes
    bundle: Signed | None = None
    roles: list[str] = []
    narrow: list[str] = []


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
