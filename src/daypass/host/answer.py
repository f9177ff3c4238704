"""What the CA sent, judged before any of it is used. The server itself is never believed: only what is signed is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from daypass import keygen, trusted
from daypass.api import EnrolResponse, HostBundle, Signed, TrustDocument
from daypass.errors import Conflict, Invalid, Unauthenticated
from daypass.host import tools
from daypass.host.hostkeys import HostKey
from daypass.host.state import State
from daypass.model import is_host_name
from daypass.wire import Certificate, CertType, KrlHeader, PublicKey
from daypass.wire.krl import revokes_only_certificates, sections_of

__all__ = ["Answer", "check_krl", "verify", "verify_certificates"]

_MAX_LIFETIME = 400 * 86400  # seconds; a host certificate beyond a year is somebody's mistake
_NO_NAME = set("*?!, ")


@dataclass(frozen=True, slots=True)
class Answer:
    """A verified answer: one certificate per key, in the order of the keys."""

    certificates: tuple[Certificate, ...]
    trust: TrustDocument
    bundle: HostBundle
    krl: bytes
    krl_version: int
    signed_trust: Signed  # both as they came: they are kept
    signed_bundle: Signed


def verify(
    answer: EnrolResponse, keys: Sequence[HostKey], ca_id: bytes, *, now: float, known: State | None
) -> Answer:
    """Everything the CA sent, or an error: from the pinned root down to the last principal.

    `now` is in unix seconds; `known` is what this host remembers of the same CA.
    """
    trust = trusted.verify_trust(answer.trust, ca_id, known_version=known.trust_version if known else 0)
    bundle = trusted.verify_bundle(answer.bundle, trust, now=now, known_version=known.bundle_version if known else 0)
    if not is_host_name(bundle.name) or (bundle.host_id, bundle.name) != (answer.host_id, answer.name):
        raise Unauthenticated("the host bundle is for another host", code="bundle.host")
    certificates = verify_certificates(answer.certificates, keys, bundle.name, trust, now)
    krl, version = check_krl(bundle, trust, answer.krl, known.krl_version if known else 0)
    return Answer(certificates, trust, bundle, krl, version, answer.trust, answer.bundle)


def verify_certificates(
    blobs: Sequence[bytes], keys: Sequence[HostKey], name: str, trust: TrustDocument, now: float
) -> tuple[Certificate, ...]:
    """One for each of these keys, in their order, by a host CA key of this verified trust document."""
    if len(blobs) != len(keys):
        raise Invalid(f"{len(keys)} keys went to the CA, {len(blobs)} certificates came back")
    authorities = trusted.public_keys(trust.host_ca)
    pairs = zip(blobs, keys, strict=True)
    return tuple(_certificate(blob, key, name, authorities, now) for blob, key in pairs)


def _certificate(blob: bytes, key: HostKey, name: str, authorities: Sequence[PublicKey], now: float) -> Certificate:
    """The certificate, if it is one for this very key and host by one of these CA keys."""
    certificate = Certificate.parse(blob)
    problem = _problem(certificate, key, name, authorities) or _time_problem(certificate, now)
    if problem:
        raise Unauthenticated(f"the certificate for {key.path} {problem}", code="host.certificate")
    certificate.verify_signature()
    return certificate


def _problem(certificate: Certificate, key: HostKey, name: str, authorities: Sequence[PublicKey]) -> str | None:
    if certificate.type is not CertType.HOST:
        return "is a user certificate"
    if certificate.public_key != key.public_key:
        return "is for another key"
    if certificate.signature_key not in authorities:
        return "is not signed by a host CA key of the trust document"
    if certificate.critical_options:
        return "carries critical options, and host certificates know none"
    if name not in certificate.principals:
        return f"does not name {name}"
    if any(_NO_NAME & set(each) or not each.isprintable() for each in certificate.principals):
        return "carries a pattern, or what is no name"
    return None


def _time_problem(certificate: Certificate, now: float) -> str | None:
    if certificate.valid_after > now + trusted.CLOCK_SLACK:
        return "is not valid yet: set this machine's clock (timedatectl)"
    if certificate.valid_before <= now:
        return "has expired: set this machine's clock (timedatectl)"
    if certificate.valid_before - certificate.valid_after > _MAX_LIFETIME:
        return "would be valid for more than 400 days"
    return None


def check_krl(
    bundle: HostBundle, trust: TrustDocument, sent: bytes | None, known_version: int, here: bytes = b""
) -> tuple[bytes, int]:
    """The KRL that this bundle names, and its version: `sent`, after OpenSSH has loaded it, since a list that sshd
    can't read shuts everybody out (trust 6.1); else the one that is `here`, which was loaded when it came."""
    krl = sent or here
    if not krl:
        raise Invalid("the CA sent no KRL", code="bundle.krl", hint="without one sshd refuses every key")
    if sha256(krl).hexdigest() != bundle.krl_digest:
        raise Unauthenticated("the KRL is not the one that the host bundle names", code="bundle.krl")
    if krl != here:
        _load(krl)
        if not revokes_only_certificates(krl):
            raise Invalid(
                "the KRL revokes more than certificates of CAs that it names",
                code="bundle.krl",
                hint="keys in authorized_keys are the owner's own; ask the operator of the CA",
            )
    _require_glass_left(krl, trust)
    version = KrlHeader.parse(krl).version
    if version < known_version:
        raise Conflict(
            f"the KRL has version {version}, and {known_version} was seen before", code="document.rollback"
        )
    return krl, version


def _require_glass_left(krl: bytes, trust: TrustDocument) -> None:
    """What is revoked of break-glass the offline root has signed: a stolen CA takes nobody the way in that is left
    (trust 8.5)."""
    if not trust.break_glass or trusted.break_glass_problem(trust) is not None:
        return
    signed = [(each[0], each[-1]) for each in trust.break_glass_revoked if each]
    sections = sections_of(krl, trusted.public_keys(trust.break_glass))
    listed = (each for section in sections for each in section.serials)
    if not all(any(low <= first and last <= high for low, high in signed) for first, last in listed):
        raise Unauthenticated(
            "the KRL revokes break-glass certificates that the offline root has not revoked",
            code="bundle.krl",
            hint="do not go on; ask the operator of the CA",
        )


def _load(krl: bytes) -> None:
    if not keygen.loads(tools.find("ssh-keygen", "openssh-client"), krl):
        raise Invalid("the KRL that the CA sent can't be loaded by ssh-keygen", code="bundle.krl")
