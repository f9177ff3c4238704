"""The table of routes."""

from __future__ import annotations

from daypass.api.administration import ADMIN_ROUTES
from daypass.api.approvals import APPROVAL_ROUTES
from daypass.api.base import (
    Signed,
)
from daypass.api.configs import CONFIG_ROUTES
from daypass.api.endings import ENDING_ROUTES, MyEnding, MyLeave
from daypass.api.explaining import Explanation, MyQuestion
from daypass.api.fleet import FLEET_ROUTES
from daypass.api.hosts import (
    EnrolRequest,
    EnrolResponse,
    HostAck,
    HostAcked,
    HostChallenge,
    HostChallengeRequest,
    HostRenewed,
    HostRenewRequest,
    HostSyncRequest,
    HostSyncResponse,
)
from daypass.api.inbound import INBOUND_ROUTES
from daypass.api.joining import JOINING_ROUTES
from daypass.api.logins import LOGIN_ROUTES
from daypass.api.ours import (
    CaInfo,
    Decision,
    DeviceAnswer,
    DevicePoll,
    DeviceRequest,
    DeviceStarted,
    MyCertificate,
    MyCertificates,
    MyRevocation,
    TypedCode,
)
from daypass.api.pam import PAM_ROUTES
from daypass.api.persons import PERSON_ROUTES
from daypass.api.proofs import PROOF_ROUTES
from daypass.api.route import Access, Route
from daypass.api.scim import SCIM_ROUTES
from daypass.api.shell_agent import SHELL_AGENT_ROUTES
from daypass.api.step import (
    EncryptedKey,
    Health,
    Provisioners,
    RootResponse,
    RootsResponse,
    SshRekeyRequest,
    SshRenewRequest,
    SshRevokeRequest,
    SshRevokeResponse,
    SshRoots,
    SshSignRequest,
    SshSignResponse,
    Version,
)
from daypass.api.ways import PROVISIONER_ROUTES

__all__ = ["ROUTES", "route_of"]


ROUTES = (
    Route("health", "GET", "/health", Access.OPEN, Health, "Is the CA up?", step=True),
    Route("version", "GET", "/version", Access.OPEN, Version, "Version of the CA.", step=True),
    Route("root", "GET", "/root/{sha}", Access.OPEN, RootResponse, "X.509 root by SHA-256 fingerprint.", step=True),
    Route("roots", "GET", "/roots", Access.OPEN, RootsResponse, "X.509 roots.", status=201, step=True),
    Route("provisioners", "GET", "/provisioners", Access.OPEN, Provisioners, "Ways to sign in.", step=True),
    Route(
        "encrypted_key", "GET", "/provisioners/{kid}/encrypted-key", Access.OPEN, EncryptedKey,
        "The private key of a JWK provisioner, encrypted, where its operator gives it out.", step=True,
    ),
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
        "Revoke the host certificate that is shown, or the one that a one-time token names.",
        body=SshRevokeRequest, step=True,
    ),
    Route("ca", "GET", "/v1/ca", Access.OPEN, CaInfo, "What a client needs to know of this CA."),
    Route("trust", "GET", "/v1/trust", Access.OPEN, Signed, "The signed trust document."),
    Route(
        "sign", "POST", "/v1/ssh/sign", Access.CREDENTIAL, SshSignResponse,
        "Sign an SSH public key; proof of possession required.", body=SshSignRequest, status=201,
    ),
    Route(
        "enrol", "POST", "/v1/host/enroll", Access.CREDENTIAL, EnrolResponse,
        "A host's first certificates, for a join token.", body=EnrolRequest, status=201,
    ),
    Route(
        "host_challenge", "POST", "/v1/host/challenge", Access.OPEN, HostChallenge,
        "What the identity document of a cloud instance has to carry for these keys.", body=HostChallengeRequest,
    ),
    Route(
        "host_sync", "POST", "/v1/host/sync", Access.HOST, HostSyncResponse,
        "What has changed for a host since its last bundle.", body=HostSyncRequest,
    ),
    Route(
        "host_stream", "POST", "/v1/host/stream", Access.HOST, HostSyncResponse,
        "The same as JSON lines: what is news when it is, and a sign of life every 25 seconds.", body=HostSyncRequest,
    ),
    Route(
        "host_ack", "POST", "/v1/host/ack", Access.HOST, HostAcked,
        "What a host has applied, who is on it, and what it has ended and found.", body=HostAck,
    ),
    Route(
        "host_renew", "POST", "/v1/host/renew", Access.HOST, HostRenewed,
        "The next certificates of all keys of a host, by one that it has.", body=HostRenewRequest, status=201,
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
        "my_leave", "POST", "/v1/me/leave", Access.PASS, MyEnding,
        "End all of one's own access, on every machine.", body=MyLeave,
    ),
    Route(
        "my_explain", "POST", "/v1/me/explain", Access.PASS, Explanation,
        "Whether one may log in there oneself, and why.", body=MyQuestion,
    ),
    Route(
        "my_bundle", "GET", "/v1/me/bundle", Access.PASS, Signed,
        "The signed list of hosts and of revoked host certificates, as with a login.",
    ),
    Route(
        "my_hosts", "GET", "/v1/me/hosts", Access.PASS, Signed,
        "The signed list of hosts that one may log in to oneself, with accounts and bastions.",
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
    *PAM_ROUTES,
    *SHELL_AGENT_ROUTES,
    *ADMIN_ROUTES,
    *APPROVAL_ROUTES,
    *PERSON_ROUTES,
    *ENDING_ROUTES,
    *CONFIG_ROUTES,
    *JOINING_ROUTES,
    *LOGIN_ROUTES,
    *FLEET_ROUTES,
    *SCIM_ROUTES,
    *PROVISIONER_ROUTES,
    *PROOF_ROUTES,
    *INBOUND_ROUTES,
)  # fmt: skip


def route_of(name: str) -> Route:
    """Raises StopIteration for a name that is in no table."""
    return next(route for route in ROUTES if route.name == name)
