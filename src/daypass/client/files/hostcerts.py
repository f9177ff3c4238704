"""Host certificates in files: the first for a join token, the next by the one there is (SSHPOP), and giving one up.

What comes back is believed only as far as the CA's trust document, signed by its offline root, goes (trust 5.6).
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from daypass import trusted
from daypass.api import POSSESSION_NAMESPACE, EnrolKey, EnrolRequest
from daypass.client.calls import host_token
from daypass.client.signin.subject import Prove
from daypass.errors import Conflict, Invalid, Unauthenticated
from daypass.remote import Remote
from daypass.wire import Certificate, CertType, PublicKey
from daypass.wire.binding import possession_message
from daypass.wire.pyca import PrivateKey

__all__ = ["Pin", "check_kind", "check_mine", "enrol", "fetch_pin", "rekey", "renew", "revoke"]

_MAX_LIFETIME = 400 * 86400  # seconds; a host certificate beyond a year is somebody's mistake


@dataclass(frozen=True, slots=True)
class Pin:
    """A CA as it is known here: its address, its X.509 roots, the hash of its trust root (32 bytes)."""

    url: str
    roots_pem: str
    ca_id: bytes
    trust_version: int = 0  # the highest seen

    def remote(self) -> Remote:
        return Remote(self.url, self.roots_pem)


def fetch_pin(url: str, fingerprint: str) -> Pin:
    """The CA whose X.509 root has this SHA-256."""
    with Remote(url, None) as unpinned:
        root = unpinned.root_unverified(fingerprint)
    return Pin(url, root, trusted.extract_trust_root(root))


def enrol(pin: Pin, token: str, name: str, key: PublicKey, prove: Prove) -> Certificate:
    """A host's first certificate, for a join token. Raises Conflict where the token is for another name."""
    proof = prove(POSSESSION_NAMESPACE, possession_message(pin.ca_id, token)).encode()
    with pin.remote() as remote:
        keys = [EnrolKey(public_key=key.blob, proof=proof)]
        answer = remote.enrol(EnrolRequest(token=token, keys=keys, name=name.lower()))
    document = trusted.verify_trust(answer.trust, pin.ca_id, known_version=pin.trust_version)
    if len(answer.certificates) != 1:
        raise Invalid(f"one key went to the CA, {len(answer.certificates)} certificates came back")
    certificate = _check(answer.certificates[0], key, trusted.public_keys(document.host_ca))
    if name.lower() not in certificate.principals:
        raise Conflict(
            f"the join token is for {', '.join(certificate.principals)}, and not for {name}; nothing was written",
            code="host.name",
            hint=f"the token is used up; make one for this host on the CA machine: daypass token host {name}",
        )
    return certificate


def check_kind(certificate: Certificate) -> None:
    """Raise Invalid unless it is a host's: a day pass's key never buys time (trust 4.2)."""
    if certificate.type is not CertType.HOST:
        hint = (
            "sign in anew: daypass login, or daypass certificate for one in files; daypass revoke SERIAL gives one up"
        )
        raise Invalid("a person's certificate is not renewed by its own key", code="certificate.user", hint=hint)


def check_mine(certificate: Certificate, key: PublicKey, now: float) -> None:
    """Raise Invalid unless it is for `key`, and still valid."""
    if certificate.public_key != key:
        raise Invalid("key and certificate do not belong together", code="key.pair")
    if certificate.valid_before <= now:
        hint = "make a join token on the CA machine (daypass token host NAME), then daypass host enroll"
        raise Invalid("the certificate has expired, so it proves nothing any more", code="expired", hint=hint)


def renew(pin: Pin, certificate: Certificate, key: PrivateKey) -> Certificate:
    """The next certificate for the same key."""
    token = host_token(pin.url, "renew", certificate, key)
    with pin.remote() as remote:
        answer = remote.renew(token)
        host_ca = _host_ca(pin, remote)
    return _next(answer.crt, certificate.public_key, certificate, host_ca)


def rekey(pin: Pin, certificate: Certificate, key: PrivateKey, new: PublicKey, prove: Prove) -> Certificate:
    """The next certificate, for another key, which shows that it is ours (trust 3.3)."""
    token = host_token(pin.url, "rekey", certificate, key)
    proof = prove(POSSESSION_NAMESPACE, possession_message(pin.ca_id, token)).encode()
    with pin.remote() as remote:
        answer = remote.rekey(token, new, proof)
        host_ca = _host_ca(pin, remote)
    return _next(answer.crt, new, certificate, host_ca)


def revoke(pin: Pin, certificate: Certificate, key: PrivateKey, reason: str, reason_code: int = 0) -> None:
    """Give up this very certificate. `reason_code`: 0 to 10 (RFC 5280 section 5.3.1)."""
    token = host_token(pin.url, "revoke", certificate, key)
    with pin.remote() as remote:
        remote.revoke_host(token, certificate.serial, reason=reason, reason_code=reason_code)


def _host_ca(pin: Pin, remote: Remote) -> tuple[PublicKey, ...]:
    document = trusted.verify_trust(remote.trust(), pin.ca_id, known_version=pin.trust_version)
    return trusted.public_keys(document.host_ca)


def _next(blob: bytes, key: PublicKey, before: Certificate, host_ca: Collection[PublicKey]) -> Certificate:
    """A renewal speaks for no name that the certificate before it did not speak for."""
    certificate = _check(blob, key, host_ca)
    if more := sorted(set(certificate.principals) - set(before.principals)):
        raise _wrong(f"it speaks for names that were not asked for: {', '.join(more)}")
    return certificate


def _check(blob: bytes, key: PublicKey, host_ca: Collection[PublicKey]) -> Certificate:
    certificate, now = Certificate.parse(blob), time.time()
    if certificate.signature_key not in host_ca:
        raise _wrong("it is signed by a key that the trust document does not name for hosts")
    try:
        certificate.verify_signature()
    except Invalid as error:
        raise _wrong("its signature does not hold") from error
    if certificate.public_key != key:
        raise _wrong("it is for another key")
    if certificate.type is not CertType.HOST or certificate.critical_options:
        raise _wrong("it is of another kind")
    if not certificate.principals or any(set(each) & set("*?!, ") for each in certificate.principals):
        raise _wrong("it names no host, or a pattern")
    late = certificate.valid_before <= now
    if late or certificate.valid_after > now + trusted.CLOCK_SLACK:
        raise _wrong("by this machine's clock it is not valid now: set the clock (timedatectl)")
    if certificate.valid_before - certificate.valid_after > _MAX_LIFETIME:
        raise _wrong("it would be valid for more than 400 days")
    return certificate


def _wrong(reason: str) -> Unauthenticated:
    return Unauthenticated(
        f"the CA sent a certificate that can't be used: {reason}",
        code="wrong-certificate",
        hint="nothing was written; tell the CA's operator",
    )
