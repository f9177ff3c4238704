"""Requests for certificates, from `api` to `model`: every field looked at, every proof of possession verified.

Nothing here decides anything about people: that is the authority's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from daypass.api import POSSESSION_NAMESPACE, EnrolKey, EnrolRequest, HostRenewRequest, SshSignRequest
from daypass.errors import Invalid, Unauthenticated
from daypass.model import MAX_PRINCIPALS, MAX_TOKEN, ROLE_NAME, Credential, Request, Secret
from daypass.when import parse_when
from daypass.wire import CertType, PublicKey, SshSignature
from daypass.wire.binding import SALT_SIZE, login_act, possession_message, renewal_message

__all__ = [
    "MAX_HOST_KEYS",
    "enrolment",
    "given",
    "host_keys",
    "public_key",
    "renewal",
    "require_possession",
    "role_name",
    "ssh_sign",
]

MAX_HOST_KEYS: Final = 8
MAX_HOST_NAME: Final = 254  # characters looked at: one more than a name can have
_Given = TypeVar("_Given", str, bytes)
_CERT_TYPES: Final = {"": CertType.USER, "user": CertType.USER, "host": CertType.HOST}


def ssh_sign(body: SshSignRequest, ca_id: bytes, now: float) -> tuple[Request, Credential]:
    """What `body` asks for and what it shows. Raises Invalid, and Unauthenticated for a proof that fails."""
    kind = _CERT_TYPES.get(body.certType)
    if kind is None:
        raise Invalid(f"invalid certType '{_shown(body.certType)}'", code="sign.type", hint="use user or host")
    key = public_key("publicKey", given("publicKey", body.publicKey))
    token = given("ott", body.ott)
    if len(token) > MAX_TOKEN:
        raise _too_long()
    if len(body.refresh_token) > MAX_TOKEN:
        raise Invalid("refresh_token is too long", code="body.field")
    if body.addUserPublicKey:
        public_key("addUserPublicKey", body.addUserPublicKey)
    if body.salt is not None and len(body.salt) != SALT_SIZE:
        raise Invalid(f"salt must have {SALT_SIZE} bytes", code="sign.salt")
    possessed = body.proof is not None
    if body.proof is not None:
        require_possession("proof", body.proof, key, possession_message(ca_id, token))
    request = _request(body, kind, key, now)
    access = Secret(body.access_token) if body.access_token else None
    act = login_act(body.role)
    refresh = Secret(body.refresh_token) if body.refresh_token else None
    return request, Credential(
        Secret(token),
        (key,),
        act=act,
        salt=body.salt,
        possessed=possessed,
        access_token=access,
        refresh_token=refresh,
    )


def _request(body: SshSignRequest, kind: CertType, key: PublicKey, now: float) -> Request:
    after, before = parse_when("validAfter", body.validAfter), parse_when("validBefore", body.validBefore)
    from_now = before.after if before is not None and after is None else None
    lifetime = from_now if from_now is not None and from_now > 0 else None
    return Request(
        type=kind,
        keys=(key,),
        principals=_principals(body.principals),
        key_id=body.keyID,
        valid_after=after.resolve(now) if after is not None else None,
        valid_before=before.resolve(now) if before is not None and lifetime is None else None,
        lifetime=lifetime,
        role=role_name(body.role),
    )


def role_name(name: str) -> str:
    if name and not ROLE_NAME.fullmatch(name):
        raise Invalid(
            "role is not the name of a role", code="sign.role", hint="a-z, 0-9 and - up to 63, a letter first"
        )
    return name


def enrolment(body: EnrolRequest, ca_id: bytes, address: str = "") -> tuple[Request, Credential]:
    """A host's keys, each of which has signed for itself (trust 3.3, 5.4), and its join token, from this address."""
    token = given("token", body.token)
    keys = _host_keys(body.keys)
    _require_all(body.keys, keys, possession_message(ca_id, token))
    name = body.name[:MAX_HOST_NAME]
    credential = Credential(Secret(token), keys, act=b"enrol", possessed=True, name=name, address=address)
    return Request(type=CertType.HOST, keys=keys), credential


def renewal(body: HostRenewRequest, ca_id: bytes, host_id: str) -> tuple[PublicKey, ...]:
    """All keys of a host; every one has signed for itself (trust 3.3)."""
    keys = _host_keys(body.keys)
    _require_all(body.keys, keys, renewal_message(ca_id, host_id, [key.blob for key in keys]))
    return keys


def _host_keys(entries: Sequence[EnrolKey]) -> tuple[PublicKey, ...]:
    return host_keys([entry.public_key for entry in entries], ".public_key")


def host_keys(blobs: Sequence[bytes], field: str = "") -> tuple[PublicKey, ...]:
    """All keys of one host. `field`: what of an entry of `keys` they are."""
    if not 1 <= len(blobs) <= MAX_HOST_KEYS:
        raise Invalid(f"a host enrols 1 to {MAX_HOST_KEYS} keys, not {len(blobs)}", code="enrol.keys")
    keys = tuple(public_key(f"keys[{at}]{field}", blob) for at, blob in enumerate(blobs))
    if len(set(keys)) < len(keys):
        raise Invalid("the same key stands twice in keys", code="enrol.keys")
    return keys


def _require_all(entries: Sequence[EnrolKey], keys: Sequence[PublicKey], message: bytes) -> None:
    for at, (key, entry) in enumerate(zip(keys, entries, strict=True)):
        require_possession(f"keys[{at}].proof", entry.proof, key, message)


def _principals(names: Sequence[str]) -> tuple[str, ...]:
    if not all(name.strip() for name in names):
        raise Invalid("principals cannot contain empty values", code="sign.principals")
    if len(names) > MAX_PRINCIPALS:
        raise Invalid(f"at most {MAX_PRINCIPALS} principals fit a certificate", code="sign.principals")
    return tuple(names)


def given(field: str, value: _Given) -> _Given:
    if not value:
        raise Invalid(f"missing or empty {field}", code="body.field")
    return value


def _too_long() -> Invalid:
    return Invalid(
        f"the token is longer than {MAX_TOKEN} characters: it names very many groups",
        code="token.size",
        hint="operator: let the provider send only groups assigned to this application, or none in the token and "
        'groups_from = "userinfo"',
    )


def public_key(field: str, blob: bytes) -> PublicKey:
    try:
        return PublicKey.parse(blob)
    except Invalid as error:
        raise Invalid(f"error parsing {field}: {error.message}", code="sign.key", hint=error.hint) from error


def require_possession(
    field: str, blob: bytes, key: PublicKey, message: bytes, namespace: str = POSSESSION_NAMESPACE
) -> None:
    try:
        SshSignature.parse(blob).verify(namespace, message, key)
    except Invalid as error:
        hint = "the key to be certified must sign for this CA and exactly this request"
        text = f"{field} does not prove possession of the key: {error.message}"
        raise Unauthenticated(text, code="possession", hint=hint) from error


def _shown(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_. " else "?" for c in text[:32])
