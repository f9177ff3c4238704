"""Sign-ins for administrative acts, as they should be and as nobody should make them."""

from __future__ import annotations

import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.api import ActProof
from daypass.ca.acts import Act, Operator, Shown
from daypass.config.schema import OperatorSection
from daypass.model import Secret
from daypass.wire import PublicKey, SshSignature, sign_blob, sshsig
from daypass.wire.binding import POSSESSION_NAMESPACE, admin_act, login_nonce, possession_message
from tests.ca.heart import CA_ID, Heart
from tests.parts.op import Op

PATH = "/v1/admin/unlock"
BODY = b'{"person":"carol"}'
OPERATORS = [
    OperatorSection(name="oncall", groups=["oncall"], can=["unlock", "revoke", "token:web-*"]),
    OperatorSection(name="approvers", groups=["approvers"], can=["approve:unlock"]),
    OperatorSection(name="auditors", groups=["auditors"], can=["audit"]),
]


def shown(
    op: Op,
    path: str = PATH,
    body: bytes = BODY,
    *,
    act: bytes | None = None,
    ca_id: bytes = CA_ID,
    private: Ed25519PrivateKey | None = None,
    signs: Ed25519PrivateKey | None = None,
    nonce: str | None = None,
    without: tuple[str, ...] = (),
    **claims: Any,
) -> ActProof:
    """Honest but for what is given: `signs` is the key that proves possession, instead of the one that is named."""
    private, salt = private or Ed25519PrivateKey.generate(), os.urandom(32)
    key = PublicKey.from_cryptography(private.public_key())
    bound = login_nonce(ca_id, key.blob, act if act is not None else admin_act(path, body), salt)
    token = op.mint(nonce=nonce if nonce is not None else bound, without=without, **claims)
    return ActProof(token=token, key=key.blob, salt=salt, proof=possessed(token, signs or private, ca_id))


def possessed(token: str, key: Ed25519PrivateKey, ca_id: bytes = CA_ID) -> bytes:
    public = PublicKey.from_cryptography(key.public_key())
    message = sshsig.to_be_signed(POSSESSION_NAMESPACE, possession_message(ca_id, token))
    return SshSignature(public, POSSESSION_NAMESPACE, "sha512", sign_blob(key, message)).encode()


def heard(proof: ActProof) -> Shown:
    """As the heart gets it."""
    return Shown(Secret(proof.token), proof.key, proof.salt, proof.proof)


async def operator(ca: Heart, name: str, group: str = "oncall", **claims: Any) -> Operator:
    """Somebody of that group, who has signed in for the usual act."""
    proof = shown(ca.op, sub=name, email=f"{name}@example.com", groups=[group], **claims)
    return await ca.authority.acts.admit(heard(proof), PATH, BODY)


def unlock(body: bytes = BODY, *needs: str) -> Act:
    return Act("unlock", PATH, body, needs or ("unlock",))
