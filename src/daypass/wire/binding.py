"""What ties a credential to a key, a CA and an act: the byte strings both ends must build alike.

`login_nonce` goes into the OpenID request, comes back inside the signed ID token and makes that token good for
nothing else (trust 3.1). `possession_message` is what a new key signs, so that nobody can have another's public
key certified as theirs (trust 3.3). `device_message` is the same where the sign-in happens on another device (trust
8.2), and `request_message` is what the key of a day pass signs to speak for its person (trust 4.2), and a host's key
for its host.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable

from daypass.errors import Invalid
from daypass.wire.buffer import string

TRUST_NAMESPACE = "daypass-trust"
BUNDLE_NAMESPACE = "daypass-host-bundle"
TEXT_BUNDLE_NAMESPACE = "daypass-host-bundle-text"
CLIENT_BUNDLE_NAMESPACE = "daypass-client-bundle"
MY_HOSTS_NAMESPACE = "daypass-my-hosts"
POSSESSION_NAMESPACE = "daypass-possession@v1"
DEVICE_NAMESPACE = "daypass-device@v1"
REQUEST_NAMESPACE = "daypass-request@v1"
HOST_REQUEST_NAMESPACE = "daypass-host-request@v1"
PAM_NAMESPACE = "daypass-pam@v1"
HEARTBEAT_NAMESPACE = "daypass-host-heartbeat"
NONCE_PREFIX = "dp1."
SALT_SIZE = 32
CA_ID_SIZE = 32
TRUST_ROOT_OID = "2.25.47122219934790244776988870265989249050"
"""The extension of the X.509 root that pins the offline trust root: its value is the CA id, 32 bytes as they are.

From the arc of UUIDs (ITU-T X.667), which needs no registration.
"""


def login_nonce(ca_id: bytes, blob: bytes, act: bytes, salt: bytes) -> str:
    """`dp1.` and 43 characters of base64url, no padding.

    SHA-256 over "daypass-nonce-v1" NUL, CA id (32 bytes), key blob and act each with a uint32 length before it,
    salt (32 bytes). Raises Invalid for a CA id or salt of any other size.
    """
    if len(ca_id) != CA_ID_SIZE or len(salt) != SALT_SIZE:
        raise Invalid("a login nonce needs a CA id and a salt of 32 bytes each", code="binding.size")
    digest = hashlib.sha256(b"daypass-nonce-v1\0" + ca_id + string(blob) + string(act) + salt).digest()
    return NONCE_PREFIX + urlsafe_b64encode(digest).rstrip(b"=").decode()


def possession_message(ca_id: bytes, token: str) -> bytes:
    """What the new key signs (SSHSIG, namespace `daypass-possession@v1`): this CA, and exactly this token."""
    return b"daypass-possession-v1\0" + string(ca_id) + string(hashlib.sha256(token.encode()).digest())


def renewal_message(ca_id: bytes, host_id: str, blobs: Iterable[bytes]) -> bytes:
    """What each key of a host signs (SSHSIG, namespace `daypass-possession@v1`) to be certified by a certificate that
    the host has: this CA, this host's id, and SHA-256 over the wire blobs of all keys of the request, a uint32 length
    before each."""
    keys = hashlib.sha256(b"".join(map(string, blobs))).digest()
    return b"daypass-renewal-v1\0" + string(ca_id) + string(host_id.encode()) + string(keys)


def device_message(ca_id: bytes, salt: bytes, machine: str) -> bytes:
    """What the new key signs (SSHSIG, namespace `daypass-device@v1`) to ask for a sign-in on another device: this CA,
    the salt that its nonce will have, and the name that the person is shown."""
    return b"daypass-device-v1\0" + string(ca_id) + string(salt) + string(machine.encode())


def pam_message(ca_id: bytes, provider: str, account: str, nonce: str) -> bytes:
    """What the new key signs (SSHSIG, namespace `daypass-pam@v1`) to begin a conversation: this CA, which way in,
    which account, and the `login_nonce` that its token will be good for; a uint32 length before each."""
    parts = (ca_id, provider.encode(), account.encode(), nonce.encode())
    return b"daypass-pam-v1\0" + b"".join(string(part) for part in parts)


def login_act(role: str = "") -> bytes:
    """The `act` of a sign-in for a day pass, or for a certificate of one role alone."""
    return b"login\0" + role.encode() if role else b"login"


def admin_act(path: str, body: bytes) -> bytes:
    """The `act` of a sign-in for one administrative call: its path, and SHA-256 of exactly its body (trust 4.3)."""
    return b"admin\0" + path.encode() + b"\0" + hashlib.sha256(body).digest()


def request_message(ca_id: bytes, method: str, path: str, body: bytes, time: int, nonce: bytes) -> bytes:
    """What a day pass's key signs (SSHSIG, namespace `daypass-request@v1`) for one call, and a host's (namespace
    `daypass-host-request@v1`).

    CA id, method, path without query, SHA-256 of the body, unix seconds and a nonce of 16 bytes; a uint32 length
    before each, `time` as eight bytes.
    """
    parts = (ca_id, method.encode(), path.encode(), hashlib.sha256(body).digest(), time.to_bytes(8, "big"), nonce)
    return b"daypass-request-v1\0" + b"".join(string(part) for part in parts)
