"""Messages to and from an ssh-agent (OpenSSH PROTOCOL.agent, draft-ietf-sshm-ssh-agent).

Requests are functions returning a message, answers are functions taking one. On the socket each message
stands behind its uint32 length: `frame` puts that on, `frame_length` judges it before anything is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daypass.errors import Invalid
from daypass.wire.buffer import Reader, string, uint32

if TYPE_CHECKING:
    from daypass.wire.pyca import PrivateKey

__all__ = [
    "MAX_MESSAGE_BYTES",
    "RSA_SHA2_256",
    "RSA_SHA2_512",
    "AgentIdentity",
    "ConstraintExtension",
    "add_identity",
    "expect_success",
    "extension",
    "frame",
    "frame_length",
    "identities",
    "remove_identity",
    "request_identities",
    "sign_request",
    "signature",
    "split_frame",
]

MAX_MESSAGE_BYTES = 256 * 1024
"""OpenSSH's own limit for a message (AGENT_MAX_LEN)."""

RSA_SHA2_256 = 2
RSA_SHA2_512 = 4
"""Flags of `sign_request`: without one of them an RSA key signs with SHA-1."""

_FAILURE, _SUCCESS, _EXTENSION_FAILURE = 5, 6, 28
_REQUEST_IDENTITIES, _IDENTITIES_ANSWER = 11, 12
_SIGN_REQUEST, _SIGN_RESPONSE = 13, 14
_ADD_IDENTITY, _REMOVE_IDENTITY, _ADD_ID_CONSTRAINED = 17, 18, 25
_EXTENSION = 27
_CONSTRAIN_LIFETIME, _CONSTRAIN_CONFIRM, _CONSTRAIN_EXTENSION = 1, 2, 255
_MAX_IDENTITIES = 2048


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """One thing an agent can sign with: the blob of a key or certificate, and its comment."""

    blob: bytes
    comment: str


@dataclass(frozen=True, slots=True)
class ConstraintExtension:
    """A named constraint: `byte 255, string name`, then `content` as the name defines it."""

    name: str
    content: bytes


def request_identities() -> bytes:
    """Ask what the agent holds; `identities` reads the answer."""
    return bytes([_REQUEST_IDENTITIES])


def add_identity(
    private_key: PrivateKey,
    certificate: bytes | None = None,
    *,
    comment: str = "",
    lifetime: int | None = None,
    confirm: bool = False,
    extensions: Iterable[ConstraintExtension] = (),
) -> bytes:
    """Hand the agent a private key, or with `certificate` (a blob) that certificate and its key.

        byte 17, or 25 with constraints    string type    [string certificate]    key fields    string comment

    The agent forgets it after `lifetime` seconds and with `confirm` asks before each use. `expect_success`
    reads the answer. Raises `Invalid` where certificate and key do not belong together.
    """
    constraints = _constraints(lifetime, confirm, extensions)
    kind = _ADD_ID_CONSTRAINED if constraints else _ADD_IDENTITY
    return bytes([kind]) + _key_fields(private_key, certificate) + string(comment) + constraints


def remove_identity(blob: bytes) -> bytes:
    """Have the agent forget the key or certificate with this blob; `expect_success` reads the answer."""
    return bytes([_REMOVE_IDENTITY]) + string(blob)


def sign_request(blob: bytes, data: bytes, flags: int = 0) -> bytes:
    """Have the key or certificate with this blob sign `data`; `signature` reads the answer."""
    return bytes([_SIGN_REQUEST]) + string(blob) + string(data) + uint32(flags)


def extension(name: str, content: bytes = b"") -> bytes:
    """A vendor's request; "query" asks which ones there are."""
    return bytes([_EXTENSION]) + string(name) + content


def identities(answer: bytes) -> tuple[AgentIdentity, ...]:
    """What the agent holds.

    Comments are other people's text in any encoding: what is not UTF-8 is replaced, so that one odd key
    hides no other.
    """
    reader = _answer(answer, _IDENTITIES_ANSWER)
    count = reader.uint32()
    if count > _MAX_IDENTITIES:
        raise Invalid(f"the ssh-agent says it holds {count} keys; that can't be")
    found = tuple(AgentIdentity(reader.string(), reader.string().decode("utf-8", "replace")) for _ in range(count))
    reader.end()
    return found


def signature(answer: bytes) -> bytes:
    """The SSH signature string the agent made. It is not judged: `PublicKey.verify`."""
    reader = _answer(answer, _SIGN_RESPONSE)
    blob = reader.string()
    reader.end()
    return blob


def expect_success(answer: bytes) -> None:
    """Raise `Invalid` unless the agent did what it was asked."""
    _answer(answer, _SUCCESS).end()


def frame(message: bytes) -> bytes:
    """The message behind its length, as it goes through the socket."""
    if not 1 <= len(message) <= MAX_MESSAGE_BYTES:
        raise Invalid(f"an ssh-agent message of {len(message)} bytes can't be sent")
    return string(message)


def frame_length(head: bytes) -> int:
    """The length announced by the first four bytes of a frame."""
    reader = Reader(head)
    size = reader.uint32()
    reader.end()
    if not 1 <= size <= MAX_MESSAGE_BYTES:
        raise Invalid(f"the ssh-agent announces a message of {size} bytes; that can't be")
    return size


def split_frame(received: bytes) -> tuple[bytes | None, bytes]:
    """The first whole message in `received`, None while it is still incomplete, and what follows it."""
    if len(received) < 4:
        return None, received
    stop = 4 + frame_length(received[:4])
    return (received[4:stop], received[stop:]) if len(received) >= stop else (None, received)


def _key_fields(private_key: PrivateKey, certificate: bytes | None) -> bytes:
    from daypass.wire import pyca
    from daypass.wire.certificate import Certificate
    from daypass.wire.keys import PublicKey

    public_key = PublicKey.from_cryptography(private_key.public_key())
    if certificate is None:
        return string(public_key.type) + pyca.agent_fields(private_key, certified=False)
    if Certificate.parse(certificate, strict=False).public_key != public_key:
        raise Invalid("the certificate is for another key")
    head = string(public_key.certificate_type) + string(certificate)
    return head + pyca.agent_fields(private_key, certified=True)


def _constraints(lifetime: int | None, confirm: bool, extensions: Iterable[ConstraintExtension]) -> bytes:
    if lifetime is not None and lifetime < 1:
        raise Invalid("a key's lifetime in the agent is at least a second")
    parts = [] if lifetime is None else [bytes([_CONSTRAIN_LIFETIME]) + uint32(lifetime)]
    if confirm:
        parts.append(bytes([_CONSTRAIN_CONFIRM]))
    parts += [bytes([_CONSTRAIN_EXTENSION]) + string(each.name) + each.content for each in extensions]
    return b"".join(parts)


def _answer(answer: bytes, expected: int) -> Reader:
    reader = Reader(bytes(answer))
    kind = reader.uint8()
    if kind in (_FAILURE, _EXTENSION_FAILURE):
        raise Invalid(
            "the ssh-agent refused",
            code="agent-refused",
            hint="see what it holds and whether it is locked: ssh-add -l",
        )
    if kind != expected:
        raise Invalid(f"the ssh-agent answered with message {kind} where {expected} was expected")
    return reader
