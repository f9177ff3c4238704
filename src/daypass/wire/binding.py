"""What ties a credential to a key, a CA and an act: the two byte strings both ends must build alike.

`login_nonce` goes into the OpenID request, comes back inside the signed ID token and makes that token good for
nothing else (trust 3.1). `possession_message` is what a new key signs, so that nobody can have another's public
key certified as theirs (trust 3.3).
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

from daypass.errors import Invalid
from daypass.wire.buffer import string

TRUST_NAMESPACE = "daypass-trust"
BUNDLE_NAMESPACE = "daypass-host-bundle"
CLIENT_BUNDLE_NAMESPACE = "daypass-client-bundle"
POSSESSION_NAMESPACE = "daypass-possession@v1"
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
