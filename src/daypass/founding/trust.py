"""The trust document: what the configuration puts into it, and the offline root's signature under it (trust 5.6).

The first one is made at `ca init`; `ca trust` signs the next whenever keys or what stands in [hosts] change. Public
halves are all it takes from the CA's keys: those that sign need not be opened for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography import x509

from daypass.api import TRUST_NAMESPACE, Signed, TrustDocument
from daypass.ca.ports import Signer
from daypass.config import Config
from daypass.errors import DaypassError, Invalid, Misconfigured
from daypass.signers.generate import replace_file
from daypass.signers.x509 import certificate_file, fingerprint
from daypass.store import open_store
from daypass.trusted import extract_trust_root, verify_trust
from daypass.wire import PublicKey, SshSignature
from daypass.wire.sshsig import to_be_signed

__all__ = ["TrustFile", "changes", "describe", "public_half", "read_trust", "replace_trust", "require_root", "sign"]


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A trust document as it lies on the disk, verified."""

    signed: Signed
    document: TrustDocument
    ca_id: bytes


def read_trust(path: Path) -> TrustFile:
    """Raises Misconfigured for a file that is missing, or that its own offline root has not signed."""
    try:
        signed = msgspec.json.decode(path.read_bytes(), type=Signed)
        ca_id = bytes.fromhex(msgspec.json.decode(signed.document, type=TrustDocument).ca_id)
        return TrustFile(signed, verify_trust(signed, ca_id), ca_id)
    except OSError as error:
        raise Misconfigured(f"the trust document {path} can't be read: {error.strerror}", code="trust") from error
    except (msgspec.DecodeError, ValueError, DaypassError) as error:
        raise Misconfigured(
            f"the trust document {path} is not one that this CA's offline root signed", code="trust"
        ) from error


def describe(
    config: Config, ca_id: bytes, *, version: int, now: int, before: TrustDocument | None = None
) -> TrustDocument:
    """What the files that the configuration names amount to. Raises Misconfigured for any that will not do.

    Keys stand in the order in which they came: what the document before had is first, whichever signs by now. What it
    says of break-glass stands in no configuration (`founding.breakglass`), and stays.
    """
    listed = {"user": before.user_ca, "host": before.host_ca, "bundle": before.bundle_keys} if before else {}

    def lines(use: str) -> list[str]:
        return _in_order([_public_line(key.file) for key in config.keys if key.use == use], listed.get(use, []))

    roots = [_tls_root(certificate_file(key.file), ca_id) for key in config.keys if key.use == "tls"]
    return TrustDocument(
        ca_id=ca_id.hex(),
        version=version,
        issued_at=now,
        user_ca=lines("user"),
        host_ca=lines("host"),
        bundle_keys=lines("bundle"),
        tls_roots=_in_order(roots, before.tls_roots if before else []),
        host_patterns=list(config.hosts.domains),
        short_domain=config.hosts.short_names,
        address_networks=list(config.hosts.addresses),
        break_glass=before.break_glass if before else [],
        break_glass_account=before.break_glass_account if before else "",
        break_glass_revoked=before.break_glass_revoked if before else [],
    )


def _in_order(lines: list[str], before: list[str]) -> list[str]:
    known = [each for each in before if each in lines]
    return known + [each for each in lines if each not in known]


async def sign(document: TrustDocument, signer: Signer) -> Signed:
    """Under the offline root."""
    text = msgspec.json.encode(document)
    signature = await signer.sign(to_be_signed(TRUST_NAMESPACE, text))
    armored = SshSignature(signer.public_key, TRUST_NAMESPACE, "sha512", signature).armor()
    return Signed(document=text.decode(), signature=armored)


def changes(before: TrustDocument, after: TrustDocument) -> tuple[str, ...]:
    """What the later one adds and leaves out, a line each: `+ host pattern *.example.com`."""
    found: list[str] = []
    for (what, old), (_, new) in zip(_contents(before), _contents(after), strict=True):
        found += [f"- {what} {each}" for each in old if each not in new]
        found += [f"+ {what} {each}" for each in new if each not in old]
    return tuple(found)


async def replace_trust(
    config: Config, before: TrustFile, after: TrustDocument, signer: Signer, now: int, *, act: str = "ca.trust"
) -> None:
    """Sign the next document, put it on record, and only then in place.

    Raises Misconfigured for a signer that is not this CA's offline root, or where the file can't be written.
    """
    require_root(signer, before.ca_id)
    signed = await sign(after, signer)
    verify_trust(signed, before.ca_id, known_version=before.document.version + 1)
    details = {"trust": after.version, "changes": changes(before.document, after)}
    store = open_store(config.ca.database)
    try:
        await store.add_event(act, details, actor=f"uid:{os.geteuid()}", now=now)
    finally:
        await store.close()
    replace_file(config.ca.trust, msgspec.json.encode(signed), 0o644)


def require_root(signer: Signer, ca_id: bytes) -> None:
    """Raises Misconfigured for a key that is not this CA's offline root."""
    if sha256(signer.public_key.blob).digest() != ca_id:
        raise Misconfigured(
            f"{signer.public_key.fingerprint} is not the offline root of this CA",
            code="trust.root",
            hint="it was made by ca init, as offline/trust_root: name it with --trust-root",
        )


def public_half(key: Path) -> Path:
    """The file beside a private key, as ssh-keygen names it."""
    return key.with_name(key.name + ".pub")


def _public_line(key: Path) -> str:
    path = public_half(key)
    try:
        return PublicKey.from_line(path.read_text("utf-8").strip()).line()
    except (OSError, UnicodeDecodeError, Invalid) as error:
        raise Misconfigured(
            f"{path} holds no public key", code="trust.key", hint=f"ssh-keygen -y -f {key} > {path}"
        ) from error


def _tls_root(path: Path, ca_id: bytes) -> str:
    """Its PEM, if it pins the same offline root: people join by this certificate's fingerprint alone."""
    try:
        pem = path.read_text("ascii")
        if extract_trust_root(pem) == ca_id:
            return pem
    except (OSError, UnicodeDecodeError, Invalid) as error:
        raise Misconfigured(f"{path} holds no TLS root of daypass", code="trust.tls") from error
    raise Misconfigured(f"the TLS root {path} belongs to another CA", code="trust.tls")


def _contents(document: TrustDocument) -> Iterator[tuple[str, list[str]]]:
    """As a person compares them: keys and roots by fingerprint."""
    keys = {"user CA": document.user_ca, "host CA": document.host_ca, "bundle": document.bundle_keys}
    for use, lines in keys.items():
        yield f"{use} key", [PublicKey.from_line(line).fingerprint for line in lines]
    yield "TLS root", [fingerprint(x509.load_pem_x509_certificate(pem.encode())) for pem in document.tls_roots]
    yield "host pattern", document.host_patterns
    yield "short names in", [document.short_domain] if document.short_domain else []
    yield "addresses in", document.address_networks
    yield "break-glass key", [PublicKey.from_line(line).fingerprint for line in document.break_glass]
    yield "break-glass account", [document.break_glass_account] if document.break_glass_account else []
    yield "break-glass revoked", ["-".join(map(str, each)) for each in document.break_glass_revoked]
